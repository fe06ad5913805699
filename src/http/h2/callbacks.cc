#include "http/h2/callbacks.h"

#include <utility>

#include "base/clock.h"

namespace glassgate::http::h2 {
namespace {

// A stream that the client gives up later than this was worth its cost. Envoy: 1 s.
constexpr uint64_t kEarlyResetNs = kNsPerSecond;

Violation violation_of_frame(int lib_error) noexcept {
    switch (lib_error) {
        case NGHTTP2_ERR_FRAME_SIZE_ERROR:
            return Violation::frame_size;
        case NGHTTP2_ERR_FLOW_CONTROL:
            return Violation::flow_control;
        case NGHTTP2_ERR_HEADER_COMP:
            return Violation::compression;
        case NGHTTP2_ERR_STREAM_CLOSED:
            return Violation::stream_closed;
        default:
            return Violation::protocol;
    }
}

Violation violation_of_code(uint32_t code) noexcept {
    switch (static_cast<ErrorCode>(code)) {
        case ErrorCode::frame_size_error:
            return Violation::frame_size;
        case ErrorCode::flow_control_error:
            return Violation::flow_control;
        case ErrorCode::compression_error:
            return Violation::compression;
        case ErrorCode::stream_closed:
            return Violation::stream_closed;
        case ErrorCode::internal_error:
            return Violation::internal;
        default:
            return Violation::protocol;
    }
}

}  // namespace

int Callbacks::outcome(const Session& s) noexcept {
    return s.violation_ == Violation::none && !s.over_ ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

int Callbacks::violate(Session& s, Violation violation) noexcept {
    if (s.violation_ == Violation::none) s.violation_ = violation;
    return outcome(s);
}

int Callbacks::on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* hd, void* user) {
    Session& s = session(user);
    if (hd->type != NGHTTP2_CONTINUATION) s.block_began_ns_ = 0;  // whatever became of the last one
    // The frame layer, told to ignore priorities, does not look (RFC 9113 §6.3).
    if (hd->type == NGHTTP2_PRIORITY && hd->stream_id == 0) return violate(s, Violation::protocol);
    return violate(
        s, s.guard_.on_frame(static_cast<FrameType>(hd->type), hd->flags, hd->length, s.now_ns_));
}

int Callbacks::on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Session& s = session(user);
    s.block_began_ns_ = s.now_ns_;
    if (!s.block_) s.block_ = s.context_.take_block();
    s.block_->begin(s.limits_);
    Stream* stream = s.stream_of(frame->hd.stream_id);
    if (stream == nullptr && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        stream = &s.new_stream(frame->hd.stream_id);
        (void)nghttp2_session_set_stream_user_data(s.session_, frame->hd.stream_id, stream);
    }
    s.block_stream_ = stream;
    return 0;
}

int Callbacks::on_header(nghttp2_session*, const nghttp2_frame*, const uint8_t* name,
                         std::size_t name_bytes, const uint8_t* value, std::size_t value_bytes,
                         uint8_t, void* user) {
    Session& s = session(user);
    if (s.block_stream_ == nullptr) return 0;
    const bool bearable = s.block_->add({reinterpret_cast<const char*>(name), name_bytes},
                                        {reinterpret_cast<const char*>(value), value_bytes});
    return bearable ? 0 : violate(s, Violation::header_bomb);
}

int Callbacks::on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Session& s = session(user);
    const bool end_stream = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
        case NGHTTP2_HEADERS:
            s.block_began_ns_ = 0;
            if (Stream* const stream = std::exchange(s.block_stream_, nullptr); stream != nullptr)
                s.take_block(*stream, end_stream);
            s.context_.give_block(std::move(s.block_));
            break;
        case NGHTTP2_DATA:
            if (!end_stream) break;
            if (Stream* const stream = s.stream_of(frame->hd.stream_id); stream != nullptr)
                s.take_end(*stream);
            break;
        case NGHTTP2_RST_STREAM:
            if (Stream* const stream = s.stream_of(frame->hd.stream_id); stream != nullptr) {
                stream->reset_by_peer_ = true;
                if (s.now_ns_ - stream->opened_ns_ < kEarlyResetNs) s.blame_reset();
            }
            break;
        case NGHTTP2_SETTINGS:
            if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
                s.settings_acked_ = true;
            else
                s.listener_.on_settings();
            break;
        case NGHTTP2_PING:
            if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) s.take_pong(frame->ping.opaque_data);
            break;
        case NGHTTP2_GOAWAY:
            s.peer_goaway_ = true;
            s.listener_.on_goaway(static_cast<ErrorCode>(frame->goaway.error_code),
                                  frame->goaway.last_stream_id,
                                  {reinterpret_cast<const char*>(frame->goaway.opaque_data),
                                   frame->goaway.opaque_data_len});
            break;
        default:
            break;
    }
    return outcome(s);
}

