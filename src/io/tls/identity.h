// Our own certificate with its chain and key, on either side of a connection.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/tls/openssl.h"
#include "io/tls/pem.h"
#include "io/tls/problem.h"

namespace glassgate::io::tls {

struct IdentitySettings {
    PemSource chain;  // our own certificate first, then intermediate ones
    PemSource key;    // empty: in `chain`, too
};

struct Identity {
    CertificatePtr leaf;
    std::vector<CertificatePtr> chain;  // without the leaf
    KeyPtr key;
};

// Reports under "<where>.chain" and "<where>.key". Checked: the key belongs to the first
// certificate; warned of: expired, not yet valid, a chain in the wrong order.
[[nodiscard]] std::optional<Identity> load_identity(const IdentitySettings& settings,
                                                    const std::string& where, int64_t now_s,
                                                    Problems& problems);

// Adds it to a context; one of each kind of key fits. Reports under "<where>.chain".
void apply(const Identity& identity, SSL_CTX* context, const std::string& where,
           Problems& problems);

}  // namespace glassgate::io::tls
