// Messages that several tests look at: what is refused, why, and what it is an example of.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "http/h1.h"

namespace glassgate::http {

struct BadSample {
    std::string bytes;
    ParseError error;
};
[[nodiscard]] std::span<const BadSample> bad_requests();
[[nodiscard]] std::span<const BadSample> bad_responses();
[[nodiscard]] std::span<const BadSample> bad_chunks();
[[nodiscard]] std::span<const std::string> good_requests();
[[nodiscard]] std::span<const std::string> good_responses();
[[nodiscard]] std::span<const std::string> good_chunks();

// Control bytes in escapes, for messages of failing tests.
[[nodiscard]] std::string printable(std::string_view bytes);

struct RequestOutcome {
    ParseResult result;
    RequestHead head;
};
[[nodiscard]] RequestOutcome parse_request(std::string_view bytes, const HeadLimits& limits = {});

struct ResponseOutcome {
    ParseResult result;
    ResponseHead head;
};
[[nodiscard]] ResponseOutcome parse_response(std::string_view bytes, Method method = Method::get,
                                             const HeadLimits& limits = {});

}  // namespace glassgate::http
