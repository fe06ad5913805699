#include "proxy/mux_stream.h"

#include <algorithm>

#include "base/clock.h"

namespace glassgate::proxy {

using http::h2::ErrorCode;

// ---- the connection
// ------------------------------------------------------------------------------

namespace {
constexpr std::size_t kOutputBytes = io::BufferPool::kLargeBytes;
// The peer of a connection takes nothing at all; streams have their own, shorter patience.
constexpr uint64_t kOutputStallNs = 60 * kNsPerSecond;
}  // namespace

MuxLink::MuxLink(io::Loop& loop, io::BufferPool& buffers, io::Socket& socket) noexcept
    : loop_(loop),
      buffers_(buffers),
      socket_(socket),
      turn_end_(&MuxLink::on_turn_end, this),
      deadline_(&MuxLink::on_deadline, this) {}

MuxLink::~MuxLink() {
    loop_.take_back(turn_end_);
    deadline_.disarm();
}

bool MuxLink::take_arrived(io::IoStatus& status) {
    auto block = buffers_.take(io::BufferPool::kSmallBytes);
    const io::IoResult got = socket_.read_now(block.get(), io::BufferPool::kSmallBytes);
    status = got.status;
    bool alive = got.ok();
    if (alive && got.bytes != 0) alive = session_->feed({block.get(), got.bytes}, loop_.now_ns());
    buffers_.give(std::move(block), io::BufferPool::kSmallBytes);
    want_flush();
    return alive;
}

void MuxLink::stream_gone() {
    if (--streams_ != 0) return;
    if (const auto waiter = std::exchange(waiter_, {})) waiter.resume();  // may end this
}

void MuxLink::on_turn_end(void* raw) {
    auto* self = static_cast<MuxLink*>(raw);
    if (!self->flush_.running() && !self->broken_) self->flush_.start(self->flush());
}

io::Task<void> MuxLink::flush() {
    auto block = buffers_.take(kOutputBytes);
    while (!broken_) {
        const std::size_t bytes = session_->pull(block.get(), kOutputBytes, loop_.now_ns());
        if (bytes == 0) break;
        const io::IoResult sent = co_await socket_.write({block.get(), bytes}, kOutputStallNs);
        if (sent.ok()) continue;
        broken_ = true;
        socket_.cancel();  // the reader sees to the rest
    }
    buffers_.give(std::move(block), kOutputBytes);
    if (session_->finished()) socket_.cancel();  // the reader has nothing to wait for any more
    arm_deadline();
}

io::Task<void> MuxLink::end_output(uint64_t stall_ns) {
    if (flush_.running()) socket_.cancel();
    co_await flush_.join();
    loop_.take_back(turn_end_);
    if (!broken_) {
        socket_.uncancel();
        auto block = buffers_.take(kOutputBytes);
        const std::size_t bytes = session_->pull(block.get(), kOutputBytes, loop_.now_ns());
        if (bytes != 0) {
            (void)co_await socket_.write({block.get(), bytes}, stall_ns);
        }
        buffers_.give(std::move(block), kOutputBytes);
    }
    broken_ = true;
    loop_.take_back(turn_end_);
}

void MuxLink::arm_deadline() noexcept {
    const uint64_t due = session_->deadline_ns();
    if (due == UINT64_MAX)
        deadline_.disarm();
    else
        loop_.timers().arm(deadline_, due);
}

void MuxLink::on_deadline(void* raw) {
    auto* self = static_cast<MuxLink*>(raw);
    self->session_->tick(self->loop_.now_ns());
    self->want_flush();
    self->arm_deadline();
}

// ---- the stream
// ----------------------------------------------------------------------------------

MuxStream::MuxStream(MuxLink& link, http::h2::Stream& stream) noexcept
    : link_(link),
      stream_(&stream),
      read_timer_(&MuxStream::on_read_timer, this),
      write_timer_(&MuxStream::on_write_timer, this) {
    stream.user = this;
    ++link.streams_;
}

MuxStream::~MuxStream() {
    GW_CHECK(reading_ == nullptr && writing_ == nullptr);
    for (Watch* watch = watch_; watch != nullptr; watch = watch->outer) watch->self = nullptr;
    stream_->user = nullptr;
    session().release(*stream_);
    link_.want_flush();
    link_.stream_gone();
}

MuxStream::Watch::Watch(MuxStream& stream) noexcept
    : self(&stream), outer(std::exchange(stream.watch_, this)) {}
MuxStream::Watch::~Watch() {
    if (self != nullptr) self->watch_ = outer;
}

void MuxStream::consume(std::size_t bytes) {
    if (bytes == 0) return;
    session().consume(*stream_, bytes);
    link_.want_flush();
}

void MuxStream::respond(const http::h2::FieldList& fields, bool end) {
    if (stream_->closed()) return;
    session().respond(*stream_, fields, end);
    link_.want_flush();
}

void MuxStream::interim(const http::h2::FieldList& fields) {
    if (stream_->closed()) return;
    session().interim(*stream_, fields);
    link_.want_flush();
}

void MuxStream::finish(std::string_view trailer_lines) {
    if (stream_->closed()) return;
    session().finish(*stream_, trailer_lines);
    link_.want_flush();
}

void MuxStream::reset(ErrorCode code) {
    if (!stream_->closed()) session().reset(*stream_, code);
    link_.want_flush();
}

void MuxStream::discard(ErrorCode code) {
    if (!stream_->closed()) session().discard(*stream_, code);
    link_.want_flush();
}

void MuxStream::cancel() noexcept {
    cancelled_ = true;
    const Watch watch(*this);
    wake_reader(io::IoStatus::cancelled);
    if (watch.self != nullptr) wake_writer(io::IoStatus::cancelled);
}

void MuxStream::on_head() noexcept {
    heard_ = Heard::head;
    if (head_hook_ != nullptr) head_hook_(head_context_, Heard::head);
    if (reading_head_) wake_reader(io::IoStatus::ok);
}

void MuxStream::on_interim() noexcept {
    if (reading_ == nullptr || !reading_head_) return;
    heard_ = Heard::interim;
    if (head_hook_ != nullptr) head_hook_(head_context_, Heard::interim);
    wake_reader(io::IoStatus::ok);
}

void MuxStream::on_sent() noexcept {
    if (writing_ == nullptr) return;
    Write& op = *writing_;
    op.result.bytes += op.parts[op.next - 1].size();
    if (send_next(op)) {
        wake_writer(io::IoStatus::ok);
    } else if (op.stall_ns != 0) {
        link_.loop().timers().arm(write_timer_, link_.loop().now_ns() + op.stall_ns);
    }
}

void MuxStream::on_closed() noexcept {
    // In order: what waits is still to be read, and what had to be sent has been.
    const bool cut = broken();
    const Watch watch(*this);
    if (cut) {
        if (auto* hook = std::exchange(hangup_hook_, nullptr)) hook(hangup_context_);
    }
    if (watch.self != nullptr) wake_writer(cut ? io::IoStatus::reset : io::IoStatus::ok);
    if (watch.self != nullptr) {
        const bool nothing = reading_head_ ? heard_ == Heard::nothing : received().empty();
        wake_reader(nothing && (cut || reading_head_) ? io::IoStatus::reset : io::IoStatus::ok);
    }
    if (watch.self != nullptr) {
        if (const auto waiter = std::exchange(closing_, {})) waiter.resume();
    }
}

bool MuxStream::ready_to_read(ReadAwaiter& awaiter) const noexcept {
    if (cancelled_)
        awaiter.op.status = io::IoStatus::cancelled;
    else if (awaiter.for_head ? heard_ != Heard::nothing : !received().empty() || is_last())
        awaiter.op.status = io::IoStatus::ok;
    else if (stream_->closed())
        awaiter.op.status = io::IoStatus::reset;
    else
        return false;
    return true;
}

void MuxStream::ReadAwaiter::await_suspend(std::coroutine_handle<> waiter) noexcept {
    op.waiter = waiter;
    self->reading_ = &op;
    self->reading_head_ = for_head;
    if (deadline_ns != 0) self->link_.loop().timers().arm(self->read_timer_, deadline_ns);
}

MuxStream::WriteAwaiter MuxStream::write(std::string_view a, std::string_view b, bool end,
                                         uint64_t stall_ns) noexcept {
    WriteAwaiter awaiter{this, {}};
    Write& op = awaiter.op;
    for (const std::string_view part : {a, b})
        if (!part.empty()) op.parts[op.count++] = part;
    if (op.count == 0 && end) op.count = 1;  // an empty part that carries the end
    op.end = end;
    op.stall_ns = stall_ns;
    return awaiter;
}

bool MuxStream::start_write(Write& op) noexcept {
    if (cancelled_)
        op.result.status = io::IoStatus::cancelled;
    else if (op.count != 0 && stream_->closed())
        op.result.status = io::IoStatus::reset;
    else
        return send_next(op);
    return true;
}

// True: there is no further part.
bool MuxStream::send_next(Write& op) noexcept {
    if (op.next == op.count) return true;
    const std::string_view part = op.parts[op.next++];
    session().send(*stream_, part, op.end && op.next == op.count);
    link_.want_flush();
    return false;
}

void MuxStream::WriteAwaiter::await_suspend(std::coroutine_handle<> waiter) noexcept {
    op.waiter = waiter;
    self->writing_ = &op;
    if (op.stall_ns != 0)
        self->link_.loop().timers().arm(self->write_timer_,
                                        self->link_.loop().now_ns() + op.stall_ns);
}

void MuxStream::wake_reader(io::IoStatus status) noexcept {
    Read* const op = std::exchange(reading_, nullptr);
    if (op == nullptr) return;
    reading_head_ = false;
    op->status = status;
    read_timer_.disarm();
    op->waiter.resume();
}

void MuxStream::wake_writer(io::IoStatus status) noexcept {
    Write* const op = std::exchange(writing_, nullptr);
    if (op == nullptr) return;
    if (status != io::IoStatus::ok) {
        op->result.status = status;
        // What was lent must not be touched any more.
        if (!stream_->closed() && stream_->sending()) session().reset(*stream_, ErrorCode::cancel);
    }
    write_timer_.disarm();
    op->waiter.resume();
}

void MuxStream::on_read_timer(void* self) {
    static_cast<MuxStream*>(self)->wake_reader(io::IoStatus::timeout);
}

void MuxStream::on_write_timer(void* self) {
    static_cast<MuxStream*>(self)->wake_writer(io::IoStatus::timeout);
}

}  // namespace glassgate::proxy
