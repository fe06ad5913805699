#include <algorithm>

#include "base/text.h"
#include "http/chars.h"
#include "http/h1.h"
#include "http/h1_fields.h"

namespace glassgate::http {
namespace {

constexpr unsigned kMaxSizeDigits = 15;  // leading zeros included: no size overflows 60 bits

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// RFC 9110 §6.5.1: framing, routing, request modifiers, authentication, response control and
// content fields have no business behind the body; nor has what the gateway itself says about a
// request.
constexpr std::string_view kForbidden[] = {
    // framing and routing
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    // request modifiers
    "cache-control",
    "expect",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "pragma",
    "range",
    // authentication
    "authentication-info",
    "authorization",
    "client_id",
    "client_secret",
    "cookie",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "set-cookie",
    "www-authenticate",
    // response control
    "age",
    "date",
    "expires",
    "location",
    "retry-after",
    "vary",
    "warning",
    // content
    "content-encoding",
    "content-range",
    "content-type",
    // the gateway's own
    "b3",
    "forwarded",
    "traceparent",
    "tracestate",
    "via",
    "x-real-ip",
    "x-request-id",
};
constexpr std::string_view kForbiddenPrefixes[] = {"x-forwarded-", "x-b3-"};

ParseError check_trailer(std::string_view line, bool& keep) noexcept {
    const std::size_t colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos) return ParseError::bad_trailer;
    if (!all(line.substr(0, colon), kToken) || !all(line.substr(colon + 1), kValue))
        return ParseError::bad_trailer;
    keep = may_be_trailer(line.substr(0, colon));
    return ParseError::none;
}

}  // namespace

bool may_be_trailer(std::string_view name) noexcept {
    for (const std::string_view forbidden : kForbidden)
        if (iequals(name, forbidden)) return false;
    for (const std::string_view prefix : kForbiddenPrefixes)
        if (iequals(name.substr(0, prefix.size()), prefix)) return false;
    return true;
}

bool ChunkExtension::accept(char c) noexcept {
    const bool space = c == ' ' || c == '\t';  // "bad" white space, which a recipient must take
    switch (at_) {
        case At::name_start:
            if (is(c, kToken)) at_ = At::name;
            return space || is(c, kToken);
        case At::name:
            if (is(c, kToken)) return true;
            [[fallthrough]];
        case At::name_end:
            at_ = c == '=' ? At::value_start : c == ';' ? At::name_start : At::name_end;
            return space || c == '=' || c == ';';
        case At::value_start:
            if (!space) at_ = c == '"' ? At::quoted : At::value;
            return space || c == '"' || is(c, kToken);
        case At::value:
            if (is(c, kToken)) return true;
            [[fallthrough]];
        case At::quoted_end:
        case At::value_end:
            at_ = c == ';' ? At::name_start : At::value_end;
            return space || c == ';';
        case At::quoted:
            if (c == '"') at_ = At::quoted_end;
            if (c == '\\') at_ = At::quoted_pair;
            return is(c, kValue);
        case At::quoted_pair:
            at_ = At::quoted;
            return is(c, kValue);
    }
    return false;
}

void ChunkedDecoder::reset() noexcept {
    at_ = At::size_start;
    left_ = 0;
    digits_ = 0;
    line_bytes_ = trailer_bytes_ = 0;
    line_.clear();
    trailers_.clear();
}

// A byte of a chunk-size line.
ParseError ChunkedDecoder::read_size_byte(char c) noexcept {
    if (at_ == At::size_start) {
        left_ = 0;
        digits_ = 0;
        line_bytes_ = 0;
        at_ = At::size;
    }
    if (at_ == At::size) {
        if (const int digit = hex_digit(c); digit >= 0) {
            if (++digits_ > kMaxSizeDigits) return ParseError::chunk_size_overflow;
            left_ = left_ << 4 | static_cast<unsigned>(digit);
            return ParseError::none;
        }
        if (c == '\n') return ParseError::bare_lf;
        if (digits_ == 0) return ParseError::bad_chunk_size;
        line_bytes_ = digits_;
        if (c == '\r') {
            at_ = At::size_lf;
            return ParseError::none;
        }
        if (c != ';' && c != ' ' && c != '\t') return ParseError::bad_chunk_size;
        at_ = At::before_extension;
    }
    if (c != '\r' && ++line_bytes_ > kMaxLineBytes) return ParseError::bad_chunk_extension;
    if (at_ == At::before_extension) {  // white space is part of an extension, not of a size
        if (c == ';') {
            extension_.begin();
            at_ = At::extension;
        } else if (c != ' ' && c != '\t') {
            return ParseError::bad_chunk_size;
        }
        return ParseError::none;
    }
    if (c == '\n') return ParseError::bare_lf;
    if (c == '\r' && extension_.complete()) {
        at_ = At::size_lf;
        return ParseError::none;
    }
    return extension_.accept(c) ? ParseError::none : ParseError::bad_chunk_extension;
}

ParseError ChunkedDecoder::read_trailer_byte(char c) noexcept {
    if (++trailer_bytes_ > kMaxTrailerBytes) return ParseError::trailer_too_large;
    if (c != '\n') {
        line_ += c;
        return ParseError::none;
    }
    if (line_.empty() || line_.back() != '\r') return ParseError::bare_lf;
    line_.pop_back();
    if (line_.empty()) {
        at_ = At::done;
        return ParseError::none;
    }
    bool keep = false;
    const ParseError error = check_trailer(line_, keep);
    if (keep) trailers_.append(line_).append("\r\n");
    line_.clear();
    return error;
}

// A byte that is not chunk data.
ParseError ChunkedDecoder::read_framing_byte(char c) noexcept {
    switch (at_) {
        case At::size_lf:
            if (c != '\n') return ParseError::bare_cr;
            at_ = left_ == 0 ? At::trailer : At::data;
            return ParseError::none;
        case At::data_cr:
            at_ = At::data_lf;
            return c == '\r' ? ParseError::none : ParseError::bad_chunk_end;
        case At::data_lf:
            at_ = At::size_start;
            return c == '\n' ? ParseError::none : ParseError::bad_chunk_end;
        case At::trailer:
            return read_trailer_byte(c);
        default:
            return read_size_byte(c);
    }
}

ChunkedDecoder::Step ChunkedDecoder::decode(std::string_view in) noexcept {
    Step step;
    while (at_ != At::done && step.consumed < in.size()) {
        if (at_ == At::data) {
            const std::size_t run = std::min<uint64_t>(left_, in.size() - step.consumed);
            step.data = in.substr(step.consumed, run);
            step.consumed += run;
            left_ -= run;
            if (left_ == 0) at_ = At::data_cr;
            return step;
        }
        step.error = read_framing_byte(in[step.consumed++]);
        if (step.error != ParseError::none) {
            step.state = ParseState::failed;
            return step;
        }
    }
    if (at_ == At::done) step.state = ParseState::complete;
    return step;
}

}  // namespace glassgate::http
