// The session's life: bytes in and out, streams made and ended, the connection drained or given up.
#include "http/h2/session.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "http/base64.h"
#include "http/h2/callbacks.h"
#include "http/h2/settings.h"

namespace glassgate::http::h2 {
namespace {

constexpr std::size_t kFrameHeaderBytes = 9;
constexpr StreamId kUpgradedStream = 1;
constexpr uint8_t kAlivePing[8] = {'a', 'l', 'i', 'v', 'e', 0, 0, 0};

nghttp2_mem memory_of(MemoryPool& pool) noexcept {
    nghttp2_mem mem;
    mem.mem_user_data = &pool;
    mem.malloc = [](std::size_t bytes, void* user) {
        return static_cast<MemoryPool*>(user)->allocate(bytes);
    };
    mem.free = [](void* memory, void* user) { static_cast<MemoryPool*>(user)->free(memory); };
    mem.calloc = [](std::size_t count, std::size_t bytes, void* user) {
        return static_cast<MemoryPool*>(user)->allocate_zeroed(count, bytes);
    };
    mem.realloc = [](void* memory, std::size_t bytes, void* user) {
        return static_cast<MemoryPool*>(user)->reallocate(memory, bytes);
    };
    return mem;
}

Violation violation_of(int lib_error) noexcept {
    switch (lib_error) {
        case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
            return Violation::bad_preface;
        case NGHTTP2_ERR_FLOODED:
            return Violation::output_flood;
        case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
            return Violation::continuation_flood;
        default:
            return Violation::internal;
    }
}

void put_u32(std::string& out, uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

void append_goaway(std::string& out, StreamId last, ErrorCode code, std::string_view reason) {
    const std::size_t length = 8 + reason.size();
    out.push_back(static_cast<char>(length >> 16));
    out.push_back(static_cast<char>(length >> 8));
    out.push_back(static_cast<char>(length));
    out.push_back(static_cast<char>(FrameType::goaway));
    out.push_back(0);
    put_u32(out, 0);
    put_u32(out, static_cast<uint32_t>(last));
    put_u32(out, static_cast<uint32_t>(code));
    out.append(reason);
}

}  // namespace

Session::Session(Context& context, Role role, const Limits& limits, Listener& listener,
                 uint64_t now_ns)
    : context_(context),
      listener_(listener),
      role_(role),
      limits_(limits),
      guard_(limits),
      scan_(NGHTTP2_CLIENT_MAGIC_LEN),
      now_ns_(now_ns) {
    GW_CHECK(limits.stream_window_bytes <= INT32_MAX && limits.max_streams > 0);
    nghttp2_mem mem = memory_of(context.memory_);
    const auto make =
        role == Role::server ? nghttp2_session_server_new3 : nghttp2_session_client_new3;
    GW_CHECK(make(&session_, context.callbacks_, this, context.options_, &mem) == 0);
    begin();
}

Session::~Session() {
    GW_CHECK(!busy_);
    nghttp2_session_del(session_);
    for (Stream* stream : streams_) {
        stream->in_.clear();
        context_.give_stream(std::unique_ptr<Stream>(stream));
    }
}

void Session::begin() {
    nghttp2_settings_entry entries[6];
    const std::size_t count = settings_entries(role_, limits_, entries);
    GW_CHECK(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries, count) == 0);
    // Twice what the streams can hold: what is consumed is given back by halves of the window.
    const uint64_t all = uint64_t{2} * limits_.max_streams * limits_.stream_window_bytes;
    const uint64_t wanted =
        limits_.connection_window_bytes != 0 ? limits_.connection_window_bytes : all;
    const auto window = static_cast<int32_t>(std::clamp<uint64_t>(wanted, 65535, INT32_MAX));
    GW_CHECK(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, window) == 0);
    settings_sent_ns_ = now_ns_;
}

// ---- bytes --------------------------------------------------------------------------------------

