#include "policy/policy.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace glassgate::policy {
namespace {

void edit(std::vector<http::HeaderEdit>& edits, http::HeaderEdit wanted) {
    const auto known = std::find_if(edits.begin(), edits.end(), [&](const http::HeaderEdit& e) {
        return iequals(e.name, wanted.name);
    });
    if (known == edits.end())
        edits.push_back(wanted);
    else
        *known = wanted;
}

}  // namespace

std::string_view Request::claim(std::string_view name) const {
    for (const Claim& c : claims)
        if (c.name == name) return c.value;
    return {};
}

void Request::set_claim(std::string_view name, std::string_view value) {
    const std::string_view kept = arena->keep(value);
    for (Claim& c : claims) {
        if (c.name != name) continue;
        c.value = kept;
        return;
    }
    claims.push_back({arena->keep(name), kept});
}

void Request::edit_upstream_header(std::string_view name, std::string_view value) {
    edit(upstream_edits, {arena->keep(name), arena->keep(value), false});
}

void Request::remove_upstream_header(std::string_view name) {
    edit(upstream_edits, {arena->keep(name), {}, true});
}

void Request::edit_response_header(std::string_view name, std::string_view value) {
    edit(response_edits, {arena->keep(name), arena->keep(value), false});
}

void Request::remove_response_header(std::string_view name) {
    edit(response_edits, {arena->keep(name), {}, true});
}

void Request::reset() {
    auto upstream = std::move(upstream_edits);
    auto response = std::move(response_edits);
    auto kept_claims = std::move(claims);
    *this = {};
    upstream_edits = std::move(upstream);
    response_edits = std::move(response);
    claims = std::move(kept_claims);
    upstream_edits.clear();
    response_edits.clear();
    claims.clear();
}

io::Task<Verdict> Policy::resume(Request&) {
    constexpr bool kOverridden = false;  // a policy that waits overrides this
    GW_CHECK(kOverridden);
    co_return Pass{};
}

io::Task<Verdict> Policy::hold(Request&) {
    constexpr bool kOverridden = false;  // a policy that lets answers wait overrides this
    GW_CHECK(kOverridden);
    co_return Pass{};
}

}  // namespace glassgate::policy
