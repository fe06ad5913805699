#include "proxy/ticket_rotation.h"

#include <algorithm>
#include <utility>

namespace glassgate::proxy {

void TicketRotation::follow(Keys keys) {
    keys_ = std::move(keys);
    rotate();
}

void TicketRotation::rotate() {
    uint64_t next_ns = 0;
    for (const auto& keys : keys_) {
        const uint64_t due_ns = keys->rotate(loop_.refresh_now());
        if (due_ns != 0) next_ns = next_ns == 0 ? due_ns : std::min(next_ns, due_ns);
    }
    if (next_ns == 0)
        due_.disarm();
    else
        loop_.timers().arm(due_, next_ns);
}

void TicketRotation::on_due(void* self) { static_cast<TicketRotation*>(self)->rotate(); }

}  // namespace glassgate::proxy
