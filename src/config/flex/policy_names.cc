#include "config/flex/policy_names.h"

#include <algorithm>

#include "config/flex/translate.h"

namespace glassgate::config::flex {
namespace {

constexpr PolicyName kNames[] = {
    {"tls", PolicyRole::tls},
    {"tls-outbound", PolicyRole::tls_outbound},
    {"route", PolicyRole::route},
    {"route-weighted", PolicyRole::route},
    {"rate-limiting", PolicyRole::request, &translate_rate_limiting},
    {"client-id-enforcement", PolicyRole::request, &translate_client_id_enforcement},
    {"response-timeout", PolicyRole::service},
    {"stream-idle-timeout", PolicyRole::service},
    {"idle-timeout", PolicyRole::service},
    {"circuit-breaker", PolicyRole::service},
    {"rate-limiting-sla", PolicyRole::unsupported},
    {"spike-control", PolicyRole::request, &translate_spike_control},
    {"jwt-validation", PolicyRole::request, &translate_jwt_validation},
    {"http-basic-authentication", PolicyRole::request, &translate_basic_auth},
    {"ldap-authentication", PolicyRole::unsupported},
    {"ip-allowlist", PolicyRole::request, &translate_ip_allowlist},
    {"ip-blocklist", PolicyRole::request, &translate_ip_blocklist},
    {"cors", PolicyRole::request, &translate_cors, true},
    {"header-injection", PolicyRole::request, &translate_header_injection},
    {"header-removal", PolicyRole::request, &translate_header_removal},
    {"message-logging", PolicyRole::unsupported},
    {"message-logging-outbound", PolicyRole::unsupported},
    {"json-threat-protection", PolicyRole::request, &translate_json_threat_protection},
    {"xml-threat-protection", PolicyRole::unsupported},
    {"http-caching", PolicyRole::unsupported},
    {"tracing", PolicyRole::unsupported},
    {"injection-protection", PolicyRole::unsupported},
    {"spec-validation", PolicyRole::unsupported},
    {"native-ext-authz", PolicyRole::unsupported},
    {"native-ext-proc", PolicyRole::unsupported},
    {"openidconnect-access-token-enforcement", PolicyRole::unsupported},
    {"external-oauth-2.0-token-introspection", PolicyRole::unsupported},
    {"credential-injection-basic-auth", PolicyRole::unsupported},
    {"credential-injection-oauth2", PolicyRole::unsupported},
    {"dataweave-body-transformation", PolicyRole::unsupported},
    {"dataweave-headers-transformation", PolicyRole::unsupported},
    {"access-log", PolicyRole::unsupported},
    {"access-block", PolicyRole::request, &translate_access_block},
    {"health-check", PolicyRole::unsupported},
};

}  // namespace

const PolicyName* find_policy_name(std::string_view name) noexcept {
    if (name.ends_with("-flex")) name.remove_suffix(5);
    const auto found = std::find_if(std::begin(kNames), std::end(kNames),
                                    [&](const PolicyName& known) { return known.name == name; });
    return found == std::end(kNames) ? nullptr : found;
}

std::string nearest_policy_name(std::string_view name) {
    const bool suffix = name.ends_with("-flex");
    if (suffix) name.remove_suffix(5);
    std::vector<std::string_view> names;
    for (const PolicyName& known : kNames) names.push_back(known.name);
    std::string nearest(nearest_name(name, names));
    if (suffix && !nearest.empty()) nearest += "-flex";
    return nearest;
}

}  // namespace glassgate::config::flex
