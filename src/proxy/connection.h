// Connection: one accepted client connection and the requests that come over it, one after another.
#pragma once

#include <memory>

#include "io/buffer.h"
#include "io/socket.h"
#include "model/connection.h"
#include "proxy/worker.h"

namespace glassgate::proxy {

class ExchangeRun;

class Connection {
public:
    // Starts serving; the connection deletes itself at its end.
    static void start(Worker& worker, std::shared_ptr<Worker::Listening> listening,
                      io::Socket socket, const sockaddr_storage& peer);

    Worker& worker;
    std::shared_ptr<Worker::Listening> listening;
    io::Socket socket;
    io::Buffer buffer;           // received and not yet used
    char peer_address[48] = {};  // without port
    uint16_t peer_port = 0;
    // For the record, which is written when the connection closes: one that waits should be small.
    model::ConnectionEnding ending = model::ConnectionEnding::client_closed;
    uint32_t opened_listener = 0;  // its index when this one was accepted
    uint64_t opened_wall_ns = 0;
    uint64_t opened_ns = 0;
    uint64_t exchanges = 0;
    bool keep_alive = true;     // decided anew by each exchange
    bool reset_at_end = false;  // not closed in order: what was sent must not pass for whole
    bool input_left = false;    // bytes of a request may be under way: linger before closing

    ExchangeRun* exchange = nullptr;  // under way

    // No further request after this one: the gateway drains, or its listener is gone.
    [[nodiscard]] bool ends_soon() const noexcept {
        return worker.draining() || listening->removed;
    }
    // The gateway drains or the listener goes: ends at once if idle, else after the exchange.
    void drain() noexcept;
    // The drain time is over.
    void cut_off() noexcept;

private:
    Connection(Worker& w, std::shared_ptr<Worker::Listening> l, io::Socket s,
               const sockaddr_storage& peer);
    static io::Detached serve(std::unique_ptr<Connection> self);
    [[nodiscard]] bool request_is_here() noexcept;
    void begin_wait() noexcept;
    [[nodiscard]] bool end_wait(io::IoResult ready) noexcept;
    [[nodiscard]] bool may_go_on() noexcept;
    void close();
    io::Task<void> linger();
    [[nodiscard]] model::Connection record() const noexcept;
    uint64_t wait_until_ns_ = 0;
    bool idle_ = false;
};

}  // namespace glassgate::proxy
