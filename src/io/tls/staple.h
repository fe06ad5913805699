// An OCSP response for one of our certificates, fetched by somebody else into a file and stapled to
// handshakes (RFC 6066 §8).
#pragma once

#include <string>
#include <vector>

#include "io/tls/openssl.h"
#include "io/tls/problem.h"

namespace glassgate::io::tls {

struct Staple {
    const X509* leaf = nullptr;         // of the context's identity
    std::vector<unsigned char> der;     // empty: none
    int64_t next_update_s = INT64_MAX;  // not stapled after this
};

// Reads the DER file and checks that it is a good response about `leaf`. Whether its signature
// holds is for clients to judge. A response that is out of date is warned of and not stapled.
[[nodiscard]] Staple load_staple(const std::string& path, const X509* leaf,
                                 const std::vector<CertificatePtr>& chain, const std::string& where,
                                 int64_t now_s, Problems& problems);

// For SSL_CTX_set_tlsext_status_cb; the argument is a std::vector<Staple>.
int staple_callback(SSL* ssl, void* staples) noexcept;

}  // namespace glassgate::io::tls
