// SimpleServer: what the metrics endpoint, the health checks and the console are served with. One
// thread ("admin") with a loop of its own, so that it answers while the workers are saturated.
// Small, strict, bounded; not the data plane.
//
// HTTP/1.0 and 1.1 with keep-alive and pipelining. What is not exactly a request is refused with
// the status of its fault and a closed connection. A client that is slow to send meets 408, one
// that is slow to read is cut off. When all connections are taken, the one that has been idle the
// longest gives way to a new one; when none is idle, the new one is told 503.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace glassgate::http {

class SimpleDispatcher;  // simple_reply.h

struct SimpleRequest {
    const RequestHead& head;
    std::string_view body;  // whole; bounded by SimpleServer::Limits
    std::string_view peer;  // address without port
};

struct SimpleResponse {
    uint16_t status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;  // compressed with gzip when the client takes it and it pays
};

class SimpleServer {
public:
    struct Limits {
        uint32_t connections = 256;
        uint32_t body_bytes = 1u << 20;
        uint32_t header_timeout_ms = 5000;   // from its first byte to the end of the head
        uint32_t write_timeout_ms = 30'000;  // the whole answer; one second more per 64 KiB of it
        uint32_t idle_timeout_ms = 120'000;  // between requests
        uint32_t body_timeout_ms = 10'000;   // the whole request body
    };
    // Called on the server's thread, one request at a time.
    using Handler = std::function<void(const SimpleRequest&, SimpleResponse&)>;

    // Routes by exact path; a path that is not there is 404, a method that is not there 405.
    // HEAD is answered by the GET handler. A handler that sets Content-Encoding itself is believed.
    struct Route {
        Method method = Method::get;
        std::string path;
        Handler handler;
    };
    // address: numeric; port 0: any free one. Fails when it cannot listen.
    static Result<std::unique_ptr<SimpleServer>> start(const std::string& address, uint16_t port,
                                                       std::vector<Route> routes,
                                                       const Limits& limits);
    // The same for a server that answers elsewhere: by path patterns, on other threads, in streams.
    // `dispatcher` outlives it. thread_name: at most 15 bytes.
    static Result<std::unique_ptr<SimpleServer>> start(const std::string& address, uint16_t port,
                                                       SimpleDispatcher& dispatcher,
                                                       const Limits& limits,
                                                       const char* thread_name);
    virtual ~SimpleServer() = default;  // stops the thread; open connections are closed
    [[nodiscard]] virtual uint16_t port() const noexcept = 0;
    // Any thread but the server's. Other routes from the next request on, on the same port and
    // connections; returns when no handler of the old ones will run any more. (The port is not
    // shared: a second server on it cannot be started before this one has gone.)
    virtual void set_routes(std::vector<Route> routes) = 0;
};

}  // namespace glassgate::http
