#include "io/tls/identity.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>

#include "io/tls/certificate_facts.h"

namespace glassgate::io::tls {
namespace {

bool belongs(const X509* certificate, const EVP_PKEY* key) noexcept {
    const bool same = X509_check_private_key(certificate, key) == 1;
    ERR_clear_error();
    return same;
}

void check_key(const std::vector<CertificatePtr>& certificates, const EVP_PKEY* key,
               const std::string& where, Problems& problems) {
    if (belongs(certificates.front().get(), key)) return;
    const std::string subject = facts_of(certificates.front().get()).subject;
    for (std::size_t i = 1; i < certificates.size(); ++i) {
        if (!belongs(certificates[i].get(), key)) continue;
        problems.error(where + ".chain",
                       "the private key belongs to certificate " + std::to_string(i + 1) +
                           " of the chain, not to the first (" + subject + ")",
                       "the server's own certificate first, then those that issued it");
        return;
    }
    problems.error(where + ".key",
                   "the private key does not belong to the certificate (" + subject + ")",
                   "the key the certificate was issued for");
}

void check_order(const std::vector<CertificatePtr>& certificates, const std::string& where,
                 Problems& problems) {
    for (std::size_t i = 0; i + 1 < certificates.size(); ++i) {
        if (X509_check_issued(certificates[i + 1].get(), certificates[i].get()) == X509_V_OK)
            continue;
        problems.warning(where + ".chain",
                         "certificate " + std::to_string(i + 2) +
                             " of the chain did not issue certificate " + std::to_string(i + 1) +
                             "; clients may not find a way to the root",
                         "each certificate followed by the one that issued it");
        return;
    }
    ERR_clear_error();
}

void check_dates(X509* leaf, const std::string& where, int64_t now_s, Problems& problems) {
    const CertificateFacts facts = facts_of(leaf);
    if (facts.not_after_s < now_s)
        problems.warning(where + ".chain", "the certificate " + facts.subject + " has expired on " +
                                               time_text(facts.not_after_s));
    if (facts.not_before_s > now_s)
        problems.warning(where + ".chain", "the certificate " + facts.subject +
                                               " is not valid before " +
                                               time_text(facts.not_before_s));
}

}  // namespace

std::optional<Identity> load_identity(const IdentitySettings& settings, const std::string& where,
                                      int64_t now_s, Problems& problems) {
    const std::size_t errors = problems.errors();
    std::vector<CertificatePtr> certificates =
        load_certificates(settings.chain, where + ".chain", problems);
    Identity identity;
    identity.key =
        load_key(settings.key.empty() ? settings.chain : settings.key, where + ".key", problems);
    if (identity.key != nullptr && !certificates.empty())
        check_key(certificates, identity.key.get(), where, problems);
    if (problems.errors() != errors) return std::nullopt;
    check_order(certificates, where, problems);
    check_dates(certificates.front().get(), where, now_s, problems);
    identity.leaf = std::move(certificates.front());
    for (std::size_t i = 1; i < certificates.size(); ++i)
        identity.chain.push_back(std::move(certificates[i]));
    return identity;
}

void apply(const Identity& identity, SSL_CTX* context, const std::string& where,
           Problems& problems) {
    ERR_clear_error();
    const auto report = [&] {
        const int reason = ERR_GET_REASON(ERR_peek_last_error());
        const bool weak = reason == SSL_R_EE_KEY_TOO_SMALL || reason == SSL_R_CA_KEY_TOO_SMALL ||
                          reason == SSL_R_CA_MD_TOO_WEAK;
        problems.error(where + ".chain", "the certificate cannot be used: " + take_error_text(),
                       weak ? "an RSA key of at least 2048 bits or an EC key, signed with SHA-256 "
                              "or better"
                            : "");
    };
    if (SSL_CTX_use_certificate(context, identity.leaf.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context, identity.key.get()) != 1)
        return report();
    for (const CertificatePtr& issuer : identity.chain)
        if (SSL_CTX_add1_chain_cert(context, issuer.get()) != 1) return report();
}

}  // namespace glassgate::io::tls
