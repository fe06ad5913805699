#include "http/simple_client.h"

#include <algorithm>

#include "base/clock.h"
#include "base/text.h"

namespace glassgate::http {
namespace {

constexpr HeadLimits kHeadLimits{.head_bytes = 32 * 1024, .uri_bytes = 8192, .header_count = 100};
constexpr std::size_t kGzipFromBytes = 1024;
// After a refusal the client may still be sending; closing at once would reset the connection and
// could destroy the answer on its way. So the rest is read and thrown away, within these bounds.
constexpr uint64_t kLingerNs = 2 * kNsPerSecond;
constexpr std::size_t kLingerBytes = 1u << 20;
constexpr std::size_t kWriteBytesPerSecond = 64 * 1024;

bool has_body(uint16_t status) noexcept { return status >= 200 && status != 204 && status != 304; }

bool is_field_text(std::string_view text) noexcept {
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

bool has_header(const SimpleResponse& response, std::string_view name) noexcept {
    return std::any_of(response.headers.begin(), response.headers.end(),
                       [&](const auto& header) { return iequals(header.first, name); });
}

void say(SimpleResponse& response, uint16_t status, std::string_view why) {
    response.status = status;
    response.content_type = "text/plain; charset=utf-8";
    response.body.assign(why).append("\n");
}

}  // namespace

SimpleClient::SimpleClient(SimpleService& service, io::Socket socket, const sockaddr_storage& peer)
    : service_(service),
      socket_(std::move(socket)),
      buffer_(service.buffers),
      write_deadline_(&on_write_deadline, this),
      pause_(&on_pause_over, this) {
    uint16_t port = 0;
    io::format_address(peer, peer_, port);
}

io::Detached SimpleClient::serve() {
    // A connection that has said nothing yet is given as long as a head.
    uint64_t idle_timeout_ns = service_.limits.header_timeout_ms * kNsPerMs;
    while (co_await serve_one(idle_timeout_ns)) {
        if (buffer_.empty()) buffer_.release();
        idle_timeout_ns = service_.limits.idle_timeout_ms * kNsPerMs;
    }
    socket_.close();
    service_.closed(this);
}

// True: the connection may be used for another request.
io::Task<bool> SimpleClient::serve_one(uint64_t idle_timeout_ns) {
    if (!co_await wait_for_request(idle_timeout_ns)) co_return false;
    if (!co_await receive_head()) co_return false;
    if (!co_await receive_body()) co_return false;
    keep_alive_ = head_.keep_alive;
    if (service_.dispatcher != nullptr) {
        const bool answered_elsewhere = co_await answer_elsewhere();
        co_return answered_elsewhere&& keep_alive_ && !service_.stopping;
    }
    SimpleResponse response;
    handle(response);
    const bool answered = co_await answer(response);
    co_return answered&& keep_alive_ && !service_.stopping;
}

// True when the first byte of a request is in the buffer.
io::Task<bool> SimpleClient::wait_for_request(uint64_t timeout_ns) {
    if (!buffer_.empty()) co_return true;  // pipelined
    idle_ = true;
    idle_since_ns_ = service_.loop->now_ns();
    const uint64_t deadline = idle_since_ns_ + timeout_ns;
    const io::IoResult ready = co_await socket_.wait_readable(deadline);
    io::IoStatus status = ready.status;
    if (ready.ok()) status = co_await fill(deadline);
    idle_ = false;
    co_return status == io::IoStatus::ok;
}

// Reads once into the buffer.
io::Task<io::IoStatus> SimpleClient::fill(uint64_t deadline_ns) {
    char* room = buffer_.room();
    if (buffer_.room_bytes() == 0) {
        buffer_.enlarge();
        room = buffer_.room();
    }
    const io::IoResult got = co_await socket_.read(room, buffer_.room_bytes(), deadline_ns);
    if (got.ok()) buffer_.produced(got.bytes);
    co_return got.status;
}

io::Task<bool> SimpleClient::receive_head() {
    const uint64_t deadline =
        service_.loop->now_ns() + service_.limits.header_timeout_ms * kNsPerMs;
    std::size_t resume = 0;
    head_.method = Method::other;  // a refusal must not look at the request before
    head_.headers.clear();
    while (true) {
        const ParseResult parsed = parse_request_head(buffer_.view(), kHeadLimits, resume, head_);
        if (parsed.state == ParseState::complete) {
            // Out of the buffer, which the body will use; read again so that all views point here.
            head_bytes_.assign(buffer_.view().substr(0, parsed.consumed));
            buffer_.consume(parsed.consumed);
            resume = 0;
            (void)parse_request_head(head_bytes_, kHeadLimits, resume, head_);
            co_return true;
        }
        if (parsed.state == ParseState::failed) {
            co_await refuse(status_of(parsed.error), to_text(parsed.error));
            co_return false;
        }
        if (const io::IoStatus status = co_await fill(deadline); status != io::IoStatus::ok) {
            co_await receive_failed(status);
            co_return false;
        }
    }
}

io::Task<bool> SimpleClient::receive_body() {
    body_.clear();
    if (head_.body == BodyKind::none) co_return true;
    body_limit_ = service_.dispatcher != nullptr ? service_.dispatcher->body_bytes_max(head_)
                                                 : service_.limits.body_bytes;
    const bool announced_too_large =
        head_.body == BodyKind::length && head_.content_length > body_limit_;
    if (head_.expect_continue && !announced_too_large && buffer_.empty() &&
        !co_await send("HTTP/1.1 100 Continue\r\n\r\n", {}))
        co_return false;
    chunks_.reset();
    const uint64_t deadline = service_.loop->now_ns() + service_.limits.body_timeout_ms * kNsPerMs;
    while (true) {
        switch (announced_too_large ? BodyStep::too_large : take_body()) {
            case BodyStep::done:
                co_return true;
            case BodyStep::too_large:
                co_await refuse(413, "the body is too large");
                co_return false;
            case BodyStep::malformed:
                co_await refuse(400, to_text(body_error_));
                co_return false;
            case BodyStep::more:
                break;
        }
        if (const io::IoStatus status = co_await fill(deadline); status != io::IoStatus::ok) {
            co_await receive_failed(status);
            co_return false;
        }
    }
}

// Moves what has come of the body out of the buffer.
SimpleClient::BodyStep SimpleClient::take_body() {
    if (head_.body == BodyKind::length) {
        const std::string_view bytes =
            buffer_.view().substr(0, head_.content_length - body_.size());
        body_.append(bytes);
        buffer_.consume(bytes.size());
        return body_.size() == head_.content_length ? BodyStep::done : BodyStep::more;
    }
    while (!buffer_.empty()) {
        const ChunkedDecoder::Step step = chunks_.decode(buffer_.view());
        body_.append(step.data);
        buffer_.consume(step.consumed);
        if (step.state == ParseState::complete) return BodyStep::done;
        if (body_.size() > body_limit_) return BodyStep::too_large;
        if (step.state == ParseState::failed) {
            body_error_ = step.error;
            return BodyStep::malformed;
        }
    }
    return BodyStep::more;
}

void SimpleClient::handle(SimpleResponse& response) {
    const Method method = head_.method == Method::head ? Method::get : head_.method;
    std::string allow;
    for (const SimpleServer::Route& route : service_.routes) {
        if (route.path != head_.path) continue;
        if (route.method == method) {
            route.handler(SimpleRequest{head_, body_, peer_}, response);
            return;
        }
        if (!allow.empty()) allow += ", ";
        allow += to_text(route.method);
        if (route.method == Method::get) allow += ", HEAD";
    }
    if (allow.empty()) {
        say(response, 404, "not found");
        return;
    }
    say(response, 405, "method not allowed");
    response.headers.emplace_back("Allow", std::move(allow));
}

io::Task<bool> SimpleClient::answer(SimpleResponse& response) {
    const bool may_gzip = response.body.size() > kGzipFromBytes && has_body(response.status) &&
                          is_compressible(response.content_type) &&
                          !has_header(response, "content-encoding");
    const bool gzipped =
        may_gzip && accepts_gzip(head_.headers) && service_.gzip.compress(response.body, packed_);
    if (gzipped) std::swap(response.body, packed_);
    append_head(response, gzipped, may_gzip);
    const bool with_body = has_body(response.status) && head_.method != Method::head;
    const bool sent =
        co_await send(out_, with_body ? std::string_view(response.body) : std::string_view{});
    // A large answer is rare (a scrape); it must not stay with an idle connection.
    constexpr std::size_t kKeepBytes = 64 * 1024;
    for (std::string* text : {&body_, &packed_})
        if (text->capacity() > kKeepBytes) std::string().swap(*text);
    co_return sent;
}

void SimpleClient::append_status(uint16_t status) {
    out_.assign("HTTP/1.1 ");
    append_u64(out_, status);
    out_.append(" ").append(reason_phrase(status)).append("\r\nDate: ");
    append_http_date(out_, wall_now_ns());
    out_ += "\r\n";
}

void SimpleClient::append_head(const SimpleResponse& response, bool gzipped, bool may_gzip) {
    append_status(response.status);
    if (has_body(response.status)) {
        append_field("Content-Type", response.content_type);
        out_ += "Content-Length: ";
        append_u64(out_, response.body.size());
        out_ += "\r\n";
    }
    if (gzipped) append_field("Content-Encoding", "gzip");
    if (may_gzip) append_field("Vary", "Accept-Encoding");
    append_fields(response);
}

void SimpleClient::append_field(std::string_view name, std::string_view value) {
    if (is_field_text(name) && is_field_text(value))
        out_.append(name).append(": ").append(value).append("\r\n");
}

// The response's own, and the end of the head.
void SimpleClient::append_fields(const SimpleResponse& response) {
    for (const auto& [name, value] : response.headers) append_field(name, value);
    if (!keep_alive_ || service_.stopping)
        append_field("Connection", "close");
    else if (head_.version == Version::http10)
        append_field("Connection", "keep-alive");
    out_ += "\r\n";
}

// All of it, within the write deadline.
io::Task<bool> SimpleClient::send(std::string_view a, std::string_view b) {
    const uint64_t seconds_more = (a.size() + b.size()) / kWriteBytesPerSecond;
    service_.loop->timers().arm(write_deadline_, service_.loop->now_ns() +
                                                     service_.limits.write_timeout_ms * kNsPerMs +
                                                     seconds_more * kNsPerSecond);
    const io::IoResult sent = co_await socket_.write(a, 0, b);
    write_deadline_.disarm();
    // What the client has not read would stay in the kernel for minutes: reset instead.
    if (!sent.ok()) socket_.abort();
    co_return sent.ok();
}

void SimpleClient::on_write_deadline(void* self) { static_cast<SimpleClient*>(self)->end(); }

io::Task<void> SimpleClient::receive_failed(io::IoStatus status) {
    if (status == io::IoStatus::timeout) co_await refuse(408, "the request came too slowly");
}

io::Task<void> SimpleClient::refuse(uint16_t status, std::string_view why) {
    keep_alive_ = false;
    SimpleResponse response;
    say(response, status, why);
    if (co_await answer(response)) co_await linger();
}

io::Task<void> SimpleClient::linger() {
    socket_.shutdown_write();
    const uint64_t deadline = service_.loop->now_ns() + kLingerNs;
    std::size_t thrown_away = 0;
    while (thrown_away < kLingerBytes) {
        buffer_.release();
        if (co_await fill(deadline) != io::IoStatus::ok) co_return;
        thrown_away += buffer_.view().size();
    }
}

}  // namespace glassgate::http
