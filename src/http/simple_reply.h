// SimpleReply: the answer to one request of a SimpleServer while it is being made, on whichever
// thread makes it: whole, or as a stream that goes on until one side has had enough.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "http/simple_server.h"

namespace glassgate::io {
class Loop;
}

namespace glassgate::http {

class SimpleClient;

enum class StreamEnd : uint8_t {
    finished,     // by finish()
    client_gone,  // closed, broken, or the server stops
    too_slow,     // did not read what was pushed
};

struct StreamLimits {
    std::size_t pending_bytes = 256 * 1024;  // pushed and not yet written; beyond: too slow
    uint32_t stall_ms = 10'000;              // one write takes longer: too slow
    uint32_t heartbeat_ms = 15'000;          // without anything else to send; 0: none
    std::string heartbeat;
};

class SimpleReply : public std::enable_shared_from_this<SimpleReply> {
public:
    using Ended = std::function<void(StreamEnd)>;

    // Any thread, one of them once. What comes later, or after the client has gone, is dropped.
    void complete(SimpleResponse response);
    // The head at once, the body as it is pushed. `ended` is called once, on the server's thread
    // or, if the client had gone already, on this one.
    void stream(SimpleResponse head, StreamLimits limits, Ended ended);

    // Of a stream; any thread, also before stream(). False: it has ended (or this was too much for
    // a client that does not read), push no more.
    bool push(std::string_view bytes);
    void finish();

    // True from when the client has gone away, or has been given up.
    [[nodiscard]] const std::atomic<bool>& gone() const noexcept { return gone_; }

private:
    friend class SimpleClient;
    enum class State : uint8_t { open, complete, streaming };

    // The server's thread.
    void attach(io::Loop& loop, SimpleClient& client);
    void detach(StreamEnd end);
    [[nodiscard]] bool decided();
    [[nodiscard]] State take(SimpleResponse& response);
    // What has been pushed; false: nothing, and `finished` says whether there will be more.
    [[nodiscard]] bool take_pushed(std::string& into, bool& finished);
    [[nodiscard]] bool overflowed();
    void wake_locked();

    std::atomic<bool> gone_{false};
    SimpleClient* client_ = nullptr;  // the server's thread only

    std::mutex mutex_;          // guards what follows
    io::Loop* loop_ = nullptr;  // null: detached
    bool wake_posted_ = false;
    State state_ = State::open;
    SimpleResponse response_;
    StreamLimits limits_;
    Ended ended_;
    std::string pushed_;
    bool finished_ = false, overflowed_ = false;
};

// Answers requests elsewhere than in a route's handler. Called on the server's thread.
class SimpleDispatcher {
public:
    virtual ~SimpleDispatcher() = default;
    // How long a body may be, before any of it is read.
    [[nodiscard]] virtual uint32_t body_bytes_max(const RequestHead& head) = 0;
    // `head` is valid during the call. The reply is to be completed or streamed, now or later.
    virtual void dispatch(const RequestHead& head, std::string_view peer, std::string body,
                          std::shared_ptr<SimpleReply> reply) = 0;
};

}  // namespace glassgate::http
