#include "io/tls/crypto_policy.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/document.h"
#include "base/text.h"

namespace glassgate::io::tls {
namespace {

enum class Grade : uint8_t { modern, no_forward_secrecy, cbc };

struct Suite {
    std::string_view iana, openssl;
    int version;
    bool by_default;
    Grade grade;
};

constexpr std::array kSuites = std::to_array<Suite>({
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", TLS1_3_VERSION, true, Grade::modern},
    {"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", TLS1_3_VERSION, true, Grade::modern},
    {"TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", TLS1_3_VERSION, true,
     Grade::modern},
    {"TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_SHA256", TLS1_3_VERSION, false, Grade::modern},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", TLS1_2_VERSION,
     true, Grade::modern},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", TLS1_2_VERSION, true,
     Grade::modern},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", TLS1_2_VERSION,
     true, Grade::modern},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", TLS1_2_VERSION, true,
     Grade::modern},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305",
     TLS1_2_VERSION, true, Grade::modern},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305", TLS1_2_VERSION,
     true, Grade::modern},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256", TLS1_2_VERSION, false,
     Grade::cbc},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256", TLS1_2_VERSION, false,
     Grade::cbc},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", "ECDHE-ECDSA-AES256-SHA384", TLS1_2_VERSION, false,
     Grade::cbc},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", "ECDHE-RSA-AES256-SHA384", TLS1_2_VERSION, false,
     Grade::cbc},
    {"TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256", TLS1_2_VERSION, false,
     Grade::no_forward_secrecy},
    {"TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384", TLS1_2_VERSION, false,
     Grade::no_forward_secrecy},
});

struct Group {
    std::string_view name, openssl, other;
};
constexpr std::array kGroups = std::to_array<Group>({
    {"X25519", "X25519", "x25519"},
    {"P-256", "P-256", "secp256r1"},
    {"P-384", "P-384", "secp384r1"},
    {"P-521", "P-521", "secp521r1"},
});
constexpr std::string_view kDefaultGroups = "X25519:P-256:P-384";

constexpr const char* kSignatures =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"
    "RSA+SHA256:RSA+SHA384:RSA+SHA512";

void append(std::string& list, std::string_view item) {
    if (!list.empty()) list += ':';
    list += item;
}

int version_of(std::string_view text) {
    std::string plain;
    for (const char c : text)
        if (c == '_')
            plain += '.';
        else if (c != ' ')
            plain += to_lower(c);
    if (plain.starts_with("tls")) plain.erase(0, 3);
    if (plain.starts_with("v")) plain.erase(0, 1);
    if (plain == "1.2") return TLS1_2_VERSION;
    if (plain == "1.3") return TLS1_3_VERSION;
    if (plain == "1" || plain == "1.0") return TLS1_VERSION;
    if (plain == "1.1") return TLS1_1_VERSION;
    return 0;
}

int read_version(const std::string& text, int fallback, const std::string& where,
                 Problems& problems) {
    const int version = version_of(text);
    if (version == TLS1_2_VERSION || version == TLS1_3_VERSION) return version;
    problems.error(where,
                   version == 0 ? "unknown TLS version " + quote(text)
                                : quote(text) + " is no longer offered (RFC 8996)",
                   "TLSv1.2 or TLSv1.3");
    return fallback;
}

const Suite* find_suite(std::string_view name) noexcept {
    const auto at = std::ranges::find_if(kSuites, [&](const Suite& suite) {
        return iequals(suite.iana, name) || iequals(suite.openssl, name);
    });
    return at == kSuites.end() ? nullptr : &*at;
}

bool is_known_weak(std::string_view name) {
    std::string upper;
    for (const char c : name) upper += (c >= 'a' && c <= 'z') ? static_cast<char>(c - 32) : c;
    for (const std::string_view part : {"RC4", "DES", "NULL", "EXP", "ADH", "AECDH", "ANON", "MD5",
                                        "PSK", "SRP", "CAMELLIA", "ARIA", "SEED", "IDEA"})
        if (upper.find(part) != std::string::npos) return true;
    return upper.ends_with("-SHA") || upper.ends_with("_SHA") || upper.starts_with("DHE-") ||
           upper.starts_with("TLS_DHE_");
}

