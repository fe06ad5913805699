// What a certificate says, as text and numbers: for records, allow lists, expiry alerts and
// `glassgate check --explain`. Knows nothing about trust.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/tls/openssl.h"

namespace glassgate::io::tls {

struct CertificateFacts {
    std::string subject;      // RFC 4514; may be empty
    std::string subject_key;  // the same as canonical_name makes it; empty: nobody's name
    std::string issuer;       // RFC 4514
    std::string serial;       // upper-case hex, as `openssl x509 -serial` prints it
    std::string fingerprint;  // SHA-256 of the DER, lower-case hex
    // Subject alternative names. Such with other than printable ASCII are left out: nothing may
    // match them.
    std::vector<std::string> dns_names, uris, emails, ip_addresses;
    std::string key;                            // "RSA 2048", "EC P-256", "Ed25519"
    int64_t not_before_s = 0, not_after_s = 0;  // Unix time
    bool is_ca = false;
};

[[nodiscard]] CertificateFacts facts_of(X509* certificate);

// The names a client may ask for by SNI: the DNS names, or without any the common name.
[[nodiscard]] std::vector<std::string> server_names_of(X509* certificate);

// "2027-03-01T12:00:00Z".
[[nodiscard]] std::string time_text(int64_t unix_s);

// How near the end is; alerts go off at each step.
enum class Expiry : uint8_t { far, within_21_days, within_7_days, within_1_day, expired };
[[nodiscard]] Expiry expiry_of(int64_t not_after_s, int64_t now_s) noexcept;
[[nodiscard]] std::string_view to_text(Expiry expiry) noexcept;

// Several lines, each "name: value", indented with two spaces; for people.
[[nodiscard]] std::string describe(const CertificateFacts& facts, int64_t now_s);

// The certificate as PEM, and a chain of them one after the other.
[[nodiscard]] std::string pem_of(X509* certificate);

}  // namespace glassgate::io::tls
