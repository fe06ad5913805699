// PeerNotes: what callbacks of a handshake tell the session it belongs to. The data of each
// session's BIO is one (OpenSSL's app data would cost every connection a few allocations). Thread:
// the session's.
#pragma once

#include <memory>
#include <string>

#include "io/tls/certificate_facts.h"
#include "io/tls/openssl.h"
#include "io/tls/refusal.h"

namespace glassgate::io::tls {

class ResumptionCache;
class Session;

// Where a client's session is kept to be resumed.
struct ResumptionPlace {
    ResumptionCache* cache;
    std::string key;
};

struct PeerNotes {
    Session* session = nullptr;
    int verify_error = X509_V_OK;
    int16_t verify_depth = 0;         // of the certificate the error is about
    Refusal refusal = Refusal::none;  // stated by a callback; stronger than OpenSSL's error
    std::unique_ptr<CertificateFacts> refused;    // the leaf a failed verification was about
    std::unique_ptr<ResumptionPlace> resumption;  // null: sessions are not kept

    // Null when the SSL is not a session's.
    static PeerNotes* of(const SSL* ssl) noexcept;
};

// For SSL_CTX_set_verify: notes the first error and the leaf, and goes on as OpenSSL wants.
int note_verification(int ok, X509_STORE_CTX* store) noexcept;

}  // namespace glassgate::io::tls
