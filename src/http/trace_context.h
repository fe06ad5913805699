// Trace propagation: W3C Trace Context (https://www.w3.org/TR/trace-context/) and B3
// (https://github.com/openzipkin/b3-propagation), in and out.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/inline_vector.h"
#include "http/message.h"

namespace glassgate::http {

// A tracestate as it is passed on: valid members of all tracestate fields in order, joined by ",".
class TraceState {
public:
    static constexpr std::size_t kMaxBytes = 512;
    static constexpr std::size_t kMaxMembers = 32;
    static constexpr std::size_t kLongMemberBytes = 128;  // the first to go when it does not fit

    [[nodiscard]] std::string_view view() const noexcept { return {text_.begin(), text_.size()}; }
    operator std::string_view() const noexcept { return view(); }
    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }

    // Reads all tracestate fields. Empty when there is none, when any member is malformed or when
    // there are more than kMaxMembers (W3C §3.3.1.2: then none of it is passed on). What exceeds
    // kMaxBytes loses whole members: those above kLongMemberBytes first, then from the right
    // (§3.3.1.5).
    void read(const HeaderList& headers) noexcept;

private:
    InlineVector<char, kMaxBytes> text_;
};

struct TraceParent {
    TraceId trace_id;  // invalid when only a B3 decision ("b3: 0") was sent
    SpanId parent_id;
    bool sampled = false;
    bool has_sampling_decision = false;
    TraceState tracestate;
};

// False when absent or invalid; `out` is then untouched.
[[nodiscard]] bool extract_w3c(const HeaderList& headers, TraceParent& out) noexcept;
// The single header `b3` comes before the X-B3-* family; one that is invalid is not made up for.
[[nodiscard]] bool extract_b3(const HeaderList& headers, TraceParent& out) noexcept;

void append_traceparent(std::string& out, const TraceId& trace, const SpanId& span, bool sampled);
void append_b3(std::string& out, const TraceId& trace, const SpanId& span, bool sampled);

}  // namespace glassgate::http
