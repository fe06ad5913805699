// Versions, cipher suites and groups: from names in the settings to what OpenSSL is told.
#pragma once

#include <string>
#include <vector>

#include "io/tls/openssl.h"
#include "io/tls/problem.h"

namespace glassgate::io::tls {

struct CryptoSettings {
    std::string min_version = "TLSv1.2";  // TLSv1.2 or TLSv1.3, also "1.2", "TLS1.2", "TLSv1_2"
    std::string max_version = "TLSv1.3";
    // Suites by IANA or OpenSSL name, the preferred first. When none of a version's suites is
    // named, that version's default suites stay.
    std::vector<std::string> ciphers;
    std::vector<std::string> groups;  // X25519, P-256, P-384, P-521; empty: the first three
};

struct CryptoPolicy {
    int min_version = TLS1_2_VERSION, max_version = TLS1_3_VERSION;
    std::string tls12_ciphers, tls13_ciphers, groups;  // as OpenSSL wants them
};

// The default: TLS 1.2 with ECDHE and AEAD only, TLS 1.3 with its three common suites, AES-128
// first because it is the fastest and strong enough; X25519 before P-256 and P-384.
[[nodiscard]] CryptoPolicy resolve(const CryptoSettings& settings, Problems& problems);

// With the signature algorithms that go with it: SHA-2, no DSA. False: OpenSSL refused.
[[nodiscard]] bool apply(const CryptoPolicy& policy, SSL_CTX* context) noexcept;

}  // namespace glassgate::io::tls
