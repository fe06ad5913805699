// Whom to trust: certificate authorities and revocation lists as a store, for either side.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/tls/openssl.h"
#include "io/tls/pem.h"
#include "io/tls/problem.h"

namespace glassgate::io::tls {

enum class CrlScope : uint8_t {
    leaf,   // the peer's own certificate is looked up
    chain,  // every certificate up to the root; each CA needs its list
};

struct TrustSettings {
    std::vector<PemSource> authorities;
    std::vector<PemSource> crls;  // empty: revocation is not checked
    CrlScope crl_scope = CrlScope::leaf;
    unsigned depth = 4;  // CA certificates between the peer's and a trusted one, at most
};

// The system's bundle, the first of the usual places that is there; empty if none is.
[[nodiscard]] std::string system_bundle_path();

struct Trust {
    StorePtr store;
    std::vector<CertificatePtr> authorities;  // for a server: the names it asks clients for
    // SHA-256 over all of it and how it is used: what was verified under other trust is not to be
    // resumed under this.
    std::string digest;
};

// Reports under "<where>.ca[0]", "<where>.crl[0]". Any certificate among the authorities is an
// anchor, also an intermediate one.
[[nodiscard]] Trust load_trust(const TrustSettings& settings, const std::string& where,
                               int64_t now_s, Problems& problems);

// Puts it to use; several contexts may share one store.
[[nodiscard]] bool apply(const Trust& trust, const TrustSettings& settings,
                         SSL_CTX* context) noexcept;

}  // namespace glassgate::io::tls
