// What a session sends: heads, bodies, trailers.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "http/h2/callbacks.h"
#include "http/h2/write_head.h"

namespace glassgate::http::h2 {
namespace {

// Calls submit(nva, count) with the list in the frame layer's form. It copies names and values, and
// makes names lower case.
template <typename Submit>
auto with_fields(const FieldList& fields, Submit&& submit) {
    std::array<nghttp2_nv, FieldList::kMaxFields> nva;
    std::size_t n = 0;
    const auto bytes = [](std::string_view text) {
        return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
    };
    for (const FieldList::Field& field : fields) {
        nva[n].name = bytes(field.name);
        nva[n].namelen = field.name.size();
        nva[n].value = bytes(field.value);
        nva[n].valuelen = field.value.size();
        nva[n].flags = field.volatile_value ? static_cast<uint8_t>(NGHTTP2_NV_FLAG_NO_INDEX)
                                            : static_cast<uint8_t>(NGHTTP2_NV_FLAG_NONE);
        ++n;
    }
    return submit(nva.data(), n);
}

// Streams are looked up by id: the frame layer may ask once more after one was given back.
constexpr nghttp2_data_provider kProvider{{.ptr = nullptr}, Callbacks::read_data};

}  // namespace

void Session::interim(Stream& stream, const FieldList& fields) {
    if (over_ || stream.closed_) return;
    with_fields(fields, [&](const nghttp2_nv* nva, std::size_t n) {
        return nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id_, nullptr, nva, n,
                                      nullptr);
    });
}

void Session::respond(Stream& stream, const FieldList& fields, bool end) {
    if (over_ || stream.closed_) return;
    const int error = with_fields(fields, [&](const nghttp2_nv* nva, std::size_t n) {
        return nghttp2_submit_response(session_, stream.id_, nva, n, end ? nullptr : &kProvider);
    });
    GW_CHECK(error == 0);
    stream.out_end_ = end;
}

bool Session::can_request() const noexcept {
    if (over_ || peer_goaway_ || drain_ != Drain::no) return false;
    if (nghttp2_session_check_request_allowed(session_) == 0) return false;
    const uint32_t theirs =
        nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return open_streams_ < std::min(theirs, limits_.max_streams);
}

Stream* Session::request(const FieldList& fields, bool end, void* user) {
    if (!can_request()) return nullptr;
    Stream& stream = new_stream(0);
    const StreamId id = with_fields(fields, [&](const nghttp2_nv* nva, std::size_t n) {
        return nghttp2_submit_request(session_, nullptr, nva, n, end ? nullptr : &kProvider,
                                      &stream);
    });
    GW_CHECK(id > 0);
    stream.id_ = id;
    stream.user = user;
    stream.told_ = true;
    stream.out_end_ = end;
    stream.method_ = parse_method(fields.find(":method"));
    stream.tunnel_ = stream.method_ == Method::connect;
    return &stream;
}

bool Session::peer_takes_extended_connect() const noexcept {
    return nghttp2_session_get_remote_settings(session_,
                                               NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

void Session::send(Stream& stream, std::string_view data, bool end) {
    if (over_ || stream.closed_ || (data.empty() && !end)) return;
    GW_CHECK(!stream.sending() && !stream.out_end_);
    stream.out_ = data;
    stream.out_end_ = stream.out_end_unsent_ = end;
    stream.progress_ns_ = now_ns_;
    if (!std::exchange(stream.deferred_, false)) return;
    (void)nghttp2_session_resume_data(session_, stream.id_);
}

void Session::finish(Stream& stream, std::string_view trailer_lines) {
    if (over_ || stream.closed_ || stream.out_end_) return;
    stream.out_trailers_ = trailer_lines;
    if (!stream.sending()) stream.progress_ns_ = now_ns_;
    stream.out_end_ = stream.out_end_unsent_ = true;
    if (!std::exchange(stream.deferred_, false)) return;
    (void)nghttp2_session_resume_data(session_, stream.id_);
}

ssize_t Callbacks::read_data(nghttp2_session*, int32_t id, uint8_t*, std::size_t most,
                             uint32_t* flags, nghttp2_data_source*, void* user) {
    Session& s = session(user);
    Stream* const found = s.stream_of(id);
    if (found == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    Stream& stream = *found;
    const std::size_t waiting = stream.out_.size();
    if (waiting == 0 && !stream.out_end_) {
        stream.deferred_ = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    constexpr std::size_t kFrameHeader = 9;
    constexpr std::size_t kLeastPayload = 1024;  // no small frame only because the output is full
    const auto room = static_cast<std::size_t>(s.out_end_ - s.out_at_);
    if (room < kFrameHeader + std::min(waiting, kLeastPayload)) return NGHTTP2_ERR_PAUSE;
    const std::size_t bytes = std::min({waiting, most, room - kFrameHeader});
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (bytes == waiting && stream.out_end_) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (!stream.out_trailers_.empty()) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            s.submit_trailers(stream);
        }
    }
    return static_cast<ssize_t>(bytes);
}

void Session::submit_trailers(Stream& stream) {
    FieldList fields;
    write_trailers(fields, stream.out_trailers_);
    with_fields(fields, [&](const nghttp2_nv* nva, std::size_t n) {
        return nghttp2_submit_trailer(session_, stream.id_, nva, n);
    });
    stream.out_end_unsent_ = false;
}

int Callbacks::write_data(nghttp2_session*, nghttp2_frame* frame, const uint8_t* frame_head,
                          std::size_t bytes, nghttp2_data_source*, void* user) {
    Session& s = session(user);
    Stream* const found = s.stream_of(frame->hd.stream_id);
    if (found == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    Stream& stream = *found;
    constexpr std::size_t kFrameHeader = 9;
    GW_CHECK(static_cast<std::size_t>(s.out_end_ - s.out_at_) >= kFrameHeader + bytes &&
             bytes <= stream.out_.size() && frame->data.padlen == 0);
    std::memcpy(s.out_at_, frame_head, kFrameHeader);
    if (bytes != 0) std::memcpy(s.out_at_ + kFrameHeader, stream.out_.data(), bytes);
    s.out_at_ += kFrameHeader + bytes;
    stream.out_.remove_prefix(bytes);
    stream.sent_bytes_ += bytes;
    stream.progress_ns_ = s.now_ns_;
    s.guard_.on_data_sent(bytes);
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) stream.out_end_unsent_ = false;
    if (stream.out_.empty() && !stream.in_sent_) {
        stream.in_sent_ = true;
        s.sent_.push_back(&stream);
    }
    return 0;
}

}  // namespace glassgate::http::h2
