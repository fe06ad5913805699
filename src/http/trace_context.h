// Trace propagation: W3C Trace Context (https://www.w3.org/TR/trace-context/) and B3
// (https://github.com/openzipkin/b3-propagation), in and out.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "http/message.h"

namespace glassgate::http {

struct TraceParent {
    TraceId trace_id;
    SpanId parent_id;
    bool sampled = false;
    bool has_sampling_decision = false;
    std::string_view tracestate;   // into the request's buffer
};

// False when absent or invalid; `out` is then untouched.
[[nodiscard]] bool extract_w3c(const HeaderList& headers, TraceParent& out) noexcept;
[[nodiscard]] bool extract_b3(const HeaderList& headers, TraceParent& out) noexcept;

void append_traceparent(std::string& out, const TraceId& trace, const SpanId& span, bool sampled);
void append_b3(std::string& out, const TraceId& trace, const SpanId& span, bool sampled);

}  // namespace glassgate::http
