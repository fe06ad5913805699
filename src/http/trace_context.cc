#include "http/trace_context.h"

#include <cstring>

namespace glassgate::http {
namespace {

bool lower_hex(std::string_view s) noexcept {
    return s.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool read_trace_id(std::string_view text, TraceId& id) noexcept {
    // 64-bit ids are the right half of a 128-bit one.
    if (text.size() == 16) return read_hex(text, id.bytes.data() + 8, 8) && id.valid();
    return read_hex(text, id.bytes.data(), 16) && id.valid();
}

}  // namespace

bool extract_w3c(const HeaderList& headers, TraceParent& out) noexcept {
    std::string_view text;
    for (const HeaderField& field : headers) {
        if (field.known != KnownHeader::traceparent) continue;
        if (text.data() != nullptr) return false;  // more than one: none can be trusted
        text = field.value;
    }
    if (text.size() < 55 || !lower_hex(text.substr(0, 2)) || text[2] != '-' || text[35] != '-' || text[52] != '-')
        return false;
    const std::string_view version = text.substr(0, 2);
    if (version == "ff") return false;
    if (version == "00" ? text.size() != 55 : text.size() > 55 && text[55] != '-') return false;
    TraceParent parent;
    uint8_t flags = 0;
    if (!lower_hex(text.substr(3, 32)) || !lower_hex(text.substr(36, 16)) || !lower_hex(text.substr(53, 2)) ||
        !read_hex(text.substr(3, 32), parent.trace_id.bytes.data(), 16) ||
        !read_hex(text.substr(36, 16), parent.parent_id.bytes.data(), 8) ||
        !read_hex(text.substr(53, 2), &flags, 1))
        return false;
    if (!parent.trace_id.valid() || !parent.parent_id.valid()) return false;
    parent.sampled = (flags & 1) != 0;
    parent.has_sampling_decision = true;
    const std::string_view state = find(headers, KnownHeader::tracestate);
    if (state.size() <= 512) parent.tracestate = state;
    out = parent;
    return true;
}

bool extract_b3(const HeaderList& headers, TraceParent& out) noexcept {
    TraceParent parent;
    if (const std::string_view single = find(headers, KnownHeader::b3); !single.empty()) {
        if (single.size() < 33) return false;  // "0", "1", "d": a decision without a trace
        const std::size_t first = single.find('-');
        if (first == std::string_view::npos || !read_trace_id(single.substr(0, first), parent.trace_id)) return false;
        const std::string_view rest = single.substr(first + 1);
        if (!read_hex(rest.substr(0, 16), parent.parent_id.bytes.data(), 8)) return false;
        if (rest.size() > 17 && rest[16] == '-') {
            parent.has_sampling_decision = true;
            parent.sampled = rest[17] == '1' || rest[17] == 'd';
        }
    } else {
        if (!read_trace_id(find(headers, KnownHeader::x_b3_traceid), parent.trace_id)) return false;
        if (!read_hex(find(headers, KnownHeader::x_b3_spanid), parent.parent_id.bytes.data(), 8)) return false;
        const std::string_view sampled = find(headers, KnownHeader::x_b3_sampled);
        const bool debug = find(headers, KnownHeader::x_b3_flags) == "1";
        parent.has_sampling_decision = debug || !sampled.empty();
        parent.sampled = debug || sampled == "1" || sampled == "true";
    }
    if (!parent.parent_id.valid()) return false;
    out = parent;
    return true;
}

void append_traceparent(std::string& out, const TraceId& trace, const SpanId& span, bool sampled) {
    out += "00-";
    append_hex(out, trace);
    out += '-';
    append_hex(out, span);
    out += sampled ? "-01" : "-00";
}

void append_b3(std::string& out, const TraceId& trace, const SpanId& span, bool sampled) {
    append_hex(out, trace);
    out += '-';
    append_hex(out, span);
    out += sampled ? "-1" : "-0";
}

}  // namespace glassgate::http
