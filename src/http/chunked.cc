#include <algorithm>

#include "base/text.h"
#include "http/chars.h"
#include "http/h1.h"

namespace glassgate::http {
namespace {

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// RFC 9110 §6.5.1: framing, routing, request modifiers, authentication and content fields have no
// business behind the body.
bool may_be_trailer(std::string_view name) noexcept {
    for (const std::string_view forbidden :
         {"transfer-encoding", "content-length", "host", "trailer", "te", "connection", "upgrade",
          "authorization", "proxy-authorization", "cookie", "set-cookie", "expect", "max-forwards",
          "content-encoding", "content-type", "content-range", "cache-control", "range", "via"})
        if (iequals(name, forbidden)) return false;
    return true;
}

ParseError check_trailer(std::string_view line, bool& keep) noexcept {
    const std::size_t colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos) return ParseError::bad_trailer;
    if (!all(line.substr(0, colon), kToken) || !all(line.substr(colon + 1), kValue)) return ParseError::bad_trailer;
    keep = may_be_trailer(line.substr(0, colon));
    return ParseError::none;
}

}  // namespace

void ChunkedDecoder::reset() noexcept {
    at_ = At::size_start;
    left_ = 0;
    digits_ = 0;
    line_bytes_ = trailer_bytes_ = 0;
    in_quotes_ = false;
    line_.clear();
    trailers_.clear();
}

ChunkedDecoder::Step ChunkedDecoder::decode(std::string_view in) noexcept {
    Step step;
    const auto fail = [&](ParseError error) {
        step.state = ParseState::failed;
        step.error = error;
        return step;
    };
    if (at_ == At::done) {
        step.state = ParseState::complete;
        return step;
    }
    while (step.consumed < in.size()) {
        if (at_ == At::data) {
            const std::size_t run = std::min<uint64_t>(left_, in.size() - step.consumed);
            step.data = in.substr(step.consumed, run);
            step.consumed += run;
            left_ -= run;
            if (left_ == 0) at_ = At::data_cr;
            return step;
        }
        const char c = in[step.consumed++];
        switch (at_) {
            case At::size_start:
                left_ = 0;
                digits_ = 0;
                line_bytes_ = 0;
                in_quotes_ = false;
                at_ = At::size;
                [[fallthrough]];
            case At::size:
                if (const int digit = hex_digit(c); digit >= 0) {
                    if (++digits_ > 15) return fail(ParseError::chunk_size_overflow);
                    left_ = left_ << 4 | static_cast<unsigned>(digit);
                } else if (digits_ == 0) {
                    return fail(ParseError::bad_chunk_size);
                } else if (c == ';') {
                    at_ = At::extension;
                } else if (c == '\r') {
                    at_ = At::size_lf;
                } else {
                    return fail(ParseError::bad_chunk_size);
                }
                break;
            case At::extension:
                if (++line_bytes_ > kMaxLineBytes) return fail(ParseError::bad_chunk_extension);
                if (c == '"') in_quotes_ = !in_quotes_;
                if (c == '\r' && !in_quotes_)
                    at_ = At::size_lf;
                else if (!is(c, kValue))
                    return fail(ParseError::bad_chunk_extension);
                break;
            case At::size_lf:
                if (c != '\n') return fail(ParseError::bad_chunk_size);
                at_ = left_ == 0 ? At::trailer : At::data;
                break;
            case At::data_cr:
                if (c != '\r') return fail(ParseError::bad_chunk_end);
                at_ = At::data_lf;
                break;
            case At::data_lf:
                if (c != '\n') return fail(ParseError::bad_chunk_end);
                at_ = At::size_start;
                break;
            case At::trailer: {
                if (++trailer_bytes_ > kMaxTrailerBytes) return fail(ParseError::trailer_too_large);
                if (c != '\n') {
                    line_ += c;
                    break;
                }
                if (line_.empty() || line_.back() != '\r') return fail(ParseError::bad_trailer);
                line_.pop_back();
                if (line_.empty()) {
                    at_ = At::done;
                    step.state = ParseState::complete;
                    return step;
                }
                bool keep = false;
                if (const ParseError error = check_trailer(line_, keep); error != ParseError::none) return fail(error);
                if (keep) trailers_.append(line_).append("\r\n");
                line_.clear();
                break;
            }
            case At::data:
            case At::done: break;
        }
    }
    return step;
}

}  // namespace glassgate::http
