// TicketRotation: gives the listeners' session ticket keys their successors in time. On a loop's
// thread.
#pragma once

#include <memory>
#include <vector>

#include "io/loop.h"
#include "io/tls/ticket_keys.h"

namespace glassgate::proxy {

class TicketRotation {
public:
    explicit TicketRotation(io::Loop& loop) : loop_(loop), due_(&TicketRotation::on_due, this) {}
    TicketRotation(const TicketRotation&) = delete;
    TicketRotation& operator=(const TicketRotation&) = delete;

    using Keys = std::vector<std::shared_ptr<io::tls::TicketKeys>>;
    // From now on these, instead of those of the call before; what they have in common goes on in
    // its own time.
    void follow(Keys keys);

private:
    void rotate();
    static void on_due(void* self);

    io::Loop& loop_;
    Keys keys_;
    io::Timer due_;
};

}  // namespace glassgate::proxy