void report_suite(std::string_view name, const std::string& where, Problems& problems) {
    std::vector<std::string_view> names;
    for (const Suite& suite : kSuites) {
        names.push_back(suite.iana);
        if (suite.openssl != suite.iana) names.push_back(suite.openssl);
    }
    const std::string expected =
        "a suite by its IANA name, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, or by OpenSSL's";
    if (is_known_weak(name))
        problems.error(where, "cipher " + quote(name) + " is not offered: it is broken or obsolete",
                       expected);
    else
        problems.error(where, "unknown cipher " + quote(name), expected,
                       std::string(nearest_name(name, names)));
}

void warn_of(const Suite& suite, const std::string& where, Problems& problems) {
    if (suite.grade == Grade::modern) return;
    problems.warning(
        where,
        "cipher " + std::string(suite.iana) +
            (suite.grade == Grade::cbc
                 ? " uses CBC, which has a history of padding attacks"
                 : " has no forward secrecy: who steals the key later reads what was recorded"),
        "an ECDHE suite with GCM or CHACHA20_POLY1305");
}

void read_ciphers(const std::vector<std::string>& ciphers, CryptoPolicy& policy,
                  Problems& problems) {
    for (std::size_t i = 0; i < ciphers.size(); ++i) {
        const std::string where = element_path("ciphers", i);
        for (std::string_view rest = ciphers[i];;) {  // also OpenSSL's "A:B"
            const auto colon = rest.find(':');
            const std::string_view name = trim_ows(rest.substr(0, colon));
            if (const Suite* suite = find_suite(name)) {
                append(
                    suite->version == TLS1_3_VERSION ? policy.tls13_ciphers : policy.tls12_ciphers,
                    suite->openssl);
                warn_of(*suite, where, problems);
            } else {
                report_suite(name, where, problems);
            }
            if (colon == std::string_view::npos) break;
            rest.remove_prefix(colon + 1);
        }
    }
    const bool no12 = policy.tls12_ciphers.empty(), no13 = policy.tls13_ciphers.empty();
    for (const Suite& suite : kSuites) {
        if (!suite.by_default) continue;
        if (suite.version == TLS1_3_VERSION && no13) append(policy.tls13_ciphers, suite.openssl);
        if (suite.version == TLS1_2_VERSION && no12) append(policy.tls12_ciphers, suite.openssl);
    }
}

void read_groups(const std::vector<std::string>& groups, CryptoPolicy& policy, Problems& problems) {
    for (std::size_t i = 0; i < groups.size(); ++i) {
        const auto at = std::ranges::find_if(kGroups, [&](const Group& group) {
            return iequals(group.name, groups[i]) || iequals(group.other, groups[i]) ||
                   (group.name == "P-256" && iequals(groups[i], "prime256v1"));
        });
        if (at != kGroups.end()) {
            append(policy.groups, at->openssl);
            continue;
        }
        std::vector<std::string_view> names;
        names.reserve(kGroups.size());
        for (const Group& group : kGroups) names.push_back(group.name);
        problems.error(element_path("groups", i), "unknown group " + quote(groups[i]),
                       "X25519, P-256, P-384 or P-521",
                       std::string(nearest_name(groups[i], names)));
    }
    if (policy.groups.empty()) policy.groups = kDefaultGroups;
}

}  // namespace

CryptoPolicy resolve(const CryptoSettings& settings, Problems& problems) {
    CryptoPolicy policy;
    policy.min_version = read_version(settings.min_version, TLS1_2_VERSION, "minVersion", problems);
    policy.max_version = read_version(settings.max_version, TLS1_3_VERSION, "maxVersion", problems);
    if (policy.min_version > policy.max_version)
        problems.error("minVersion", "minVersion is above maxVersion",
                       "a version not above " + settings.max_version);
    read_ciphers(settings.ciphers, policy, problems);
    read_groups(settings.groups, policy, problems);
    return policy;
}

bool apply(const CryptoPolicy& policy, SSL_CTX* context) noexcept {
    return SSL_CTX_set_min_proto_version(context, policy.min_version) == 1 &&
           SSL_CTX_set_max_proto_version(context, policy.max_version) == 1 &&
           SSL_CTX_set_cipher_list(context, policy.tls12_ciphers.c_str()) == 1 &&
           SSL_CTX_set_ciphersuites(context, policy.tls13_ciphers.c_str()) == 1 &&
           SSL_CTX_set1_groups_list(context, policy.groups.c_str()) == 1 &&
           SSL_CTX_set1_sigalgs_list(context, kSignatures) == 1;
}

}  // namespace glassgate::io::tls
