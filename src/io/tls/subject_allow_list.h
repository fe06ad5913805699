// Which client certificates a route lets in: by subject alternative name or distinguished name.
// Immutable after construction, shared by all workers. It answers whom a verified certificate
// names; whether the certificate is verified is the handshake's business.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/tls/certificate_facts.h"
#include "io/tls/problem.h"

namespace glassgate::io::tls {

class SubjectAllowList {
public:
    // One entry each:
    //   dns:payments.bank.internal   a DNS name, letter case aside; dns:*.bank.internal: the star
    //                                is exactly one label
    //   uri:spiffe://bank/ns/pay     a URI, exactly; uri:spiffe://bank/ns/*: what begins so and
    //                                goes on
    //   email:ops@bank.example       exactly
    //   ip:192.0.2.7                 an IP address in any spelling
    //   dn:CN=payments,O=Bank,C=DE   the subject (RFC 4514), see canonical_name
    // Without a prefix: a URI has "://", a subject has "=", an address reads as one, anything else
    // is a DNS name.
    static SubjectAllowList compile(const std::vector<std::string>& entries,
                                    const std::string& where, Problems& problems);

    // True when the certificate has one of the names.
    [[nodiscard]] bool allows(const CertificateFacts& facts) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

private:
    enum class Kind : uint8_t { dns, dns_wildcard, uri, uri_prefix, email, ip, subject };
    struct Entry {
        Kind kind;
        std::string value;
    };
    static bool matches(const Entry& entry, const CertificateFacts& facts) noexcept;
    void add_dns(std::string_view name, const std::string& where, Problems& problems);
    void add_uri(std::string_view uri, const std::string& where, Problems& problems);
    void add_ip(std::string_view address, const std::string& where, Problems& problems);
    void add_subject(std::string_view name, const std::string& where, Problems& problems);
    void add(std::string_view entry, const std::string& where, Problems& problems);

    std::vector<Entry> entries_;
};

}  // namespace glassgate::io::tls
