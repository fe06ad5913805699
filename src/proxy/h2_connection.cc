#include "proxy/h2_connection.h"

#include <algorithm>

#include "base/clock.h"
#include "proxy/exchange_run.h"

namespace glassgate::proxy {
namespace {

using http::h2::Violation;
using model::ConnectionEnding;

// How long the last words of a connection that is given up may take to go out.
constexpr uint64_t kLastWordsNs = kNsPerSecond;

ConnectionEnding ending_of(Violation violation) noexcept {
    using enum ConnectionEnding;
    switch (violation) {
        case Violation::rapid_reset:
            return h2_rapid_reset;
        case Violation::continuation_flood:
            return h2_continuation_flood;
        case Violation::settings_flood:
            return h2_settings_flood;
        case Violation::ping_flood:
            return h2_ping_flood;
        case Violation::priority_flood:
            return h2_priority_flood;
        case Violation::window_update_flood:
            return h2_window_update_flood;
        case Violation::empty_frame_flood:
            return h2_empty_frame_flood;
        case Violation::overhead_flood:
            return h2_overhead_flood;
        case Violation::header_bomb:
            return h2_header_bomb;
        case Violation::stream_limit:
            return h2_stream_limit;
        case Violation::output_flood:
            return h2_output_flood;
        case Violation::settings_timeout:
        case Violation::ping_timeout:
        case Violation::header_timeout:
            return h2_timeout;
        default:
            return h2_protocol_error;
    }
}

const http::h2::Limits& limits_of(const Connection& c) {
    return c.worker.active()->plan->listeners[c.listening->index].h2;
}

}  // namespace

H2Connection::H2Connection(Connection& connection, std::string upgrade_head)
    : MuxLink(connection.worker.loop(), connection.worker.buffers(), connection.socket),
      connection_(connection),
      upgrade_head_(std::move(upgrade_head)),
      session_(connection.worker.h2(), http::h2::Role::server, limits_of(connection), *this,
               connection.worker.loop().now_ns()),
      cut_timer_(&H2Connection::on_cut, this),
      idle_since_ns_(connection.worker.loop().now_ns()) {
    use(session_);
    connection_.h2 = this;
}

H2Connection::~H2Connection() { connection_.h2 = nullptr; }

io::Task<void> H2Connection::serve() {
    io::Buffer& first = connection_.buffer;
    bool alive = true;
    if (!upgrade_head_.empty()) alive = begin_with_upgrade();
    alive = alive && session_.feed(first.view(), loop().now_ns());
    first.release();
    want_flush();
    if (connection_.ends_soon()) session_.drain();
    io::IoStatus status = io::IoStatus::ok;
    while (alive && !session_.finished()) {
        const uint64_t idle_ns = idle_timeout_ns();
        const uint64_t since_ns = running_ != 0 ? loop().now_ns() : idle_since_ns_;
        const io::IoResult ready = co_await connection_.socket.wait_readable(since_ns + idle_ns);
        status = ready.status;
        if (status == io::IoStatus::timeout) {
            if (running_ != 0 || loop().now_ns() < idle_since_ns_ + idle_ns) continue;
            session_.drain();
            session_.finish_drain();
            break;
        }
        if (!ready.ok()) break;
        alive = take_arrived(status);
    }
    state_ending(status);
    const bool gone = status == io::IoStatus::eof || status == io::IoStatus::reset;
    if (running_ != 0) session_.lost();
    co_await all_over();
    co_await end_output(gone ? 1 : kLastWordsNs);
    cut_timer_.disarm();
}

bool H2Connection::begin_with_upgrade() {
    http::RequestHead head;
    std::size_t resume = 0;
    (void)http::parse_request_head(upgrade_head_, {}, resume, head);
    http::h2::Stream* const stream = session_.adopt_upgrade(
        http::find(head.headers, http::KnownHeader::http2_settings), head.method, nullptr);
    if (stream == nullptr) return false;
    run_stream(this, *stream);
    return true;
}

http::ParseError H2Connection::read_request(http::h2::Stream& stream, http::RequestHead& out,
                                            std::string& text) {
    if (upgrade_head_.empty() || stream.id() != 1) return session_.read_request(stream, out, text);
    text.swap(upgrade_head_);
    upgrade_head_.clear();
    std::size_t resume = 0;
    const http::ParseResult parsed = http::parse_request_head(text, {}, resume, out);
    out.version = http::Version::http2;
    out.keep_alive = true;
    out.has_upgrade = false;
    return parsed.error;
}

void H2Connection::state_ending(io::IoStatus status) noexcept {
    using enum ConnectionEnding;
    Fate& fate = connection_.fate;
    if (session_.violation() != Violation::none) {
        fate.ending = ending_of(session_.violation());
        return;
    }
    switch (status) {
        case io::IoStatus::timeout:
            fate.ending = connection_.ends_soon() ? drained : idle_timeout;
            break;
        case io::IoStatus::cancelled:
            fate.ending = drained;
            break;
        case io::IoStatus::reset:
            fate.ending = client_reset;
            break;
        case io::IoStatus::eof:
            fate.ending = running_ != 0 ? client_reset : client_closed;
            break;
        case io::IoStatus::ok:
            fate.ending = session_.draining() && connection_.ends_soon() ? drained : client_closed;
            break;
    }
}

uint64_t H2Connection::idle_timeout_ns() const noexcept {
    const ListenerPlan& listener =
        connection_.worker.active()->plan->listeners[connection_.listening->index];
    return connection_.listening->removed ? kNsPerMs : listener.idle_timeout_ms * kNsPerMs;
}

// Requests that are on their way still come (RFC 9113 §6.8); behind the last the session is
// finished, and then so is the connection (MuxLink::flush).
void H2Connection::drain() noexcept {
    session_.drain();
    want_flush();
}

// Answers of the exchanges that end now may still go out, but not linger.
void H2Connection::cut_off() noexcept {
    constexpr uint64_t kLastAnswersNs = 200 * kNsPerMs;
    const std::vector<ExchangeRun*> runs = runs_;
    for (ExchangeRun* run : runs)
        if (std::find(runs_.begin(), runs_.end(), run) != runs_.end()) run->cut_off();
    session_.drain();
    session_.finish_drain();
    want_flush();
    loop().timers().arm(cut_timer_, loop().now_ns() + kLastAnswersNs);
}

void H2Connection::on_cut(void* self) {
    static_cast<H2Connection*>(self)->connection_.socket.cancel();
}

void H2Connection::end(ExchangeRun& run) noexcept {
    runs_.erase(std::find(runs_.begin(), runs_.end(), &run));
}

void H2Connection::on_head(http::h2::Stream& stream) { run_stream(this, stream); }

io::Detached H2Connection::run_stream(H2Connection* self, http::h2::Stream& stream) {
    ++self->running_;
    {
        MuxStream client(*self, stream);
        co_await ExchangeRun::serve(self->connection_, &client);
        co_await client.closed();
    }
    ++self->connection_.exchanges;
    --self->running_;
    self->idle_since_ns_ = self->loop().now_ns();
    self->want_flush();
    if (self->running_ != 0) co_return;
    if (const auto waiter = std::exchange(self->waiter_, {})) waiter.resume();
}

void H2Connection::on_data(http::h2::Stream& stream) {
    if (stream.user != nullptr) MuxStream::of(stream).on_readable();
}
void H2Connection::on_end(http::h2::Stream& stream) {
    if (stream.user != nullptr) MuxStream::of(stream).on_readable();
}
void H2Connection::on_sent(http::h2::Stream& stream) {
    if (stream.user != nullptr) MuxStream::of(stream).on_sent();
}
void H2Connection::on_closed(http::h2::Stream& stream) {
    if (stream.user != nullptr) MuxStream::of(stream).on_closed();
}

}  // namespace glassgate::proxy
