#include "io/tls/subject_allow_list.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "io/tls/distinguished_name.h"

namespace glassgate::io::tls {
namespace {

std::optional<std::string> address_text(std::string_view address) {
    const std::string text(address);
    unsigned char bytes[16];
    char normal[INET6_ADDRSTRLEN];
    for (const int family : {AF_INET, AF_INET6})
        if (inet_pton(family, text.c_str(), bytes) == 1 &&
            inet_ntop(family, bytes, normal, sizeof normal) != nullptr)
            return std::string(normal);
    return std::nullopt;
}

bool is_dns_name(std::string_view name) noexcept {
    if (name.empty() || name.size() > 253 || name.front() == '.' ||
        name.find("..") != std::string_view::npos)
        return false;
    return std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_';
    });
}

// "*.bank.internal" and a name with exactly one label more than its suffix.
bool one_label_more(std::string_view suffix, std::string_view name) noexcept {
    const auto dot = name.find('.');
    return dot != std::string_view::npos && dot != 0 && iequals(name.substr(dot), suffix);
}

template <typename Matches>
bool any(const std::vector<std::string>& list, Matches matches) noexcept {
    return std::any_of(list.begin(), list.end(), matches);
}

}  // namespace

void SubjectAllowList::add_dns(std::string_view name, const std::string& where,
                               Problems& problems) {
    const bool wildcard = name.starts_with("*.");
    const std::string_view plain = wildcard ? name.substr(2) : name;
    if (!is_dns_name(plain)) {
        problems.error(where, "'" + std::string(name) + "' is not a DNS name",
                       "a name such as payments.bank.internal or *.bank.internal");
        return;
    }
    entries_.push_back(
        {wildcard ? Kind::dns_wildcard : Kind::dns, std::string(wildcard ? name.substr(1) : name)});
}

void SubjectAllowList::add_uri(std::string_view uri, const std::string& where, Problems& problems) {
    const bool prefix = uri.ends_with('*');
    const std::string_view plain = prefix ? uri.substr(0, uri.size() - 1) : uri;
    // A star right behind a name would let in spiffe://bank.evil for spiffe://bank*.
    if (plain.find(':') == std::string_view::npos || plain.find('*') != std::string_view::npos ||
        (prefix && (!plain.ends_with('/') || plain.ends_with("://")))) {
        problems.error(where, "'" + std::string(uri) + "' is not a URI",
                       "a URI such as spiffe://bank/ns/pay, or spiffe://bank/ns/* with the star "
                       "behind a '/' at the end");
        return;
    }
    entries_.push_back({prefix ? Kind::uri_prefix : Kind::uri, std::string(plain)});
}

void SubjectAllowList::add_ip(std::string_view address, const std::string& where,
                              Problems& problems) {
    if (auto text = address_text(address))
        entries_.push_back({Kind::ip, std::move(*text)});
    else
        problems.error(where, "'" + std::string(address) + "' is not an IP address",
                       "an address such as 192.0.2.7 or 2001:db8::7");
}

void SubjectAllowList::add_subject(std::string_view name, const std::string& where,
                                   Problems& problems) {
    if (auto canonical = canonical_name(name))
        entries_.push_back({Kind::subject, std::move(*canonical)});
    else
        problems.error(
            where,
            "'" + std::string(name) + "' is not a distinguished name: " + canonical.error().message,
            "a name as RFC 4514 writes it, such as CN=payments,O=Bank,C=DE");
}

void SubjectAllowList::add(std::string_view entry, const std::string& where, Problems& problems) {
    const auto colon = entry.find(':');
    const std::string_view kind = entry.substr(0, colon);
    const std::string_view rest =
        colon == std::string_view::npos ? std::string_view{} : entry.substr(colon + 1);
    if (colon != std::string_view::npos && iequals(kind, "dns"))
        return add_dns(rest, where, problems);
    if (colon != std::string_view::npos && iequals(kind, "uri"))
        return add_uri(rest, where, problems);
    if (colon != std::string_view::npos && iequals(kind, "ip"))
        return add_ip(rest, where, problems);
    if (colon != std::string_view::npos && iequals(kind, "dn"))
        return add_subject(rest, where, problems);
    if (colon != std::string_view::npos && iequals(kind, "email")) {
        entries_.push_back({Kind::email, std::string(rest)});
        return;
    }
    if (entry.find("://") != std::string_view::npos) return add_uri(entry, where, problems);
    if (entry.find('=') != std::string_view::npos) return add_subject(entry, where, problems);
    if (address_text(entry)) return add_ip(entry, where, problems);
    add_dns(entry, where, problems);
}

SubjectAllowList SubjectAllowList::compile(const std::vector<std::string>& entries,
                                           const std::string& where, Problems& problems) {
    SubjectAllowList list;
    for (std::size_t i = 0; i < entries.size(); ++i)
        list.add(entries[i], element_path(where, i), problems);
    return list;
}

bool SubjectAllowList::matches(const Entry& entry, const CertificateFacts& facts) noexcept {
    const std::string_view value = entry.value;
    switch (entry.kind) {
        case Kind::dns:
            return any(facts.dns_names, [&](const auto& name) { return iequals(name, value); });
        case Kind::dns_wildcard:
            return any(facts.dns_names,
                       [&](const auto& name) { return one_label_more(value, name); });
        case Kind::uri:
            return any(facts.uris, [&](const auto& uri) { return uri == value; });
        case Kind::uri_prefix:
            return any(facts.uris, [&](const auto& uri) {
                return uri.size() > value.size() && uri.starts_with(value);
            });
        case Kind::email:
            return any(facts.emails, [&](const auto& email) { return email == value; });
        case Kind::ip:
            return any(facts.ip_addresses, [&](const auto& ip) { return ip == value; });
        case Kind::subject:
            return !facts.subject_key.empty() && facts.subject_key == value;
    }
    return false;
}

bool SubjectAllowList::allows(const CertificateFacts& facts) const noexcept {
    return std::any_of(entries_.begin(), entries_.end(),
                       [&](const Entry& entry) { return matches(entry, facts); });
}

}  // namespace glassgate::io::tls
