// ServerContext: everything a listener's TLS needs, compiled from settings. Immutable and shared by
// all workers; a reload builds a new one and swaps the pointer, and connections keep the one they
// began with.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/tls/certificate_facts.h"
#include "io/tls/crypto_policy.h"
#include "io/tls/identity.h"
#include "io/tls/problem.h"
#include "io/tls/server_names.h"
#include "io/tls/staple.h"
#include "io/tls/ticket_keys.h"
#include "io/tls/trust.h"

namespace glassgate::io::tls {

struct ServerCertificate {
    IdentitySettings identity;
    std::string ocsp_path;           // DER; empty: nothing is stapled
    std::vector<std::string> names;  // empty: those in the certificate
};

enum class ClientCertificates : uint8_t {
    none,      // not asked for
    optional,  // asked for; one that is presented must be good
    required,
};

struct ServerSettings {
    // The first serves clients that name no host, or one we do not know. An RSA and an EC
    // certificate with the same names go together: the client gets the one it can use, EC first.
    std::vector<ServerCertificate> certificates;
    bool refuse_unknown_names = false;  // instead of serving them the first certificate
    CryptoSettings crypto;
    std::vector<std::string> alpn = {"h2", "http/1.1"};  // the preferred first; empty: no ALPN
    ClientCertificates client_certificates = ClientCertificates::none;
    TrustSettings client_trust;
    std::shared_ptr<TicketKeys> ticket_keys;  // null: no resumption
    // Sessions are resumed only where they were made: the listener's name, the same in all workers
    // and gateways that share ticket keys.
    std::string session_scope;
};

class ServerContext {
public:
    // Null when there are errors; every mistake is reported. Paths in problems are
    // "certificates[0].chain", "certificates[0].key", "certificates[0].ocsp",
    // "certificates[0].names[0]", "minVersion", "maxVersion", "ciphers[0]", "groups[0]", "alpn[0]",
    // "clientCertificates.ca[0]", "clientCertificates.crl[0]". Reads files: configuration's thread.
    static std::shared_ptr<const ServerContext> compile(const ServerSettings& settings,
                                                        int64_t now_s, Problems& problems);
    ServerContext(const ServerContext&) = delete;
    ServerContext& operator=(const ServerContext&) = delete;

    // Of each certificate in the settings, in order: for expiry metrics and --explain.
    [[nodiscard]] const std::vector<CertificateFacts>& certificates() const noexcept {
        return facts_;
    }
    // The context a connection begins with.
    [[nodiscard]] SSL_CTX* first() const noexcept { return slots_.front()->context.get(); }

private:
    // One context for each set of names, with an identity for each kind of key.
    struct Slot {
        ContextPtr context{};
        std::vector<Identity> identities{};
        std::vector<Staple> staples{};
        std::vector<std::string> names{};  // sorted, lower case
    };
    class Builder;
    ServerContext() = default;
    static int on_server_name(SSL* ssl, int* alert, void* self) noexcept;
    static int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                       const unsigned char* offered, unsigned offered_size, void* self) noexcept;

    std::vector<std::unique_ptr<Slot>> slots_;
    std::vector<CertificateFacts> facts_;
    ServerNames names_;
    std::vector<std::string> alpn_;
    bool refuse_unknown_names_ = false;
    std::shared_ptr<TicketKeys> ticket_keys_;
};

}  // namespace glassgate::io::tls
