#include "http/trace_context.h"

#include "base/text.h"

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

bool lower_or_digit(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool key_characters(std::string_view text, std::size_t longest) noexcept {
    if (text.empty() || text.size() > longest || !lower_or_digit(text[0])) return false;
    for (const char c : text)
        if (!lower_or_digit(c) && c != '_' && c != '-' && c != '*' && c != '/') return false;
    return true;
}

// key "=" value, W3C §3.3.1.3: simple-key or tenant@system; printable ASCII without "," and "=".
bool valid_member(std::string_view member) noexcept {
    const std::size_t equals = member.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view key = member.substr(0, equals);
    const std::string_view value = member.substr(equals + 1);
    const std::size_t at = key.find('@');
    const bool good_key = at == std::string_view::npos ? key_characters(key, 256)
                                                       : key_characters(key.substr(0, at), 241) &&
                                                             key_characters(key.substr(at + 1), 14);
    if (!good_key || value.empty() || value.size() > 256) return false;
    for (const char c : value)
        if (c < 0x20 || c > 0x7e || c == '=') return false;
    return true;
}

}  // namespace

void TraceState::read(const HeaderList& headers) noexcept {
    text_.clear();
    InlineVector<std::string_view, kMaxMembers> members;
    std::size_t bytes = 0;
    for (const HeaderField& field : headers) {
        if (field.known != KnownHeader::tracestate) continue;
        const bool good = for_each_list_element(field.value, [&](std::string_view member) {
            bytes += member.size() + 1;
            return valid_member(member) && members.push_back(member);
        });
        if (!good) return;
    }
    if (members.empty()) return;
    --bytes;  // no "," behind the last
    std::size_t left = members.size();
    for (std::size_t i = members.size(); i-- > 0 && bytes > kMaxBytes;) {
        if (members[i].size() <= kLongMemberBytes) continue;
        bytes -= members[i].size() + 1;
        members[i] = {};
    }
    for (; left > 0 && bytes > kMaxBytes; --left)
        if (!members[left - 1].empty()) bytes -= members[left - 1].size() + 1;
    for (std::size_t i = 0; i < left; ++i) {
        if (members[i].empty()) continue;
        if (!text_.empty()) text_.push_back(',');
        for (const char c : members[i]) text_.push_back(c);
    }
}

bool extract_w3c(const HeaderList& headers, TraceParent& out) noexcept {
    std::string_view text;
    for (const HeaderField& field : headers) {
        if (field.known != KnownHeader::traceparent) continue;
        if (text.data() != nullptr) return false;  // more than one: none can be trusted
        text = field.value;
    }
    if (text.size() < 55 || !lower_hex(text.substr(0, 2)) || text[2] != '-' || text[35] != '-' ||
        text[52] != '-')
        return false;
    const std::string_view version = text.substr(0, 2);
    if (version == "ff") return false;
    if (version == "00" ? text.size() != 55 : text.size() > 55 && text[55] != '-') return false;
    TraceId trace_id;
    SpanId parent_id;
    uint8_t flags = 0;
    if (!lower_hex(text.substr(3, 32)) || !lower_hex(text.substr(36, 16)) ||
        !lower_hex(text.substr(53, 2)) ||
        !read_hex(text.substr(3, 32), trace_id.bytes.data(), 16) ||
        !read_hex(text.substr(36, 16), parent_id.bytes.data(), 8) ||
        !read_hex(text.substr(53, 2), &flags, 1))
        return false;
    if (!trace_id.valid() || !parent_id.valid()) return false;
    out.trace_id = trace_id;
    out.parent_id = parent_id;
    out.sampled = (flags & 1) != 0;
    out.has_sampling_decision = true;
    out.tracestate.read(headers);
    return true;
}

namespace {

struct B3 {
    TraceId trace_id;
    SpanId parent_id;
    bool sampled = false, decided = false;
};

bool read_b3_decision(std::string_view text, B3& out) noexcept {
    out.decided = true;
    out.sampled = text == "1" || text == "d";
    return out.sampled || text == "0";
}

// {TraceId}-{SpanId}[-{SamplingState}[-{ParentSpanId}]], or a SamplingState alone.
bool read_b3_single(std::string_view text, B3& out) noexcept {
    if (text.size() == 1) return read_b3_decision(text, out);
    const std::size_t dash = text.find('-');
    if (dash == std::string_view::npos || !read_trace_id(text.substr(0, dash), out.trace_id))
        return false;
    std::string_view rest = text.substr(dash + 1);
    if (!read_hex(rest.substr(0, 16), out.parent_id.bytes.data(), 8) || !out.parent_id.valid())
        return false;
    rest.remove_prefix(16);
    if (rest.empty()) return true;
    if (rest.size() < 2 || rest[0] != '-' || !read_b3_decision(rest.substr(1, 1), out))
        return false;
    rest.remove_prefix(2);
    SpanId ignored;
    return rest.empty() || (rest[0] == '-' && read_hex(rest.substr(1), ignored.bytes.data(), 8));
}

bool read_b3_family(const HeaderList& headers, B3& out) noexcept {
    const std::string_view sampled = find(headers, KnownHeader::x_b3_sampled);
    const bool debug = find(headers, KnownHeader::x_b3_flags) == "1";
    if (debug || sampled == "1" || sampled == "true") {
        out.decided = out.sampled = true;
    } else if (!sampled.empty()) {
        if (sampled != "0" && sampled != "false") return false;
        out.decided = true;
    }
    const std::string_view trace = find(headers, KnownHeader::x_b3_traceid);
    const std::string_view span = find(headers, KnownHeader::x_b3_spanid);
    if (trace.data() == nullptr && span.data() == nullptr) return out.decided;  // a decision alone
    return read_trace_id(trace, out.trace_id) && read_hex(span, out.parent_id.bytes.data(), 8) &&
           out.parent_id.valid();
}

}  // namespace

bool extract_b3(const HeaderList& headers, TraceParent& out) noexcept {
    B3 b3;
    const std::string_view single = find(headers, KnownHeader::b3);
    if (single.data() != nullptr ? !read_b3_single(single, b3) : !read_b3_family(headers, b3))
        return false;
    out.trace_id = b3.trace_id;
    out.parent_id = b3.parent_id;
    out.sampled = b3.sampled;
    out.has_sampling_decision = b3.decided;
    out.tracestate = {};
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
