// What received frames mean for a message: its head, its body against the announced length, its
// trailers, its end.
#include <algorithm>

#include "base/text.h"
#include "http/h2/callbacks.h"
#include "http/h2/read_head.h"

namespace glassgate::http::h2 {
namespace {

// The urgency of RFC 9218 §4.1 in a Priority field: "u=" and a digit up to 7, among others.
uint32_t urgency_of(std::string_view priority) noexcept {
    uint32_t urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY;
    (void)for_each_list_element(priority, [&](std::string_view item) {
        if (item.size() == 3 && item.starts_with("u=") && item[2] >= '0' && item[2] <= '7')
            urgency = static_cast<uint32_t>(item[2] - '0');
        return true;
    });
    return urgency;
}

}  // namespace

void Session::take_block(Stream& stream, bool end_stream) {
    switch (stream.at_) {
        case Stream::At::head:
            take_head(stream, end_stream);
            break;
        case Stream::At::body:
            take_trailers(stream, end_stream);
            break;
        case Stream::At::done:
            fail_stream(stream, ParseError::misplaced_header_block);
            break;
    }
}

void Session::take_head(Stream& stream, bool end_stream) {
    const unsigned status = role_ == Role::client ? block_->status() : 0;
    if (role_ == Role::client && status >= 100 && status < 200 && status != 101) {
        if (end_stream) {
            fail_stream(stream, ParseError::misplaced_header_block);
            return;
        }
        listener_.on_interim(stream);
        return;
    }
    stream.at_ = end_stream ? Stream::At::done : Stream::At::body;
    stream.ended_ = end_stream;
    stream.has_length_ = announced_length(*block_, stream.length_left_);
    if (role_ == Role::server) {
        note_priority(stream);
    } else {
        stream.no_body_ = stream.method_ == Method::head || status == 204 || status == 304;
        stream.tunnel_ = stream.tunnel_ && status >= 200 && status < 300;
        if (stream.no_body_ || stream.tunnel_) stream.has_length_ = false;
    }
    stream.told_ = true;
    listener_.on_head(stream);
}

void Session::note_priority(const Stream& stream) {
    uint32_t urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY;
    for (const FieldBlock::Field& field : block_->fields())
        if (field.name_bytes == 8 && block_->name(field) == "priority")
            urgency = urgency_of(block_->value(field));
    const nghttp2_extpri priority{urgency, 1};  // incremental: streams of one urgency take turns
    (void)nghttp2_session_change_extpri_stream_priority(session_, stream.id_, &priority, 1);
}

void Session::take_trailers(Stream& stream, bool end_stream) {
    // RFC 9113 §8.1: behind the body there is one block, and it ends the stream.
    if (!end_stream) {
        fail_stream(stream, ParseError::misplaced_header_block);
        return;
    }
    if (!stream.discarding_) {
        const ParseError error = read_trailers(*block_, stream.trailers_);
        if (error != ParseError::none) {
            fail_stream(stream, error);
            return;
        }
    }
    take_end(stream);
}

void Session::take_data(Stream& stream, std::string_view data) {
    if (stream.at_ == Stream::At::head) {
        fail_stream(stream, ParseError::data_before_head);
        return;
    }
    stream.received_bytes_ += data.size();
    ParseError error = ParseError::none;
    if (stream.no_body_) error = ParseError::body_not_allowed;
    if (stream.has_length_ && data.size() > stream.length_left_)
        error = ParseError::body_longer_than_length;
    if (error != ParseError::none) {
        (void)nghttp2_session_consume_connection(session_, data.size());
        fail_stream(stream, error);
        return;
    }
    stream.length_left_ -= stream.has_length_ ? data.size() : 0;
    if (stream.discarding_) {
        credit(stream, data.size());
        return;
    }
    // More than the window: the frame layer has reset the stream, but still shows the rest of the
    // frame. Before our SETTINGS are known to the peer its window is the protocol's.
    const std::size_t most = std::max<std::size_t>(limits_.stream_window_bytes, 65535);
    if (data.size() > most - stream.in_.size()) {
        (void)nghttp2_session_consume_connection(session_, data.size());
        return;
    }
    stream.in_.append(data);
    listener_.on_data(stream);
}

void Session::take_end(Stream& stream) {
    if (stream.at_ == Stream::At::head) {
        fail_stream(stream, ParseError::data_before_head);
        return;
    }
    stream.at_ = Stream::At::done;
    if (stream.has_length_ && stream.length_left_ != 0) {
        fail_stream(stream, ParseError::body_shorter_than_length);
        return;
    }
    stream.ended_ = true;
    listener_.on_end(stream);
}

// The message is malformed (RFC 9113 §8.1.1).
void Session::fail_stream(Stream& stream, ParseError error) {
    (void)nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_,
                                    NGHTTP2_PROTOCOL_ERROR);
    blame_reset();
    close_stream(stream, {StreamEnd::By::us, ErrorCode::protocol_error, error, Violation::none});
}

// What the frame layer has passed over.
Violation Session::judge(FrameScan& scan) {
    if (scan.went_back()) return Violation::protocol;
    if (const StreamId id = scan.take_data_behind_reset(); id != 0) {
        (void)nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_STREAM_CLOSED);
        blame_reset();
    }
    return violation_;
}

// A reset that a client sent too early, or brought about.
void Session::blame_reset() {
    if (role_ != Role::server || violation_ != Violation::none) return;
    violation_ = guard_.on_reset(now_ns_);
}

ParseError Session::read_request(Stream& stream, RequestHead& out, std::string& text) {
    const ParseError error = h2::read_request(*block_, stream.ended_, limits_, out, text);
    if (error != ParseError::none && status_of(error) == 400) blame_reset();
    stream.tunnel_ =
        error == ParseError::none && (out.method == Method::connect || out.extended_connect);
    return error;
}

ParseError Session::read_response(Stream& stream, ResponseHead& out, std::string& text) {
    return h2::read_response(*block_, stream.ended_, stream.method_, out, text);
}

}  // namespace glassgate::http::h2
