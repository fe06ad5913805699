// ClientContext: how to speak TLS to an upstream, compiled from settings. Immutable and shared by
// all workers; a reload builds a new one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/tls/certificate_facts.h"
#include "io/tls/crypto_policy.h"
#include "io/tls/identity.h"
#include "io/tls/problem.h"
#include "io/tls/trust.h"

namespace glassgate::io::tls {

struct ClientSettings {
    // Accepts any certificate of anybody: for tests, by explicit wish only.
    bool skip_verify = false;
    TrustSettings trust;  // without authorities: the system's bundle
    // The name to ask for (SNI) and to find in the certificate, instead of the target's host.
    std::string server_name;
    std::optional<IdentitySettings> certificate;  // ours, for upstreams that ask
    CryptoSettings crypto;
    std::vector<std::string> alpn;  // what to offer, the preferred first; empty: no ALPN
    bool resume = true;
};

class ClientContext {
public:
    // Null when there are errors; every mistake is reported. Paths in problems: "trust.ca[0]",
    // "trust.crl[0]", "certificate.chain", "certificate.key", "serverName", "minVersion",
    // "maxVersion", "ciphers[0]", "groups[0]", "alpn[0]". Reads files: configuration's thread.
    static std::shared_ptr<const ClientContext> compile(const ClientSettings& settings,
                                                        int64_t now_s, Problems& problems);
    ClientContext(const ClientContext&) = delete;
    ClientContext& operator=(const ClientContext&) = delete;

    [[nodiscard]] SSL_CTX* openssl() const noexcept { return context_.get(); }
    // Of our own certificate, if there is one.
    [[nodiscard]] const std::optional<CertificateFacts>& certificate() const noexcept {
        return facts_;
    }
    [[nodiscard]] const std::string& server_name() const noexcept { return server_name_; }
    [[nodiscard]] bool verifies() const noexcept { return verifies_; }
    [[nodiscard]] bool resumes() const noexcept { return resumes_; }
    // Differs between any two contexts of this process: sessions verified under one are not resumed
    // under another.
    [[nodiscard]] uint64_t id() const noexcept { return id_; }

private:
    ClientContext() = default;
    bool set_up(const ClientSettings& settings, const CryptoPolicy& policy, Problems& problems);

    ContextPtr context_;
    std::shared_ptr<const Trust> trust_;
    std::optional<Identity> identity_;
    std::optional<CertificateFacts> facts_;
    std::string server_name_;
    bool verifies_ = true;
    bool resumes_ = true;
    uint64_t id_ = 0;
};

}  // namespace glassgate::io::tls
