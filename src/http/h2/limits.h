// What a session allows its peer, with defaults and where they come from.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "http/h1.h"

namespace glassgate::http::h2 {

struct Limits {
    // The head of one message: name, value and 32 bytes for each field (RFC 9113 §6.5.2). What is
    // beyond is answered with 431 on its stream; the connection goes on. Announced as
    // SETTINGS_MAX_HEADER_LIST_SIZE. As for HTTP/1.1.
    HeadLimits head;

    // RFC 9113 §6.5.2 recommends no less than 100; HAProxy and nghttpx have 100, nginx 128.
    uint32_t max_streams = 100;
    // Bytes of one stream that may wait here for who reads them. The protocol's own default;
    // nghttpx and nginx have the same, HAProxy 16 KiB.
    uint32_t stream_window_bytes = 65535;
    // 0: so much that streams which nobody reads never hold up another. What a connection can make
    // us keep is then max_streams * stream_window_bytes.
    uint32_t connection_window_bytes = 0;
    bool extended_connect = true;  // SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441); server only

    // ---- defences; 0 switches one off ----

    // Rapid reset: a budget that every reset within a second of the stream's beginning, and every
    // one that the client's frames bring about, costs one of; every stream that ends in order gives
    // one back (h2o's reset budget), and it refills with time (nghttp2: 1000, then 33 a second).
    // Envoy closes at 500 streams when most were reset within a second.
    uint32_t reset_burst = 500;
    uint32_t resets_per_second = 33;
    // CONTINUATION frames in one header block (nghttp2: 8).
    uint32_t continuations = 8;
    // A peer changes its settings rarely; gRPC's flow control may do so a few times a second.
    uint32_t settings_burst = 100;
    uint32_t settings_per_second = 10;
    // gRPC sends a PING for each round trip while data flows, so every DATA and HEADERS frame
    // allows for one more.
    uint32_t ping_burst = 1000;
    uint32_t pings_per_second = 100;
    // Envoy: max_inbound_priority_frames_per_stream = 100.
    uint32_t priority_frames_per_stream = 100;
    // Envoy: 5 + 2 * (streams + 10 * DATA frames sent) WINDOW_UPDATE frames in all.
    uint32_t window_updates_per_data_frame = 10;
    // In a row, DATA without payload or end, and HEADERS or CONTINUATION without payload.
    // Envoy: 1; Helidon: 10.
    uint32_t empty_frames = 10;
    // nginx: a connection whose bytes are eight times its payload, and a mebibyte more.
    uint32_t overhead_bytes = 1u << 20;
    // A header list is decoded up to so many times its limit, to be able to answer 431.
    uint32_t header_bomb_factor = 8;
    // Streams refused because the announced limit was reached; the client may not yet know it.
    uint32_t refused_streams = 200;  // nginx: max(limit, 100)
    // Frames that wait for the peer to read them, DATA apart. Envoy: 1000.
    uint32_t queued_frames = 1000;

    uint64_t settings_timeout_ns = 10 * kNsPerSecond;  // nghttpx: 10 s
    uint64_t header_timeout_ns = 10 * kNsPerSecond;
    uint64_t ping_timeout_ns = 20 * kNsPerSecond;  // gRPC: 20 s
    // A stream that has bytes to go and moves none.
    uint64_t stall_timeout_ns = 30 * kNsPerSecond;
};

}  // namespace glassgate::http::h2
