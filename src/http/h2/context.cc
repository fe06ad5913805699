#include "http/h2/context.h"

#include "base/check.h"
#include "http/h2/callbacks.h"

namespace glassgate::http::h2 {
namespace {

constexpr std::size_t kKeepStreams = 4096;
constexpr std::size_t kKeepBlocks = 64;

nghttp2_session_callbacks* make_callbacks() {
    nghttp2_session_callbacks* c = nullptr;
    GW_CHECK(nghttp2_session_callbacks_new(&c) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(c, Callbacks::on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, Callbacks::on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, Callbacks::on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, Callbacks::on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, Callbacks::on_data_chunk);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, Callbacks::on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, Callbacks::on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, Callbacks::on_frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(c, Callbacks::on_frame_not_sent);
    nghttp2_session_callbacks_set_send_data_callback(c, Callbacks::write_data);
    return c;
}

nghttp2_option* make_options() {
    nghttp2_option* o = nullptr;
    GW_CHECK(nghttp2_option_new(&o) == 0);
    nghttp2_option_set_no_auto_window_update(o, 1);
    // read_head.h checks messages, more strictly and so that they can be answered.
    nghttp2_option_set_no_http_messaging(o, 1);
    nghttp2_option_set_no_closed_streams(o, 1);
    // FloodGuard counts these; the frame layer's own limits only stand behind it.
    nghttp2_option_set_stream_reset_rate_limit(o, 1u << 30, 1u << 20);
    nghttp2_option_set_max_continuations(o, 64);
    nghttp2_option_set_max_outbound_ack(o, 10000);
    nghttp2_option_set_max_send_header_block_length(o, 256 * 1024);
    return o;
}

}  // namespace

Context::Context(io::BufferPool& buffers)
    : buffers_(buffers), callbacks_(make_callbacks()), options_(make_options()) {}

Context::~Context() {
    nghttp2_option_del(options_);
    nghttp2_session_callbacks_del(callbacks_);
}

std::unique_ptr<Stream> Context::take_stream() {
    if (free_streams_.empty()) return std::make_unique<Stream>(buffers_);
    std::unique_ptr<Stream> stream = std::move(free_streams_.back());
    free_streams_.pop_back();
    return stream;
}

std::unique_ptr<FieldBlock> Context::take_block() {
    if (free_blocks_.empty()) return std::make_unique<FieldBlock>();
    std::unique_ptr<FieldBlock> block = std::move(free_blocks_.back());
    free_blocks_.pop_back();
    return block;
}

void Context::give_block(std::unique_ptr<FieldBlock> block) {
    if (block && free_blocks_.size() < kKeepBlocks) free_blocks_.push_back(std::move(block));
}

void Context::give_stream(std::unique_ptr<Stream> stream) {
    if (free_streams_.size() < kKeepStreams) free_streams_.push_back(std::move(stream));
}

}  // namespace glassgate::http::h2
