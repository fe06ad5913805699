#include "io/tls/server_names.h"

#include <algorithm>

#include "base/text.h"

namespace glassgate::io::tls {
namespace {

constexpr std::size_t kNameMax = 253;

std::string_view without_root(std::string_view name) noexcept {
    if (name.ends_with('.')) name.remove_suffix(1);
    return name;
}

}  // namespace

bool ServerNames::add(std::string_view name, uint32_t certificate) {
    std::string lower;
    for (const char c : without_root(name)) lower += to_lower(c);
    if (lower.starts_with("*.")) return wildcards_.emplace(lower.substr(1), certificate).second;
    return exact_.emplace(std::move(lower), certificate).second;
}

std::optional<uint32_t> ServerNames::find(std::string_view name) const noexcept {
    name = without_root(name);
    char buffer[kNameMax];
    if (name.empty() || name.size() > sizeof buffer) return std::nullopt;
    std::ranges::transform(name, buffer, to_lower);
    const std::string_view lower(buffer, name.size());
    if (const auto at = exact_.find(lower); at != exact_.end()) return at->second;
    const auto dot = lower.find('.');
    if (dot == std::string_view::npos || dot == 0) return std::nullopt;
    if (const auto at = wildcards_.find(lower.substr(dot)); at != wildcards_.end())
        return at->second;
    return std::nullopt;
}

bool is_server_name(std::string_view name) noexcept {
    if (name.starts_with("*.")) name.remove_prefix(2);
    name = without_root(name);
    if (name.empty() || name.size() > kNameMax || name.front() == '.' ||
        name.find("..") != std::string_view::npos)
        return false;
    return std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
    });
}

}  // namespace glassgate::io::tls
