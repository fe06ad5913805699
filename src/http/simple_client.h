// One accepted connection of a SimpleServer and the requests that come over it, one after another.
#pragma once

#include <sys/socket.h>

#include <coroutine>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/gzip.h"
#include "http/h1.h"
#include "http/simple_reply.h"
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
    SimpleDispatcher* dispatcher = nullptr;  // instead of the routes
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
    void end() noexcept;
    // Something about the reply under way is new; it may be gone when this returns.
    void reply_changed() noexcept;
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
    io::Task<bool> answer_elsewhere();
    io::Task<bool> stream(SimpleReply& reply, SimpleResponse& first, StreamEnd& end);
    io::Task<bool> send_pushed(std::string_view bytes, uint32_t stall_ms);
    void append_stream_head(const SimpleResponse& first);
    io::Task<bool> answer(SimpleResponse& response);
    io::Task<bool> send(std::string_view a, std::string_view b);
    io::Task<void> refuse(uint16_t status, std::string_view why);
    io::Task<void> receive_failed(io::IoStatus status);
    io::Task<void> linger();
    void append_head(const SimpleResponse& response, bool gzipped, bool may_gzip);
    void append_status(uint16_t status);
    void append_field(std::string_view name, std::string_view value);
    void append_fields(const SimpleResponse& response);
    static void on_write_deadline(void* self);

    // Until something about the reply changes, the client leaves, or the pause is over.
    auto wait_for_reply() noexcept {
        struct Awaiter {
            SimpleClient* self;
            bool await_ready() const noexcept { return self->leaving_; }
            void await_suspend(std::coroutine_handle<> waiter) noexcept { self->waiter_ = waiter; }
            void await_resume() const noexcept {}
        };
        return Awaiter{this};
    }
    void wake() noexcept;
    static void on_hangup(void* self);
    static void on_pause_over(void* self);

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
    uint32_t body_limit_ = 0;
    bool keep_alive_ = false;
    std::string out_, packed_;

    std::shared_ptr<SimpleReply> reply_;
    std::coroutine_handle<> waiter_;  // waits for the reply
    bool leaving_ = false;            // the client has gone, or was ended
    bool paused_ = false;             // the pause is not over
    io::Timer pause_;
};

}  // namespace glassgate::http
