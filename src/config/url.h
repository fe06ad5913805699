// The URLs of listeners and upstreams: http://host[:port][/path], nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace glassgate::config {

struct Url {
    std::string scheme;  // lower case
    std::string host;    // lower case; an IPv6 address without brackets; may be "*"
    std::optional<uint16_t> port;
    std::string path;  // as written; empty or starting with '/'
};

// The Error says what is wrong with the text, as the rest of a sentence: "has a query".
[[nodiscard]] Result<Url> parse_url(std::string_view text);

// "product-service:3000", "[::1]:3000".
[[nodiscard]] std::string host_and_port(const std::string& host, uint16_t port);

}  // namespace glassgate::config
