// Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace glassgate::http {
class SimpleReply;
}

namespace glassgate::console {

// One client's stream. A handler makes one, keeps it, and puts it into its Response; whoever has
// it may send, from any thread, at once. The server bounds what waits for the client, sends
// heartbeats, and gives up a client that does not read (which it counts).
class EventStream {
public:
    EventStream() = default;
    EventStream(const EventStream&) = delete;
    EventStream& operator=(const EventStream&) = delete;

    // `event`: its type, empty for "message"; `data` may have lines; `id`: what the client names as
    // Last-Event-ID when it comes back. False: the client has gone or was given up: forget the
    // stream.
    bool send(std::string_view event, std::string_view data, std::string_view id = {});
    // Text made by event_text() before, for many streams.
    bool send_text(std::string_view text);
    // Ends it in order, after what has been sent. A browser comes back unless it is told not to.
    void end();
    [[nodiscard]] bool open() const;

    // The server's. What was sent before goes out first.
    void bind(std::shared_ptr<http::SimpleReply> reply);
    // What was sent and no server has taken; for tests of handlers.
    [[nodiscard]] std::string unsent() const;

private:
    mutable std::mutex mutex_;
    std::shared_ptr<http::SimpleReply> reply_;  // null: not bound yet
    std::string unsent_;
    bool ended_ = false;
};

// An event as it goes over the wire.
[[nodiscard]] std::string event_text(std::string_view event, std::string_view data,
                                     std::string_view id = {});

// The streams of those who listen to one thing. Any thread.
class EventFeed {
public:
    void add(std::shared_ptr<EventStream> stream);
    // To all; those who have gone are forgotten.
    void send(std::string_view event, std::string_view data, std::string_view id = {});
    // Whether anybody listens: what nobody hears need not be written.
    [[nodiscard]] bool empty() const;
    [[nodiscard]] std::size_t size() const;

private:
    mutable std::mutex mutex_;
    std::vector<std::shared_ptr<EventStream>> streams_;
};

}  // namespace glassgate::console
