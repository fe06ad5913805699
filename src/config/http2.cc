#include "config/http2.h"

namespace glassgate::config {
namespace {

using http::h2::Limits;

constexpr uint64_t kMaxStreams = 100'000;
constexpr uint64_t kMaxWindowBytes = uint64_t{1} << 30;
constexpr uint64_t kMaxCount = 1'000'000'000;

void read_windows(Fields& fields, Limits& h2) {
    // Below the protocol's default a peer may send more than was agreed before it reads our
    // settings (RFC 9113 §6.9.2).
    h2.stream_window_bytes =
        read_unsigned(fields, "streamWindowBytes", h2.stream_window_bytes, 65'535, 16u << 20);
    h2.connection_window_bytes = read_unsigned(fields, "connectionWindowBytes",
                                               h2.connection_window_bytes, 0, kMaxWindowBytes);
    const Node* const node = fields.child("connectionWindowBytes");
    if (h2.connection_window_bytes != 0 && h2.connection_window_bytes < h2.stream_window_bytes)
        fields.mistake(node->position, "connectionWindowBytes is below streamWindowBytes",
                       "0 for what all streams together need, or at least " +
                           std::to_string(h2.stream_window_bytes));
}

// 0 switches a defence off.
void read_defences(const Node* node, Draft& draft, Limits& h2) {
    Fields fields(or_empty(node), draft.diagnostics, "defences");
    const std::pair<std::string_view, uint32_t*> settings[] = {
        {"resetBurst", &h2.reset_burst},
        {"resetsPerSecond", &h2.resets_per_second},
        {"continuations", &h2.continuations},
        {"settingsBurst", &h2.settings_burst},
        {"settingsPerSecond", &h2.settings_per_second},
        {"pingBurst", &h2.ping_burst},
        {"pingsPerSecond", &h2.pings_per_second},
        {"priorityFramesPerStream", &h2.priority_frames_per_stream},
        {"windowUpdatesPerDataFrame", &h2.window_updates_per_data_frame},
        {"emptyFrames", &h2.empty_frames},
        {"overheadBytes", &h2.overhead_bytes},
        {"refusedStreams", &h2.refused_streams},
        {"queuedFrames", &h2.queued_frames},
    };
    for (const auto& [key, value] : settings)
        *value = read_unsigned(fields, key, *value, 0, kMaxCount);
}

}  // namespace

void read_http2(const Node* node, Draft& draft, proxy::ListenerPlan& listener) {
    Fields fields(or_empty(node), draft.diagnostics, "http2 of listener " + quote(listener.name));
    Limits& h2 = listener.h2;
    h2.head = listener.limits;
    h2.header_timeout_ns = listener.header_timeout_ms * kNsPerMs;
    // The exchange gives up first, at the write timeout, and says why; this is for streams that
    // have no exchange any more.
    h2.stall_timeout_ns = 2 * listener.write_timeout_ms * kNsPerMs;
    listener.http2 = fields.boolean("enabled", listener.http2);
    h2.max_streams = read_unsigned(fields, "maxConcurrentStreams", h2.max_streams, 1, kMaxStreams);
    read_windows(fields, h2);
    h2.extended_connect = fields.boolean("extendedConnect", h2.extended_connect);
    const auto ms = [](uint64_t ns) { return static_cast<uint32_t>(ns / kNsPerMs); };
    h2.settings_timeout_ns =
        read_ms(fields, "settingsTimeoutMs", ms(h2.settings_timeout_ns)) * kNsPerMs;
    h2.ping_timeout_ns = read_ms(fields, "pingTimeoutMs", ms(h2.ping_timeout_ns)) * kNsPerMs;
    read_defences(fields.child("defences"), draft, h2);
}

void read_http2(const Node* node, Draft& draft, proxy::UpstreamPlan& upstream) {
    Fields fields(or_empty(node), draft.diagnostics, "http2 of the upstream");
    upstream.streams_per_connection = read_unsigned(
        fields, "maxConcurrentStreams", upstream.streams_per_connection, 1, kMaxStreams);
    read_windows(fields, upstream.h2);
    if (node != nullptr && upstream.protocol == proxy::UpstreamProtocol::http1)
        fields.mistake(node->position, "http2 with protocol http1", "protocol: http2 or auto");
}

bool same_http2(const proxy::UpstreamPlan& a, const proxy::UpstreamPlan& b) noexcept {
    return a.streams_per_connection == b.streams_per_connection &&
           a.h2.stream_window_bytes == b.h2.stream_window_bytes &&
           a.h2.connection_window_bytes == b.h2.connection_window_bytes;
}

}  // namespace glassgate::config
