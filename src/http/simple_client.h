// One accepted connection of a SimpleServer and the requests that come over it, one after another.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "http/gzip.h"
#include "http/h1.h"
#include "http/simple_server.h"
#include "io/buffer.h"
#include "io/socket.h"

namespace glassgate::http {

class SimpleClient;

// What its connections see of a server. All on the server's thread.
struct SimpleService {
    virtual void closed(SimpleClient* client) noexcept = 0;

    io::Loop* loop = nullptr;
    io::BufferPool buffers;
    SimpleServer::Limits limits;
    std::vector<SimpleServer::Route> routes;
    GzipCompressor gzip;
    bool stopping = false;

protected:
    ~SimpleService() = default;
};

class SimpleClient {
public:
    SimpleClient(SimpleService& service, io::Socket socket, const sockaddr_storage& peer);
    SimpleClient(const SimpleClient&) = delete;
    SimpleClient& operator=(const SimpleClient&) = delete;

    // Runs until the connection ends, then tells the service, which frees it.
    io::Detached serve();

    // Ends it now; it may be gone when this returns.
    void end() noexcept { socket_.cancel(); }
    // Waits for a request, and since when.
    [[nodiscard]] bool idle() const noexcept { return idle_; }
    [[nodiscard]] uint64_t idle_since_ns() const noexcept { return idle_since_ns_; }

private:
    enum class BodyStep : uint8_t { more, done, too_large, malformed };

    io::Task<bool> serve_one(uint64_t idle_timeout_ns);
    io::Task<bool> wait_for_request(uint64_t timeout_ns);
    io::Task<bool> receive_head();
    io::Task<bool> receive_body();
    io::Task<io::IoStatus> fill(uint64_t deadline_ns);
    BodyStep take_body();
    void handle(SimpleResponse& response);
    io::Task<bool> answer(SimpleResponse& response);
    io::Task<bool> send(std::string_view a, std::string_view b);
    io::Task<void> refuse(uint16_t status, std::string_view why);
    io::Task<void> receive_failed(io::IoStatus status);
    io::Task<void> linger();
    void append_head(const SimpleResponse& response, bool gzipped, bool may_gzip);
    static void on_write_deadline(void* self);

    SimpleService& service_;
    io::Socket socket_;
    io::Buffer buffer_;
    char peer_[48] = {};
    bool idle_ = false;
    uint64_t idle_since_ns_ = 0;
    io::Timer write_deadline_;

    // Of the request under way.
    std::string head_bytes_;  // what head_ points into
    RequestHead head_;
    ChunkedDecoder chunks_;
    ParseError body_error_ = ParseError::none;
    std::string body_;
    bool keep_alive_ = false;
    std::string out_, packed_;
};

}  // namespace glassgate::http
