// Every policy there is. Adding one: its file pair, its test, its line here.
#include <array>

#include "policy/access_block.h"
#include "policy/api_key.h"
#include "policy/audit_log.h"
#include "policy/basic_auth.h"
#include "policy/circuit_breaker.h"
#include "policy/client_id.h"
#include "policy/cors.h"
#include "policy/header_edits.h"
#include "policy/ip_filter.h"
#include "policy/json_threat_protection.h"
#include "policy/jwt_validation.h"
#include "policy/policy.h"
#include "policy/rate_limit.h"
#include "policy/response_timeout.h"
#include "policy/spike_control.h"
#include "policy/stream_idle_timeout.h"

namespace glassgate::policy {

std::span<const PolicyKind> catalogue() noexcept {
    static const std::array kinds{
        client_id_kind(),
        jwt_validation_kind(),
        basic_auth_kind(),
        api_key_kind(),
        ip_allowlist_kind(),
        ip_blocklist_kind(),
        access_block_kind(),
        cors_kind(),
        json_threat_protection_kind(),
        rate_limit_kind(),
        spike_control_kind(),
        circuit_breaker_kind(),
        response_timeout_kind(),
        stream_idle_timeout_kind(),
        header_injection_kind(),
        header_removal_kind(),
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
