// Every policy there is. Adding one: its file pair, its test, its line here.
#include <array>

#include "policy/audit_log.h"
#include "policy/circuit_breaker.h"
#include "policy/client_id.h"
#include "policy/policy.h"
#include "policy/rate_limit.h"
#include "policy/response_timeout.h"

namespace glassgate::policy {

std::span<const PolicyKind> catalogue() noexcept {
    static const std::array kinds{
        client_id_kind(),
        rate_limit_kind(),
        circuit_breaker_kind(),
        response_timeout_kind(),
        audit_log_kind(),
    };
    return kinds;
}

const PolicyKind* find_policy(std::string_view name) noexcept {
    for (const PolicyKind& kind : catalogue())
        if (kind.name == name) return &kind;
    return nullptr;
}

}  // namespace glassgate::policy
