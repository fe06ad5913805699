// Flex Gateway's settings of a policy, in the words of our catalogue. Every mistake is reported; a
// setting that has no counterpart is one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/flex/policy_names.h"

namespace glassgate::config::flex {

std::vector<NativePolicy> translate_rate_limiting(const Node& config, const Position& at,
                                                  Diagnostics& diagnostics);
std::vector<NativePolicy> translate_client_id_enforcement(const Node& config, const Position& at,
                                                          Diagnostics& diagnostics);
std::vector<NativePolicy> translate_cors(const Node& config, const Position& at,
                                         Diagnostics& diagnostics);
std::vector<NativePolicy> translate_ip_allowlist(const Node& config, const Position& at,
                                                 Diagnostics& diagnostics);
std::vector<NativePolicy> translate_ip_blocklist(const Node& config, const Position& at,
                                                 Diagnostics& diagnostics);
std::vector<NativePolicy> translate_basic_auth(const Node& config, const Position& at,
                                               Diagnostics& diagnostics);
std::vector<NativePolicy> translate_header_injection(const Node& config, const Position& at,
                                                     Diagnostics& diagnostics);
std::vector<NativePolicy> translate_header_removal(const Node& config, const Position& at,
                                                   Diagnostics& diagnostics);
std::vector<NativePolicy> translate_json_threat_protection(const Node& config, const Position& at,
                                                           Diagnostics& diagnostics);
std::vector<NativePolicy> translate_access_block(const Node& config, const Position& at,
                                                 Diagnostics& diagnostics);
std::vector<NativePolicy> translate_spike_control(const Node& config, const Position& at,
                                                  Diagnostics& diagnostics);
std::vector<NativePolicy> translate_jwt_validation(const Node& config, const Position& at,
                                                   Diagnostics& diagnostics);

// What a DataWeave expression names, as far as it is one of a few simple forms:
// #[attributes.headers['client_id']], #[attributes.queryParams['key']],
// #[authentication.clientId], #[attributes.remoteAddress], ...
struct Selector {
    enum class Kind : uint8_t { header, query, address, client_id, claim, method, path };
    Kind kind = Kind::header;
    std::string name;
};
[[nodiscard]] std::optional<Selector> parse_selector(std::string_view expression);

}  // namespace glassgate::config::flex
