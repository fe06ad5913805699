#include "proxy/h2_upstream.h"

#include <cstdio>

#include "base/clock.h"
#include "proxy/upstream.h"

namespace glassgate::proxy {
namespace {
constexpr uint64_t kLastWordsNs = 200 * kNsPerMs;
}  // namespace

H2Upstream::H2Upstream(io::Loop& loop, io::BufferPool& buffers, http::h2::Context& context,
                       io::Socket socket, const Settings& settings, Upstream& pool, uint32_t target,
                       std::string_view address)
    : MuxLink(loop, buffers, own_socket_),
      settings_(settings),
      own_socket_(std::move(socket)),
      session_(context, http::h2::Role::client, settings_.limits, *this, loop.now_ns()),
      pool_(&pool),
      target_(target) {
    use(session_);
    std::snprintf(address_, sizeof address_, "%.*s", static_cast<int>(address.size()),
                  address.data());
}

H2Upstream* H2Upstream::start(io::Loop& loop, io::BufferPool& buffers, http::h2::Context& context,
                              io::Socket socket, const Settings& settings, Upstream& pool,
                              uint32_t target, std::string_view address) {
    std::unique_ptr<H2Upstream> link(
        new H2Upstream(loop, buffers, context, std::move(socket), settings, pool, target, address));
    H2Upstream* const raw = link.get();
    raw->want_flush();  // the preface
    run(std::move(link));
    return raw;
}

io::Detached H2Upstream::run(std::unique_ptr<H2Upstream> self) {
    co_await self->read();
    self->forget();
    if (self->streams() != 0) self->session_.lost();
    co_await self->all_gone();
    co_await self->end_output(kLastWordsNs);
}

io::Task<void> H2Upstream::read() {
    uint64_t idle_since_ns = loop().now_ns();
    while (!session_.finished()) {
        if (streams() != 0) idle_since_ns = loop().now_ns();
        const uint64_t until_ns = idle_since_ns + settings_.idle_ns;
        const io::IoResult ready = co_await own_socket_.wait_readable(until_ns);
        if (ready.status == io::IoStatus::timeout) {
            if (streams() != 0 || loop().now_ns() < until_ns) continue;
            co_return;
        }
        if (!ready.ok()) co_return;
        io::IoStatus status = io::IoStatus::ok;
        if (!take_arrived(status)) co_return;
    }
}

void H2Upstream::forget() noexcept {
    over_ = true;
    if (pool_ != nullptr) std::exchange(pool_, nullptr)->link_gone(*this);
    wake_waiting(model::AttemptResult::reset);
}

io::Task<model::AttemptResult> H2Upstream::wait_for_peer(LinkWait& wait) {
    waiting_.push_back(&wait);
    const model::AttemptResult result = co_await wait;
    // Who woke it for another reason has taken it off, and may be about to go.
    if (result == model::AttemptResult::cancelled) std::erase(waiting_, &wait);
    co_return result;
}

void H2Upstream::wake_waiting(model::AttemptResult result) {
    while (!waiting_.empty()) {
        LinkWait* const wait = waiting_.front();
        waiting_.erase(waiting_.begin());
        wait->wake(result);
    }
}

void H2Upstream::on_settings() {
    knows_peer_ = true;
    wake_waiting(model::AttemptResult::response);
}

void H2Upstream::leave() noexcept {
    over_ = true;
    pool_ = nullptr;
    session_.drain();
    if (streams() == 0) own_socket_.cancel();
}

void H2Upstream::on_goaway(http::h2::ErrorCode, http::h2::StreamId, std::string_view) { forget(); }

void H2Upstream::on_head(http::h2::Stream& stream) {
    if (stream.user != nullptr) MuxStream::of(stream).on_head();
}
void H2Upstream::on_interim(http::h2::Stream& stream) {
    if (stream.user != nullptr) MuxStream::of(stream).on_interim();
}
void H2Upstream::on_data(http::h2::Stream& stream) {
    if (stream.user != nullptr) MuxStream::of(stream).on_readable();
}
void H2Upstream::on_end(http::h2::Stream& stream) {
    if (stream.user != nullptr) MuxStream::of(stream).on_readable();
}
void H2Upstream::on_sent(http::h2::Stream& stream) {
    if (stream.user != nullptr) MuxStream::of(stream).on_sent();
}
void H2Upstream::on_closed(http::h2::Stream& stream) {
    if (stream.user != nullptr) MuxStream::of(stream).on_closed();
}

void LinkWait::wake(model::AttemptResult result) noexcept {
    if (woken_) return;
    woken_ = true;
    result_ = result;
    if (waiter_) waiter_.resume();
}

}  // namespace glassgate::proxy
