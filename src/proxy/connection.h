// Connection: one accepted client connection and the requests that come over it, one after another.
#pragma once

#include <memory>

#include "io/buffer.h"
#include "io/socket.h"
#include "model/connection.h"
#include "proxy/worker.h"

namespace glassgate::proxy {

class ExchangeRun;
class H2Connection;

// What an exchange decides about the client's side when it is over. On HTTP/1.1 that is the
// connection's fate, on HTTP/2 the stream's.
struct Fate {
    bool keep_alive = true;     // decided anew by each exchange
    bool reset_at_end = false;  // not closed in order: what was sent must not pass for whole
    bool input_left = false;    // bytes of a request may be under way: linger before closing
    model::ConnectionEnding ending = model::ConnectionEnding::client_closed;
};

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
    uint32_t opened_listener = 0;  // its index when this one was accepted
    uint64_t opened_wall_ns = 0;
    uint64_t opened_ns = 0;
    uint64_t exchanges = 0;
    Fate fate;
    model::TlsVersion tls = model::TlsVersion::none;
    bool tls_resumed = false;

    ExchangeRun* exchange = nullptr;  // under way, on HTTP/1.1
    H2Connection* h2 = nullptr;       // when it speaks HTTP/2

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
    io::Task<bool> open();  // PROXY header, TLS, which version of HTTP
    io::Task<bool> read_proxy_header(uint64_t deadline_ns);
    io::Task<bool> accept_tls(const ListenerPlan& listener, uint64_t deadline_ns);
    [[nodiscard]] bool agreed_on_h2() const noexcept;
    io::Task<void> serve_h2();
    void refuse(model::ConnectionEnding ending, std::string_view reason, std::string_view detail);
    [[nodiscard]] bool preface_is_here() noexcept;
    [[nodiscard]] bool asks_for_h2c();
    [[nodiscard]] bool request_is_here() noexcept;
    void begin_wait() noexcept;
    [[nodiscard]] bool end_wait(io::IoResult ready) noexcept;
    [[nodiscard]] bool may_go_on() noexcept;
    void close();
    io::Task<void> linger();
    [[nodiscard]] model::Connection record() const noexcept;
    struct Refused {
        std::string reason, detail;
    };
    std::unique_ptr<Refused> refused_;  // most are not
    std::string upgrade_head_;          // of the request that asked for h2c
    uint64_t wait_until_ns_ = 0;
    bool idle_ = false;
};

}  // namespace glassgate::proxy
