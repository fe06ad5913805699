// MuxStream: one stream of an HTTP/2 session as the coroutines of an exchange use it: what a socket
// and its buffer are to them on HTTP/1.1. MuxLink: the connection under it.
//
// At most one coroutine reads and one writes. The session's calls resume them, inside its feed()
// and pull(); what they send goes out at the end of the loop's turn, with that of all other
// streams.
#pragma once

#include <coroutine>
#include <cstdint>
#include <string_view>

#include "http/h2/session.h"
#include "io/socket.h"

namespace glassgate::proxy {

// What moves bytes between a socket and a session. Whoever derives from it reads; this writes.
class MuxLink {
public:
    MuxLink(io::Loop& loop, io::BufferPool& buffers, io::Socket& socket) noexcept;
    MuxLink(const MuxLink&) = delete;
    MuxLink& operator=(const MuxLink&) = delete;

    [[nodiscard]] http::h2::Session& session() noexcept { return *session_; }
    [[nodiscard]] io::Loop& loop() noexcept { return loop_; }
    // Something has been given to the session that may have to be sent.
    void want_flush() noexcept { loop_.at_turn_end(turn_end_); }

    // MuxStreams there are.
    [[nodiscard]] std::size_t streams() const noexcept { return streams_; }

protected:
    ~MuxLink();
    // Until there is no stream left.
    [[nodiscard]] auto all_gone() noexcept {
        struct Awaiter {
            MuxLink* self;
            bool await_ready() const noexcept { return self->streams_ == 0; }
            void await_suspend(std::coroutine_handle<> waiter) noexcept { self->waiter_ = waiter; }
            void await_resume() const noexcept {}
        };
        return Awaiter{this};
    }
    void use(http::h2::Session& session) noexcept { session_ = &session; }
    // Takes what has arrived, at most one buffer. False: the session is over, or the socket.
    [[nodiscard]] bool take_arrived(io::IoStatus& status);
    // Sends what is still to be sent, for as long as `stall_ns` at most; then nothing more.
    io::Task<void> end_output(uint64_t stall_ns);
    void arm_deadline() noexcept;

private:
    friend class MuxStream;
    void stream_gone();
    static void on_turn_end(void* self);
    static void on_deadline(void* self);
    io::Task<void> flush();

    io::Loop& loop_;
    io::BufferPool& buffers_;
    io::Socket& socket_;
    http::h2::Session* session_ = nullptr;
    io::TurnEnd turn_end_;
    io::Timer deadline_;
    io::Joinable flush_;
    bool broken_ = false;  // the socket takes nothing more
    std::size_t streams_ = 0;
    std::coroutine_handle<> waiter_;
};

class MuxStream {
public:
    MuxStream(MuxLink& link, http::h2::Stream& stream) noexcept;
    ~MuxStream();  // gives the stream back
    MuxStream(const MuxStream&) = delete;
    MuxStream& operator=(const MuxStream&) = delete;

    [[nodiscard]] http::h2::Stream& stream() const noexcept { return *stream_; }
    [[nodiscard]] http::h2::Session& session() noexcept { return link_.session(); }
    static MuxStream& of(http::h2::Stream& stream) noexcept {
        return *static_cast<MuxStream*>(stream.user);
    }

    // The first bytes of the body that wait here; empty: none.
    [[nodiscard]] std::string_view received() const noexcept { return stream_->received(); }
    // received() is all that will come, trailers apart.
    [[nodiscard]] bool is_last() const noexcept {
        return stream_->ended() && stream_->unread_bytes() == stream_->received().size();
    }
    void consume(std::size_t bytes);
    // The stream ended before the response did: for a server what it sends, for a client what it
    // receives.
    [[nodiscard]] bool broken() const noexcept { return stream_->closed() && !in_order(); }
    [[nodiscard]] bool in_order() const noexcept {
        return stream_->end().by == http::h2::StreamEnd::By::both ||
               (link_.session().role() == http::h2::Role::server ? stream_->sent_end()
                                                                 : stream_->ended());
    }

    void respond(const http::h2::FieldList& fields, bool end);
    void interim(const http::h2::FieldList& fields);
    void finish(std::string_view trailer_lines);
    void reset(http::h2::ErrorCode code);
    void discard(http::h2::ErrorCode code);

