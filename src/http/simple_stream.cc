// Answers of a SimpleServer that are made elsewhere: waiting for them, and writing streams.
#include "base/clock.h"
#include "http/h1.h"
#include "http/simple_client.h"

namespace glassgate::http {

// The dispatcher's answer, whole or as a stream. True: the connection may be used again.
io::Task<bool> SimpleClient::answer_elsewhere() {
    reply_ = std::make_shared<SimpleReply>();
    reply_->attach(*service_.loop, *this);
    leaving_ = socket_.hangup();
    socket_.set_hangup_hook(&on_hangup, this);
    service_.dispatcher->dispatch(head_, peer_, std::move(body_), reply_);
    body_.clear();
    // A client that has closed before its answer was there does not wait for it; one whose answer
    // is there already gets it, whatever it did to its own side.
    while (!leaving_ && !reply_->decided()) {
        co_await wait_for_reply();
    }
    bool good = false;
    StreamEnd end = StreamEnd::client_gone;
    if (reply_->decided()) {
        SimpleResponse response;
        const bool streams = reply_->take(response) == SimpleReply::State::streaming;
        if (streams)
            good = co_await stream(*reply_, response, end);
        else
            good = co_await answer(response);
    }
    if (socket_.open()) socket_.set_hangup_hook(nullptr, nullptr);
    reply_->detach(end);
    reply_.reset();
    co_return good && !leaving_;
}

// Chunked, so that the connection can be used afterwards; until its end for HTTP/1.0.
io::Task<bool> SimpleClient::stream(SimpleReply& reply, SimpleResponse& first, StreamEnd& end) {
    if (head_.version == Version::http10) keep_alive_ = false;
    append_stream_head(first);
    bool good = co_await send(out_, {});
    bool finished = head_.method == Method::head;
    const StreamLimits& limits = reply.limits_;
    while (good && !leaving_ && !finished) {
        paused_ = limits.heartbeat_ms != 0;
        if (reply.take_pushed(packed_, finished)) {
            good = co_await send_pushed(packed_, limits.stall_ms);
            finished = false;  // there may be more
            continue;
        }
        if (finished) break;
        if (paused_)
            service_.loop->timers().arm(pause_,
                                        service_.loop->now_ns() + limits.heartbeat_ms * kNsPerMs);
        co_await wait_for_reply();
        pause_.disarm();
        if (!paused_ && limits.heartbeat_ms != 0)
            good = co_await send_pushed(limits.heartbeat, limits.stall_ms);
    }
    if (!good && !leaving_) end = StreamEnd::too_slow;
    if (!good || leaving_) co_return false;
    end = StreamEnd::finished;
    if (head_.version == Version::http10 || head_.method == Method::head) co_return true;
    co_return co_await send("0\r\n\r\n", {});
}

io::Task<bool> SimpleClient::send_pushed(std::string_view bytes, uint32_t stall_ms) {
    std::string_view end;
    out_.clear();
    if (head_.version != Version::http10) {
        char size[18];
        out_.assign(size, write_chunk_size(size, bytes.size()));
        end = "\r\n";
    }
    const io::IoResult sent = co_await socket_.write(out_, stall_ms * kNsPerMs, bytes, end);
    co_return sent.ok();
}

void SimpleClient::append_stream_head(const SimpleResponse& first) {
    append_status(first.status);
    append_field("Content-Type", first.content_type);
    if (head_.version != Version::http10) append_field("Transfer-Encoding", "chunked");
    append_fields(first);
}

void SimpleClient::wake() noexcept {
    if (waiter_) std::exchange(waiter_, {}).resume();
}

void SimpleClient::end() noexcept {
    leaving_ = true;
    if (waiter_)
        wake();
    else
        socket_.cancel();
}

void SimpleClient::reply_changed() noexcept {
    // What it does not read would wait for ever.
    if (reply_ != nullptr && reply_->overflowed())
        end();
    else
        wake();
}

void SimpleClient::on_hangup(void* self) {
    auto& client = *static_cast<SimpleClient*>(self);
    client.leaving_ = true;
    client.wake();
}

void SimpleClient::on_pause_over(void* self) {
    auto& client = *static_cast<SimpleClient*>(self);
    client.paused_ = false;
    client.wake();
}

}  // namespace glassgate::http