bool Session::feed(std::string_view bytes, uint64_t now_ns) {
    GW_CHECK(!busy_);
    now_ns_ = now_ns;
    if (over_) return false;
    busy_ = true;
    Violation found = guard_.on_bytes(bytes.size());
    if (found == Violation::none) {
        if (role_ == Role::server) scan_.look(bytes);
        const auto used = nghttp2_session_mem_recv(
            session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
        found = violation_;
        if (found == Violation::none && used < 0) found = violation_of(static_cast<int>(used));
        if (found == Violation::none && role_ == Role::server) found = judge(scan_);
        if (found == Violation::none && limits_.queued_frames != 0 &&
            nghttp2_session_get_outbound_queue_size(session_) > limits_.queued_frames)
            found = Violation::output_flood;
    }
    busy_ = false;
    if (over_)
        close_all();  // by close(), meanwhile
    else if (found != Violation::none)
        give_up(found, to_text(found));
    return !over_;
}

std::size_t Session::pull(char* room, std::size_t bytes, uint64_t now_ns) {
    GW_CHECK(!busy_);
    now_ns_ = now_ns;
    busy_ = true;
    out_at_ = room;
    out_end_ = room + bytes;
    const auto flush = [this](std::string_view& from) {
        const std::size_t n = std::min(from.size(), static_cast<std::size_t>(out_end_ - out_at_));
        if (n != 0) std::memcpy(out_at_, from.data(), n);
        out_at_ += n;
        from.remove_prefix(n);
        return from.empty();
    };
    int error = 0;
    while (flush(pending_) && !over_ && violation_ == Violation::none) {
        const uint8_t* data = nullptr;
        const auto n = nghttp2_session_mem_send(session_, &data);
        if (n > 0) {
            pending_ = {reinterpret_cast<const char*>(data), static_cast<std::size_t>(n)};
            continue;
        }
        if (n < 0) error = static_cast<int>(n);
        if (n < 0 || !tell_sent()) break;
    }
    (void)tell_sent();
    busy_ = false;
    if (over_ || said_goaway_) {  // by close(), or the frame layer has said why
        over_ = true;
        close_all();
    } else if (error != 0 || violation_ != Violation::none) {
        const Violation why = violation_ != Violation::none ? violation_ : violation_of(error);
        give_up(why, to_text(why));
    }
    if (pending_.empty() && !last_words_.empty()) {
        std::string_view words = last_words_;
        (void)flush(words);
        last_words_.erase(0, last_words_.size() - words.size());
    }
    const auto written = static_cast<std::size_t>(out_at_ - room);
    out_at_ = out_end_ = nullptr;
    return written;
}

bool Session::tell_sent() {
    if (sent_.empty()) return false;
    // Those that send again meanwhile come at the end, and are left for the next turn.
    const std::size_t due = sent_.size();
    for (std::size_t i = 0; i < due; ++i) {
        Stream* const stream = sent_[i];
        if (stream == nullptr) continue;  // has been closed
        stream->in_sent_ = false;
        sent_[i] = nullptr;
        listener_.on_sent(*stream);
    }
    sent_.erase(sent_.begin(), sent_.begin() + static_cast<std::ptrdiff_t>(due));
    return true;
}

bool Session::wants_to_write() const noexcept {
    return !pending_.empty() || !last_words_.empty() ||
           (!over_ && nghttp2_session_want_write(session_) != 0);
}

bool Session::finished() const noexcept {
    return pending_.empty() && last_words_.empty() &&
           (over_ || (nghttp2_session_want_read(session_) == 0 &&
                      nghttp2_session_want_write(session_) == 0));
}

void Session::lost() {
    GW_CHECK(!busy_);
    over_ = true;
    pending_ = {};
    last_words_.clear();
    close_all();
}

// ---- the connection's end -----------------------------------------------------------------------

void Session::give_up(Violation violation, std::string_view detail) {
    if (over_) return;
    over_ = true;
    violation_ = violation;
    detail_ = detail;
    say_goaway(info(violation).code, detail);
    close_all();
}

void Session::say_goaway(ErrorCode code, std::string_view reason) {
    // A connection begins with SETTINGS (RFC 9113 §3.4); a client that has not begun needs no end.
    if (!said_settings_ && role_ == Role::client) return;
    if (!said_settings_) last_words_ = std::string("\0\0\0\4\0\0\0\0\0", kFrameHeaderBytes);
    append_goaway(last_words_, nghttp2_session_get_last_proc_stream_id(session_), code, reason);
}

void Session::close(ErrorCode code, std::string_view reason) {
    if (over_) return;
    over_ = true;
    say_goaway(code, reason);
    if (!busy_) close_all();
}

void Session::close_all() {
    // The listener may release any of them meanwhile: the last one takes its place then, which has
    // been closed before.
    for (std::size_t i = streams_.size(); i-- > 0;) {
        if (i >= streams_.size() || streams_[i]->closed_) continue;
        close_stream(*streams_[i], {StreamEnd::By::connection, ErrorCode::internal_error,
                                    ParseError::none, violation_});
    }
}

void Session::drain() {
    if (over_ || drain_ != Drain::no) return;
    if (role_ == Role::client) {
        finish_drain();
        return;
    }
    drain_ = Drain::announced;
    (void)nghttp2_submit_shutdown_notice(session_);  // and behind it a PING: Callbacks
}

void Session::finish_drain() {
    if (over_ || drain_ == Drain::said) return;
    drain_ = Drain::said;
    const StreamId last =
        role_ == Role::server ? nghttp2_session_get_last_proc_stream_id(session_) : 0;
    (void)nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
}

void Session::ping(uint64_t now_ns) {
    if (over_ || ping_sent_ns_ != 0) return;
    ping_sent_ns_ = now_ns;
    (void)nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, kAlivePing);
}

