// TLS settings in words, for `glassgate check --explain`. Nothing secret.
#pragma once

#include <string>

#include "io/tls/client_context.h"
#include "io/tls/server_context.h"

namespace glassgate::config {

// Lines without indentation, each with its end.
[[nodiscard]] std::string words_of(const io::tls::ServerSettings& settings,
                                   const io::tls::ServerContext& context,
                                   const std::string& tickets, int64_t now_s);
[[nodiscard]] std::string words_of(const io::tls::ClientSettings& settings,
                                   const io::tls::ClientContext& context, int64_t now_s);

}  // namespace glassgate::config
