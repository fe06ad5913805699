// Certificates, revocation lists and OCSP responses made on the spot, for tests, benchmarks and
// fuzzing. Aborts when OpenSSL does not play along.
#pragma once

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "io/tls/certificate_facts.h"
#include "io/tls/openssl.h"

namespace glassgate::io::tls {

struct TestIssue {
    std::vector<std::pair<std::string, std::string>> subject = {{"CN", "test"}};
    std::string names{};  // "DNS:a.test,IP:127.0.0.1,URI:spiffe://x/y"; empty: none
    std::string usage{};  // extended key usage: "serverAuth"; empty: none
    bool ca = false;
    long from_s = -86400, to_s = 86400 * 365L;  // from now
    long serial = 0;                            // 0: a new one
    unsigned rsa_bits = 0;                      // 0: EC P-256
    const EVP_MD* digest = nullptr;             // null: SHA-256
};

class TestCertificate {
public:
    // issuer null: signed by itself.
    TestCertificate(const TestIssue& issue, const TestCertificate* issuer = nullptr) {
        static long next_serial = 0x1000;
        key_.reset(issue.rsa_bits == 0 ? EVP_EC_gen("P-256") : EVP_RSA_gen(issue.rsa_bits));
        GW_CHECK(key_ != nullptr);
        certificate_.reset(X509_new());
        X509* const x = certificate_.get();
        X509_set_version(x, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(x),
                         issue.serial != 0 ? issue.serial : next_serial++);
        X509_gmtime_adj(X509_getm_notBefore(x), issue.from_s);
        X509_gmtime_adj(X509_getm_notAfter(x), issue.to_s);
        X509_set_pubkey(x, key_.get());
        const NamePtr name(X509_NAME_new());
        for (const auto& [type, value] : issue.subject)
            GW_CHECK(
                X509_NAME_add_entry_by_txt(name.get(), type.c_str(), MBSTRING_UTF8,
                                           reinterpret_cast<const unsigned char*>(value.data()),
                                           static_cast<int>(value.size()), -1, 0) == 1);
        X509_set_subject_name(x, name.get());
        const TestCertificate& signer = issuer == nullptr ? *this : *issuer;
        X509_set_issuer_name(x, X509_get_subject_name(signer.certificate_.get()));
        X509V3_CTX context;
        X509V3_set_ctx(&context, signer.certificate_.get(), x, nullptr, nullptr, 0);
        add(context, NID_basic_constraints, issue.ca ? "critical,CA:TRUE" : "CA:FALSE");
        add(context, NID_subject_key_identifier, "hash");
        if (issuer != nullptr) add(context, NID_authority_key_identifier, "keyid:always");
        if (issue.ca) add(context, NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature");
        if (!issue.usage.empty()) add(context, NID_ext_key_usage, issue.usage);
        if (!issue.names.empty()) add(context, NID_subject_alt_name, issue.names);
        GW_CHECK(X509_sign(x, signer.key_.get(),
                           issue.digest == nullptr ? EVP_sha256() : issue.digest) > 0);
    }

    [[nodiscard]] X509* get() const { return certificate_.get(); }
    [[nodiscard]] EVP_PKEY* private_key() const { return key_.get(); }
    [[nodiscard]] std::string pem() const { return pem_of(certificate_.get()); }
    [[nodiscard]] std::string key_pem(const char* pass_phrase = nullptr) const {
        const BioPtr out(BIO_new(BIO_s_mem()));
        std::string phrase = pass_phrase == nullptr ? "" : pass_phrase;
        GW_CHECK(PEM_write_bio_PKCS8PrivateKey(
                     out.get(), key_.get(), pass_phrase == nullptr ? nullptr : EVP_aes_128_cbc(),
                     phrase.data(), static_cast<int>(phrase.size()), nullptr, nullptr) == 1);
        return std::string(bio_text(out.get()));
    }
    [[nodiscard]] std::string crl_pem(const std::vector<const TestCertificate*>& revoked,
                                      long next_s = 86400) const {
        const CrlPtr crl(X509_CRL_new());
        X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2);
        X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(certificate_.get()));
        const std::unique_ptr<ASN1_TIME, Freed<ASN1_TIME_free>> last(
            X509_gmtime_adj(nullptr, -86400 * 2)),
            next(X509_gmtime_adj(nullptr, next_s));
        X509_CRL_set1_lastUpdate(crl.get(), last.get());
        X509_CRL_set1_nextUpdate(crl.get(), next.get());
        for (const TestCertificate* other : revoked) {
            X509_REVOKED* const entry = X509_REVOKED_new();
            X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(other->get()));
            X509_REVOKED_set_revocationDate(entry, last.get());
            GW_CHECK(X509_CRL_add0_revoked(crl.get(), entry) == 1);
        }
        X509_CRL_sort(crl.get());
        GW_CHECK(X509_CRL_sign(crl.get(), key_.get(), EVP_sha256()) > 0);
        const BioPtr out(BIO_new(BIO_s_mem()));
        GW_CHECK(PEM_write_bio_X509_CRL(out.get(), crl.get()) == 1);
        return std::string(bio_text(out.get()));
    }
    // What this CA says of `other`, in DER.
    [[nodiscard]] std::string ocsp_der(const TestCertificate& other,
                                       int status = V_OCSP_CERTSTATUS_GOOD,
                                       long next_s = 86400) const {
        const std::unique_ptr<OCSP_BASICRESP, Freed<OCSP_BASICRESP_free>> basic(
            OCSP_BASICRESP_new());
        const std::unique_ptr<OCSP_CERTID, Freed<OCSP_CERTID_free>> id(
            OCSP_cert_to_id(EVP_sha1(), other.get(), get()));
        const std::unique_ptr<ASN1_TIME, Freed<ASN1_TIME_free>> this_update(
            X509_gmtime_adj(nullptr, -86400 * 2)),
            next(X509_gmtime_adj(nullptr, next_s));
        GW_CHECK(OCSP_basic_add1_status(basic.get(), id.get(), status,
                                        OCSP_REVOKED_STATUS_KEYCOMPROMISE, this_update.get(),
                                        this_update.get(), next.get()) != nullptr);
        GW_CHECK(OCSP_basic_sign(basic.get(), get(), key_.get(), EVP_sha256(), nullptr, 0) == 1);
        const OcspPtr response(OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()));
        unsigned char* der = nullptr;
        const int size = i2d_OCSP_RESPONSE(response.get(), &der);
        GW_CHECK(size > 0);
        std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
        OPENSSL_free(der);
        return bytes;
    }

private:
    void add(X509V3_CTX& context, int nid, const std::string& value) {
        const std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>> extension(
            X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
        GW_CHECK(extension != nullptr);
        GW_CHECK(X509_add_ext(certificate_.get(), extension.get(), -1) == 1);
    }
    KeyPtr key_;
    CertificatePtr certificate_;
};

// A file that is gone with its object.
class TestFile {
public:
    explicit TestFile(std::string_view bytes) {
        const char* folder = std::getenv("TMPDIR");
        path_ = std::string(folder == nullptr ? "/tmp" : folder) + "/glassgate_tls_XXXXXX";
        const int fd = mkstemp(path_.data());
        GW_CHECK(fd >= 0);
        ::close(fd);
        write(bytes);
    }
    TestFile(const TestFile&) = delete;
    TestFile& operator=(const TestFile&) = delete;
    ~TestFile() { std::remove(path_.c_str()); }
    void write(std::string_view bytes) const {
        std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace glassgate::io::tls
