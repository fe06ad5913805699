#include "io/tls/trust.h"

#include <openssl/err.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "io/tls/certificate_facts.h"
#include "io/tls/peer_notes.h"

namespace glassgate::io::tls {
namespace {

class Digest {
public:
    Digest() { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
    void add(const unsigned char* bytes, std::size_t size) {
        EVP_DigestUpdate(context_.get(), &size, sizeof size);
        EVP_DigestUpdate(context_.get(), bytes, size);
    }
    void add(unsigned number) { EVP_DigestUpdate(context_.get(), &number, sizeof number); }
    template <typename T>
    void add_der(T* object, int (*encode)(const T*, unsigned char**)) {
        unsigned char* der = nullptr;
        const int size = encode(object, &der);
        if (size > 0) add(der, static_cast<std::size_t>(size));
        OPENSSL_free(der);
    }
    std::string finish() {
        unsigned char bytes[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        EVP_DigestFinal_ex(context_.get(), bytes, &size);
        return {reinterpret_cast<const char*>(bytes), size};
    }

private:
    std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>> context_{EVP_MD_CTX_new()};
};

bool is_before(const ASN1_TIME* time, int64_t now_s) noexcept {
    std::time_t now = now_s;
    return time != nullptr && X509_cmp_time(time, &now) < 0;
}

void add_authorities(const PemSource& source, const std::string& where, int64_t now_s, Trust& trust,
                     Digest& digest, Problems& problems) {
    for (CertificatePtr& ca : load_certificates(source, where, problems)) {
        if (is_before(X509_get0_notAfter(ca.get()), now_s)) {
            const CertificateFacts facts = facts_of(ca.get());
            // The system's bundle has expired ones at times; nobody can act on that.
            if (source.path != system_bundle_path())
                problems.warning(where, "the CA certificate " + facts.subject + " has expired on " +
                                            time_text(facts.not_after_s));
        }
        ERR_clear_error();
        if (X509_STORE_add_cert(trust.store.get(), ca.get()) != 1) {
            problems.error(where, "a CA certificate cannot be used: " + take_error_text());
            continue;
        }
        digest.add_der<X509>(ca.get(), i2d_X509);
        trust.authorities.push_back(std::move(ca));
    }
}

bool has_issuer(const X509_CRL* crl, const std::vector<CertificatePtr>& authorities) {
    return std::ranges::any_of(authorities, [&](const CertificatePtr& ca) {
        return X509_NAME_cmp(X509_get_subject_name(ca.get()), X509_CRL_get_issuer(crl)) == 0 &&
               X509_CRL_verify(const_cast<X509_CRL*>(crl), X509_get0_pubkey(ca.get())) == 1;
    });
}

void add_crls(const PemSource& source, const std::string& where, int64_t now_s, Trust& trust,
              Digest& digest, Problems& problems) {
    for (const CrlPtr& crl : load_crls(source, where, problems)) {
        if (is_before(X509_CRL_get0_nextUpdate(crl.get()), now_s))
            problems.warning(where,
                             "the revocation list in " + source.name() +
                                 " is out of date: every certificate of its CA will be refused",
                             "a list whose next update is in the future");
        ERR_clear_error();
        if (!has_issuer(crl.get(), trust.authorities))
            problems.warning(where, "the revocation list in " + source.name() +
                                        " is of none of the trusted CAs");
        ERR_clear_error();
        if (X509_STORE_add_crl(trust.store.get(), crl.get()) != 1)
            problems.error(where, "the revocation list cannot be used: " + take_error_text());
        digest.add_der<X509_CRL>(crl.get(), i2d_X509_CRL);
    }
}

}  // namespace

std::string system_bundle_path() {
    for (const char* path :
         {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
          "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"})
        if (access(path, R_OK) == 0) return path;
    return {};
}

Trust load_trust(const TrustSettings& settings, const std::string& where, int64_t now_s,
                 Problems& problems) {
    Trust trust;
    trust.store.reset(X509_STORE_new());
    Digest digest;
    digest.add(settings.crls.empty() ? 2u : static_cast<unsigned>(settings.crl_scope));
    digest.add(settings.depth);
    for (std::size_t i = 0; i < settings.authorities.size(); ++i)
        add_authorities(settings.authorities[i], element_path(where + ".ca", i), now_s, trust,
                        digest, problems);
    for (std::size_t i = 0; i < settings.crls.size(); ++i)
        add_crls(settings.crls[i], element_path(where + ".crl", i), now_s, trust, digest, problems);
    trust.digest = digest.finish();
    return trust;
}

bool apply(const Trust& trust, const TrustSettings& settings, SSL_CTX* context) noexcept {
    X509_VERIFY_PARAM* const parameters = SSL_CTX_get0_param(context);
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST;
    if (!settings.crls.empty()) {
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_EXTENDED_CRL_SUPPORT;
        if (settings.crl_scope == CrlScope::chain) flags |= X509_V_FLAG_CRL_CHECK_ALL;
    }
    SSL_CTX_set_verify_depth(context, static_cast<int>(settings.depth));
    if (X509_VERIFY_PARAM_set_flags(parameters, flags) != 1) return false;
    SSL_CTX_set1_cert_store(context, trust.store.get());
    return true;
}

int note_verification(int ok, X509_STORE_CTX* store) noexcept {
    if (ok == 1) return 1;
    const auto* ssl = static_cast<const SSL*>(
        X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    PeerNotes* const notes = ssl == nullptr ? nullptr : PeerNotes::of(ssl);
    if (notes == nullptr || notes->verify_error != X509_V_OK) return ok;
    notes->verify_error = X509_STORE_CTX_get_error(store);
    notes->verify_depth = static_cast<int16_t>(X509_STORE_CTX_get_error_depth(store));
    if (X509* const leaf = X509_STORE_CTX_get0_cert(store))
        notes->refused = std::make_unique<CertificateFacts>(facts_of(leaf));
    return ok;
}

}  // namespace glassgate::io::tls
