#include "http/simple_reply.h"

#include <utility>

#include "http/simple_client.h"
#include "io/loop.h"

namespace glassgate::http {

void SimpleReply::complete(SimpleResponse response) {
    const std::lock_guard lock(mutex_);
    if (state_ != State::open) return;
    state_ = State::complete;
    response_ = std::move(response);
    wake_locked();
}

void SimpleReply::stream(SimpleResponse head, StreamLimits limits, Ended ended) {
    {
        const std::lock_guard lock(mutex_);
        if (state_ != State::open) return;
        state_ = State::streaming;
        if (!gone_.load()) {
            response_ = std::move(head);
            limits_ = std::move(limits);
            ended_ = std::move(ended);
            wake_locked();
            return;
        }
    }
    if (ended) ended(StreamEnd::client_gone);
}

bool SimpleReply::push(std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    if (gone_.load() || finished_ || overflowed_ || state_ == State::complete) return false;
    if (pushed_.size() + bytes.size() > limits_.pending_bytes)
        overflowed_ = true;
    else
        pushed_ += bytes;
    wake_locked();
    return !overflowed_;
}

void SimpleReply::finish() {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    wake_locked();
}

// One post for any number of changes before the server's thread comes to look.
void SimpleReply::wake_locked() {
    if (loop_ == nullptr || wake_posted_) return;
    wake_posted_ = true;
    loop_->post([self = shared_from_this()] {
        {
            const std::lock_guard lock(self->mutex_);
            self->wake_posted_ = false;
        }
        if (self->client_ != nullptr) self->client_->reply_changed();
    });
}

void SimpleReply::attach(io::Loop& loop, SimpleClient& client) {
    client_ = &client;
    const std::lock_guard lock(mutex_);
    loop_ = &loop;
}

void SimpleReply::detach(StreamEnd end) {
    client_ = nullptr;
    Ended ended;
    {
        const std::lock_guard lock(mutex_);
        loop_ = nullptr;
        gone_ = true;
        ended = std::exchange(ended_, {});
        if (overflowed_) end = StreamEnd::too_slow;
        std::string().swap(pushed_);
    }
    if (ended) ended(end);
}

bool SimpleReply::decided() {
    const std::lock_guard lock(mutex_);
    return state_ != State::open;
}

SimpleReply::State SimpleReply::take(SimpleResponse& response) {
    const std::lock_guard lock(mutex_);
    response = std::move(response_);
    return state_;
}

bool SimpleReply::take_pushed(std::string& into, bool& finished) {
    const std::lock_guard lock(mutex_);
    into.clear();
    std::swap(into, pushed_);
    finished = finished_;
    return !into.empty();
}

bool SimpleReply::overflowed() {
    const std::lock_guard lock(mutex_);
    return overflowed_;
}

}  // namespace glassgate::http
