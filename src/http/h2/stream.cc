#include "http/h2/stream.h"

namespace glassgate::http::h2 {

void Stream::open(StreamId id, uint64_t now_ns) noexcept {
    user = nullptr;
    in_.clear();
    id_ = id;
    at_ = At::head;
    method_ = Method::get;
    ended_ = closed_ = discarding_ = tunnel_ = reset_by_peer_ = has_length_ = no_body_ = false;
    told_ = deferred_ = out_end_ = out_end_unsent_ = sent_end_ = in_sent_ = false;
    code_after_end_ = ErrorCode::no_error;
    length_left_ = received_bytes_ = sent_bytes_ = 0;
    opened_ns_ = progress_ns_ = now_ns;
    out_ = {};
    trailers_.clear();
    out_trailers_.clear();
    end_ = {};
}

}  // namespace glassgate::http::h2