    // Every wait, now and later, ends with `cancelled`.
    void cancel() noexcept;
    void uncancel() noexcept { cancelled_ = false; }
    // `hook` runs once when the peer gives the stream up; check broken() first.
    void set_hangup_hook(void (*hook)(void*), void* context) noexcept {
        hangup_hook_ = hook;
        hangup_context_ = context;
    }

    // What the session tells (MuxLink's derived classes hand it on).
    void on_head() noexcept;
    void on_interim() noexcept;
    void on_readable() noexcept {
        if (!reading_head_) wake_reader(io::IoStatus::ok);
    }
    void on_sent() noexcept;
    void on_closed() noexcept;

    // A client's side. `hook` reads a head at once, while the session has it; interim ones only
    // when somebody waits for them.
    enum class Heard : uint8_t { nothing, interim, head };
    void set_head_hook(void (*hook)(void*, Heard), void* context) noexcept {
        head_hook_ = hook;
        head_context_ = context;
    }
    [[nodiscard]] Heard heard() const noexcept { return heard_; }
    void interim_done() noexcept {
        if (heard_ == Heard::interim) heard_ = Heard::nothing;
    }

private:
    struct Read {
        io::IoStatus status = io::IoStatus::ok;
        std::coroutine_handle<> waiter;
    };
    struct Write {
        std::string_view parts[2];
        int next = 0, count = 0;
        bool end = false;
        uint64_t stall_ns = 0;
        io::IoResult result;
        std::coroutine_handle<> waiter;
    };
    struct ReadAwaiter {
        MuxStream* self;
        uint64_t deadline_ns;
        bool for_head;
        Read op;
        bool await_ready() noexcept { return self->ready_to_read(*this); }
        void await_suspend(std::coroutine_handle<> waiter) noexcept;
        io::IoStatus await_resume() const noexcept { return op.status; }
    };
    struct WriteAwaiter {
        MuxStream* self;
        Write op;
        bool await_ready() noexcept { return self->start_write(op); }
        void await_suspend(std::coroutine_handle<> waiter) noexcept;
        io::IoResult await_resume() const noexcept { return op.result; }
    };

public:
    // Until received() is not empty or is_last(). `reset`: the stream broke off.
    [[nodiscard]] ReadAwaiter readable(uint64_t deadline_ns) noexcept {
        return {this, deadline_ns, false, {}};
    }
    // Until heard() is something.
    [[nodiscard]] ReadAwaiter head(uint64_t deadline_ns) noexcept {
        return {this, deadline_ns, true, {}};
    }
    // Both parts, and the end of the body with `end`; until they have been taken, or no progress
    // for stall_ns. With nothing to send and no end it is done at once.
    // Until the stream is closed: what ended it has gone out. It must not be given back before.
    [[nodiscard]] auto closed() noexcept {
        struct Awaiter {
            MuxStream* self;
            bool await_ready() const noexcept { return self->stream_->closed(); }
            void await_suspend(std::coroutine_handle<> waiter) noexcept { self->closing_ = waiter; }
            void await_resume() const noexcept {}
        };
        return Awaiter{this};
    }
    [[nodiscard]] WriteAwaiter write(std::string_view a, std::string_view b, bool end,
                                     uint64_t stall_ns) noexcept;

private:
    [[nodiscard]] bool ready_to_read(ReadAwaiter& awaiter) const noexcept;
    [[nodiscard]] bool start_write(Write& op) noexcept;
    bool send_next(Write& op) noexcept;
    void wake_reader(io::IoStatus status) noexcept;
    void wake_writer(io::IoStatus status) noexcept;
    static void on_read_timer(void* self);
    static void on_write_timer(void* self);

    MuxLink& link_;
    http::h2::Stream* stream_;
    Read* reading_ = nullptr;
    bool reading_head_ = false;
    Write* writing_ = nullptr;
    std::coroutine_handle<> closing_;
    Heard heard_ = Heard::nothing;
    bool cancelled_ = false;
    void (*hangup_hook_)(void*) = nullptr;
    void* hangup_context_ = nullptr;
    void (*head_hook_)(void*, Heard) = nullptr;
    void* head_context_ = nullptr;
    // Kept by who resumes something that may end this stream: whether it has.
    struct Watch {
        explicit Watch(MuxStream& stream) noexcept;
        ~Watch();
        MuxStream* self;  // null: gone
        Watch* outer;
    };
    Watch* watch_ = nullptr;
    io::Timer read_timer_, write_timer_;
};

}  // namespace glassgate::proxy
