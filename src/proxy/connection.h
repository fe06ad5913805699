// Connection: one accepted client connection and the requests that come over it, one after another.
#pragma once

#include <memory>

#include "io/buffer.h"
#include "io/socket.h"
#include "model/connection.h"
#include "proxy/worker.h"

namespace glassgate::proxy {

class Connection {
public:
    // Starts serving; the connection deletes itself at its end.
    static void start(Worker& worker, std::shared_ptr<Worker::Listening> listening, io::Socket socket,
                      const sockaddr_storage& peer);

    Worker& worker;
    std::shared_ptr<Worker::Listening> listening;
    io::Socket socket;
    io::Buffer buffer;             // received and not yet used
    model::Connection record;
    char peer_address[48] = {};    // without port
    uint16_t peer_port = 0;
    bool keep_alive = true;        // decided anew by each exchange
    bool input_left = false;       // bytes of a request may be under way: linger before closing

    // The gateway drains: ends at once if idle, else after the exchange.
    void drain() noexcept;
    // The drain time is over.
    void cut_off() noexcept;

    [[nodiscard]] const ListenerPlan& settings(const Plan& plan) const noexcept {
        return plan.listeners[listening->index];
    }

private:
    Connection(Worker& w, std::shared_ptr<Worker::Listening> l, io::Socket s, const sockaddr_storage& peer);
    static io::Detached serve(std::unique_ptr<Connection> self);
    io::Task<void> serve_requests();
    io::Task<bool> wait_for_request(uint64_t idle_timeout_ns);
    io::Task<void> linger();
    bool idle_ = true;
};

}  // namespace glassgate::proxy
