// Flex Gateway's policies by the names their bindings use, and what each is here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/draft.h"
#include "config/flex/document.h"

namespace glassgate::config::flex {

// What a policy is bound to, and so how it is compiled.
enum class PolicyRole : uint8_t {
    request,       // a step of an API's chain
    route,         // route, route-weighted: where requests go
    tls,           // of the port
    tls_outbound,  // of a Service
    service,       // a setting of a Service
    unsupported,   // known, but not built (yet)
};

// One step of our own catalogue.
struct NativePolicy {
    std::string name;
    Position at;
    Node settings;
};

struct PolicyName {
    std::string_view name;
    PolicyRole role;
    // For `request`: its config in our spelling; reports every mistake.
    std::vector<NativePolicy> (*translate)(const Node& config, const Position& at,
                                           Diagnostics& diagnostics) = nullptr;
    bool first = false;  // before all others, whatever their order (CORS)
};

// With or without "-flex" at the end; null: no policy of Flex Gateway's.
[[nodiscard]] const PolicyName* find_policy_name(std::string_view name) noexcept;
[[nodiscard]] std::string nearest_policy_name(std::string_view name);

}  // namespace glassgate::config::flex
