// What the frame layer calls. Only for session*.cc and context.cc.
#pragma once

#include <nghttp2/nghttp2.h>

#include "http/h2/session.h"

namespace glassgate::http::h2 {

// Of the PING between the two steps of Session::drain().
inline constexpr uint8_t kDrainPing[8] = {'d', 'r', 'a', 'i', 'n', 0, 0, 0};

struct Callbacks {
    static Session& session(void* user) noexcept { return *static_cast<Session*>(user); }
    // 0, or the code that makes nghttp2 stop at once because the session is to be given up.
    static int outcome(const Session& s) noexcept;
    static int violate(Session& s, Violation violation) noexcept;

    static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* hd, void* user);
    static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user);
    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                         std::size_t name_bytes, const uint8_t* value, std::size_t value_bytes,
                         uint8_t flags, void* user);
    static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user);
    static int on_data_chunk(nghttp2_session*, uint8_t flags, int32_t id, const uint8_t* data,
                             std::size_t bytes, void* user);
    static int on_invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int error,
                                void* user);
    static int on_stream_close(nghttp2_session*, int32_t id, uint32_t code, void* user);
    static int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user);
    static int on_frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int error,
                                 void* user);
    static ssize_t read_data(nghttp2_session*, int32_t id, uint8_t* buffer, std::size_t most,
                             uint32_t* flags, nghttp2_data_source* source, void* user);
    static int write_data(nghttp2_session*, nghttp2_frame* frame, const uint8_t* frame_head,
                          std::size_t bytes, nghttp2_data_source* source, void* user);
};

}  // namespace glassgate::http::h2