void Session::take_pong(const uint8_t* payload) {
    if (std::memcmp(payload, kDrainPing, sizeof kDrainPing) == 0) {
        if (drain_ == Drain::announced) finish_drain();
    } else if (std::memcmp(payload, kAlivePing, sizeof kAlivePing) == 0 && ping_sent_ns_ != 0) {
        ping_sent_ns_ = 0;
        listener_.on_pong();
    }
}

uint64_t Session::deadline_ns() const noexcept {
    uint64_t first = UINT64_MAX;
    const auto consider = [&](uint64_t since_ns, uint64_t timeout_ns) {
        if (timeout_ns != 0) first = std::min(first, since_ns + timeout_ns);
    };
    if (over_) return first;
    if (!settings_acked_) consider(settings_sent_ns_, limits_.settings_timeout_ns);
    if (ping_sent_ns_ != 0) consider(ping_sent_ns_, limits_.ping_timeout_ns);
    if (block_began_ns_ != 0) consider(block_began_ns_, limits_.header_timeout_ns);
    for (const Stream* stream : streams_)
        if (stream->sending()) consider(stream->progress_ns_, limits_.stall_timeout_ns);
    return first;
}

void Session::tick(uint64_t now_ns) {
    GW_CHECK(!busy_);
    now_ns_ = now_ns;
    if (over_) return;
    const auto late = [&](uint64_t since_ns, uint64_t timeout_ns) {
        return timeout_ns != 0 && now_ns >= since_ns + timeout_ns;
    };
    Violation found = Violation::none;
    if (!settings_acked_ && late(settings_sent_ns_, limits_.settings_timeout_ns))
        found = Violation::settings_timeout;
    if (ping_sent_ns_ != 0 && late(ping_sent_ns_, limits_.ping_timeout_ns))
        found = Violation::ping_timeout;
    if (block_began_ns_ != 0 && late(block_began_ns_, limits_.header_timeout_ns))
        found = Violation::header_timeout;
    if (found != Violation::none) {
        give_up(found, to_text(found));
        return;
    }
    for (std::size_t i = streams_.size(); i-- > 0;) {
        if (i >= streams_.size()) continue;
        Stream& stream = *streams_[i];
        if (stream.closed_ || !stream.sending() ||
            !late(stream.progress_ns_, limits_.stall_timeout_ns))
            continue;
        const ErrorCode code = info(Violation::window_stall).code;
        (void)nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_,
                                        static_cast<uint32_t>(code));
        close_stream(stream, {StreamEnd::By::us, code, ParseError::none, Violation::window_stall});
    }
}

