// Exchange: the one record of one request. Opened at its first byte, closed in exactly one place
// (proxy/finish.cc). Metrics, log line, spans and everything else are projections of it.
//
// The record is trivially copyable: fixed-size facts plus references into a text block that
// follows it. On a worker the text block belongs to the exchange in progress; on the collector it
// lies behind the record in the ring. `text` must be set by whoever copied the bytes.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/ids.h"
#include "base/inline_vector.h"
#include "base/method.h"
#include "model/ending.h"
#include "model/names.h"

namespace glassgate::model {

struct TextRef {
    uint32_t offset = 0;
    uint32_t length = 0;
    [[nodiscard]] bool empty() const noexcept { return length == 0; }
};

enum class Protocol : uint8_t { unknown, http10, http11, http2 };
enum class Scheme : uint8_t { http, https };
enum class StreamKind : uint8_t { none, websocket, sse, grpc, h2stream, other };
inline constexpr std::size_t kStreamKindCount = 6;

// What became of one try at one target.
enum class AttemptResult : uint8_t {
    response,  // a response head arrived (whatever its status) and its end, too
    dns_failed,
    connect_failed,
    connect_timeout,
    tls_failed,
    timeout,
    reset,
    malformed,
    body_reset,
    body_timeout,
    cancelled,  // given up because the client went away or the gateway stops
};
inline constexpr std::size_t kAttemptResultCount = 11;
[[nodiscard]] std::string_view to_text(AttemptResult result) noexcept;
[[nodiscard]] std::string_view to_text(Protocol protocol) noexcept;  // "HTTP/1.1"
[[nodiscard]] std::string_view to_text(Scheme scheme) noexcept;
[[nodiscard]] std::string_view to_text(StreamKind kind) noexcept;

// Times are mono_now_ns(); 0 means "never happened".
struct Attempt {
    uint32_t upstream = kNone;  // index into PlanNames::upstreams
    uint32_t target = kNone;    // index into UpstreamName::targets
    SpanId span_id;             // the client span sent upstream in traceparent
    TextRef address;            // resolved "10.0.0.7:3000"
    uint64_t start_ns = 0;
    uint64_t connected_ns = 0;   // == start_ns on a reused connection
    uint64_t first_byte_ns = 0;  // response head complete
    uint64_t end_ns = 0;
    uint16_t status = 0;
    AttemptResult result = AttemptResult::cancelled;
    bool reused = false;  // a pooled connection
};

enum class PolicyVerdict : uint8_t { pass, reply };

struct PolicyStep {
    uint32_t policy = kNone;  // index into PlanNames::policies
    uint16_t reason = 0;      // index into PolicyName::reasons; 0 is always "pass"
    PolicyVerdict verdict = PolicyVerdict::pass;
    uint32_t elapsed_ns = 0;  // 0 where the plan does not ask for policy.outcomes
};

inline constexpr std::size_t kMaxAttempts = 4;  // later ones are counted, not kept
inline constexpr std::size_t kMaxPolicySteps = 16;

struct Exchange {
    const PlanNames* names = nullptr;  // never null once opened
    const char* text = nullptr;
    uint32_t text_size = 0;

    // identity
    TraceId trace_id;
    SpanId span_id;         // our server span
    SpanId parent_span_id;  // the caller's; invalid when we are the root
    bool sampled = false;   // head decision: the caller's, or ours by ratio
    bool request_id_is_trace_id = true;
    bool final = true;    // false: an interim record of a long stream
    TextRef request_id;   // when not the trace id
    TextRef trace_state;  // tracestate as received, for the span

    // what was asked
    Method method = Method::other;
    Protocol protocol = Protocol::unknown;
    Scheme scheme = Scheme::http;
    uint32_t listener = 0;
    uint32_t route = kNone;
    uint32_t pattern = 0;  // index into RouteName::patterns; meaningless without a route
    TextRef method_text;   // as sent, for methods we have no name for
    TextRef path, query, host, user_agent;
    TextRef remote_address;  // the client: the peer, or what a trusted peer says
    uint16_t remote_port = 0;
    TextRef client_id, client_name;
    TextRef captures[kMaxCaptures];  // by FieldRef::slot; absent values are empty
    TextRef tls_version, tls_cipher, tls_client_cert_subject, tls_client_cert_serial;
    TextRef tls_client_cert_san, tls_client_cert_fingerprint, tls_server_name;

    // what came of it
    Ending ending = Ending::internal_error;
    Origin origin = Origin::gateway;
    uint16_t status = 0;  // sent to the client; 499 when it left before one was sent
    StreamKind stream = StreamKind::none;
    bool grpc = false;            // the request was gRPC
    int8_t grpc_status = -1;      // how a gRPC call ended, 0 .. 16; -1: unknown, or no gRPC
    uint64_t request_bytes = 0;   // body bytes received from the client
    uint64_t response_bytes = 0;  // body bytes sent to the client
    TextRef detail;               // parse error, bad header: precise, for the log

    // when (mono_now_ns)
    uint64_t opened_wall_ns = 0;  // wall clock at first byte
    uint64_t opened_ns = 0;       // first byte of the request
    uint64_t head_received_ns = 0;
    uint64_t request_sent_ns = 0;   // last byte of the request sent upstream
    uint64_t response_head_ns = 0;  // first byte of the response handed to the client's socket
    uint64_t closed_ns = 0;

    // how
    uint32_t attempt_count = 0;  // all, also those beyond kMaxAttempts
    InlineVector<Attempt, kMaxAttempts> attempts;
    InlineVector<PolicyStep, kMaxPolicySteps> policies;

    // set when a rate limit refused the request: limit and count in its window
    uint64_t quota_limit = 0;
    uint64_t quota_current = 0;
    uint32_t quota_period_s = 0;

    [[nodiscard]] std::string_view str(TextRef r) const noexcept {
        return {text + r.offset, r.length};
    }
    [[nodiscard]] bool has_route() const noexcept { return route != kNone; }

    // Latency as clients feel it: to the last byte; for upgraded and streaming exchanges to the
    // response head, since their lifetime is not a latency (flex_stream_lifetime_seconds).
    [[nodiscard]] uint64_t latency_ns() const noexcept {
        const bool streaming = stream != StreamKind::none && response_head_ns != 0;
        return (streaming ? response_head_ns : closed_ns) - opened_ns;
    }
    [[nodiscard]] uint64_t lifetime_ns() const noexcept { return closed_ns - opened_ns; }
    // A gRPC call that failed for a reason of the server's is an error, though its HTTP status is
    // 200: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE and DATA_LOSS (what
    // OpenTelemetry's conventions take for errors of a server).
    [[nodiscard]] bool failed() const noexcept {
        return is_error(ending, status) ||
               (ending == Ending::completed && is_grpc_error(grpc_status));
    }
};
static_assert(std::is_trivially_copyable_v<Exchange>);

}  // namespace glassgate::model
