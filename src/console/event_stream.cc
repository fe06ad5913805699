#include "console/event_stream.h"

#include <algorithm>

#include "http/simple_reply.h"

namespace glassgate::console {
namespace {

// Line ends would end the field.
void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ");
    for (const char c : value)
        if (c != '\n' && c != '\r' && c != '\0') out += c;
    out += '\n';
}

// LF, CR and CRLF all end a line.
void append_data(std::string& out, std::string_view data) {
    while (true) {
        const std::size_t end = data.find_first_of("\r\n");
        out.append("data: ").append(data.substr(0, end)).append("\n");
        if (end == std::string_view::npos) return;
        const bool two = data[end] == '\r' && end + 1 < data.size() && data[end + 1] == '\n';
        data.remove_prefix(end + (two ? 2 : 1));
    }
}

}  // namespace

std::string event_text(std::string_view event, std::string_view data, std::string_view id) {
    std::string text;
    text.reserve(event.size() + data.size() + id.size() + 32);
    if (!id.empty()) append_field(text, "id", id);
    if (!event.empty()) append_field(text, "event", event);
    append_data(text, data);
    text += '\n';
    return text;
}

bool EventStream::send(std::string_view event, std::string_view data, std::string_view id) {
    return send_text(event_text(event, data, id));
}

bool EventStream::send_text(std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    if (reply_) return reply_->push(text);
    unsent_ += text;
    return true;
}

void EventStream::end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    if (reply_) reply_->finish();
}

bool EventStream::open() const {
    const std::lock_guard lock(mutex_);
    return !ended_ && (reply_ == nullptr || !reply_->gone().load());
}

void EventStream::bind(std::shared_ptr<http::SimpleReply> reply) {
    const std::lock_guard lock(mutex_);
    reply_ = std::move(reply);
    if (!unsent_.empty()) (void)reply_->push(unsent_);
    std::string().swap(unsent_);
    if (ended_) reply_->finish();
}

std::string EventStream::unsent() const {
    const std::lock_guard lock(mutex_);
    return unsent_;
}

void EventFeed::add(std::shared_ptr<EventStream> stream) {
    const std::lock_guard lock(mutex_);
    std::erase_if(streams_, [](const auto& s) { return !s->open(); });
    streams_.push_back(std::move(stream));
}

void EventFeed::send(std::string_view event, std::string_view data, std::string_view id) {
    const std::lock_guard lock(mutex_);
    if (streams_.empty()) return;
    const std::string text = event_text(event, data, id);
    std::erase_if(streams_, [&](const auto& s) { return !s->send_text(text); });
}

bool EventFeed::empty() const { return size() == 0; }

std::size_t EventFeed::size() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(streams_.begin(), streams_.end(), [](const auto& s) { return s->open(); }));
}

}  // namespace glassgate::console