// ---- streams ------------------------------------------------------------------------------------

Stream& Session::new_stream(StreamId id) {
    Stream* const stream = context_.take_stream().release();
    stream->open(id, now_ns_);
    stream->index_ = static_cast<uint32_t>(streams_.size());
    streams_.push_back(stream);
    ++open_streams_;
    ++streams_opened_;
    guard_.on_stream_opened();
    return *stream;
}

Stream* Session::stream_of(StreamId id) const noexcept {
    return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

// From here on the frame layer knows nothing of it.
void Session::detach(Stream& stream) noexcept {
    (void)nghttp2_session_set_stream_user_data(session_, stream.id_, nullptr);
    stream.closed_ = true;
    stream.out_ = {};
    stream.out_end_unsent_ = false;
    if (stream.in_sent_) *std::find(sent_.begin(), sent_.end(), &stream) = nullptr;
    stream.in_sent_ = false;
    if (block_stream_ == &stream) {
        block_stream_ = nullptr;
        block_began_ns_ = 0;
    }
    --open_streams_;
}

void Session::close_stream(Stream& stream, const StreamEnd& end) {
    detach(stream);
    stream.end_ = end;
    if (stream.told_)
        listener_.on_closed(stream);
    else
        release(stream);  // its head never came: nobody knows it
}

void Session::reset(Stream& stream, ErrorCode code) {
    if (stream.closed_) return;
    if (!over_)
        (void)nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_,
                                        static_cast<uint32_t>(code));
    detach(stream);
    stream.end_ = {StreamEnd::By::us, code, ParseError::none, Violation::none};
}

void Session::release(Stream& stream) {
    reset(stream, ErrorCode::cancel);
    credit(stream, stream.in_.size());
    stream.in_.clear();
    Stream* const last = streams_.back();
    last->index_ = stream.index_;
    streams_[stream.index_] = last;
    streams_.pop_back();
    context_.give_stream(std::unique_ptr<Stream>(&stream));
}

void Session::credit(Stream& stream, std::size_t bytes) noexcept {
    if (over_ || bytes == 0) return;
    if (stream.closed_ || stream.discarding_)
        (void)nghttp2_session_consume_connection(session_, bytes);
    else
        (void)nghttp2_session_consume(session_, stream.id_, bytes);
}

void Session::consume(Stream& stream, std::size_t bytes) {
    stream.in_.consume(bytes);
    credit(stream, bytes);
}

void Session::discard(Stream& stream, ErrorCode code) {
    stream.code_after_end_ = code;
    if (stream.discarding_) return;
    stream.discarding_ = true;
    consume(stream, stream.in_.size());
}

Stream* Session::adopt_upgrade(std::string_view settings, Method method, void* user) {
    std::string payload;
    if (!decode_base64url(settings, payload)) return nullptr;
    if (nghttp2_session_upgrade2(session_, reinterpret_cast<const uint8_t*>(payload.data()),
                                 payload.size(), method == Method::head ? 1 : 0, nullptr) != 0)
        return nullptr;
    Stream& stream = new_stream(kUpgradedStream);
    stream.user = user;
    stream.told_ = true;
    stream.method_ = method;
    if (role_ == Role::server) {
        scan_.upgraded();
        stream.ended_ = true;
        stream.at_ = Stream::At::done;
    } else {
        stream.sent_end_ = stream.out_end_ = true;
    }
    (void)nghttp2_session_set_stream_user_data(session_, kUpgradedStream, &stream);
    return &stream;
}

}  // namespace glassgate::http::h2