int Callbacks::on_data_chunk(nghttp2_session* ng, uint8_t, int32_t id, const uint8_t* data,
                             std::size_t bytes, void* user) {
    Session& s = session(user);
    Stream* const stream = s.stream_of(id);
    if (stream == nullptr)
        (void)nghttp2_session_consume_connection(ng, bytes);
    else
        s.take_data(*stream, {reinterpret_cast<const char*>(data), bytes});
    return outcome(s);
}

int Callbacks::on_invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int error,
                                void* user) {
    Session& s = session(user);
    if (error == NGHTTP2_ERR_REFUSED_STREAM) return violate(s, s.guard_.on_refused());
    s.invalid_frame_ = violation_of_frame(error);
    const bool new_request =
        frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    if (new_request && error == NGHTTP2_ERR_PROTO && s.open_streams_ >= s.limits_.max_streams)
        s.invalid_frame_ = Violation::stream_limit;
    return outcome(s);
}

int Callbacks::on_stream_close(nghttp2_session*, int32_t id, uint32_t code, void* user) {
    Session& s = session(user);
    Stream* const stream = s.stream_of(id);
    if (stream == nullptr) return outcome(s);
    StreamEnd end;
    end.code = static_cast<ErrorCode>(code);
    if (stream->reset_by_peer_) {
        end.by = StreamEnd::By::peer;
    } else if (code == NGHTTP2_NO_ERROR || end.code == stream->code_after_end_) {
        s.guard_.on_finished();
    } else if (code == NGHTTP2_REFUSED_STREAM) {
        end.by = StreamEnd::By::connection;
    } else {
        end.by = StreamEnd::By::us;
        end.violation = s.invalid_frame_;
    }
    s.close_stream(*stream, end);
    return outcome(s);
}

int Callbacks::on_frame_sent(nghttp2_session* ng, const nghttp2_frame* frame, void* user) {
    Session& s = session(user);
    const uint8_t type = frame->hd.type;
    if (type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
        s.said_goaway_ = true;
        s.violation_ = s.invalid_frame_ != Violation::none
                           ? s.invalid_frame_
                           : violation_of_code(frame->goaway.error_code);
        s.detail_.assign(reinterpret_cast<const char*>(frame->goaway.opaque_data),
                         frame->goaway.opaque_data_len);
        return 0;
    }
    // Not before it, where the frame layer would put it: its answer tells that the notice is known.
    if (type == NGHTTP2_GOAWAY && s.drain_ == Session::Drain::announced)
        (void)nghttp2_submit_ping(ng, NGHTTP2_FLAG_NONE, kDrainPing);
    if (type == NGHTTP2_SETTINGS) s.said_settings_ = true;
    if (type == NGHTTP2_RST_STREAM) {
        // One that is still known was reset by the frame layer, for what the peer did.
        if (s.stream_of(frame->hd.stream_id) != nullptr && frame->rst_stream.error_code != 0)
            s.blame_reset();
        return outcome(s);
    }
    const bool ends = (type == NGHTTP2_HEADERS || type == NGHTTP2_DATA) &&
                      (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    Stream* const stream = ends ? s.stream_of(frame->hd.stream_id) : nullptr;
    if (stream == nullptr) return outcome(s);
    stream->sent_end_ = true;
    // The response is whole before the request is: nobody wants the rest (RFC 9113 §8.1).
    const bool unwanted = !stream->ended_ && !stream->tunnel_;
    if (s.role_ == Role::server && (unwanted || stream->code_after_end_ != ErrorCode::no_error))
        (void)nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, stream->id_,
                                        static_cast<uint32_t>(stream->code_after_end_));
    return outcome(s);
}

// A head that cannot be sent: larger than any peer would take.
int Callbacks::on_frame_not_sent(nghttp2_session* ng, const nghttp2_frame* frame, int, void* user) {
    Session& s = session(user);
    if (frame->hd.type != NGHTTP2_HEADERS || s.role_ != Role::server) return outcome(s);
    Stream* const stream = s.stream_of(frame->hd.stream_id);
    if (stream == nullptr) return outcome(s);
    (void)nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, stream->id_, NGHTTP2_INTERNAL_ERROR);
    s.close_stream(*stream, {StreamEnd::By::us, ErrorCode::internal_error, ParseError::none,
                             Violation::internal});
    return outcome(s);
}

}  // namespace glassgate::http::h2
