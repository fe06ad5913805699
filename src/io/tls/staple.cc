#include "io/tls/staple.h"

#include <openssl/err.h>

#include <cstring>
#include <ctime>

#include "io/tls/certificate_facts.h"
#include "io/tls/pem.h"

namespace glassgate::io::tls {
namespace {

using BasicPtr = std::unique_ptr<OCSP_BASICRESP, Freed<OCSP_BASICRESP_free>>;
using IdPtr = std::unique_ptr<OCSP_CERTID, Freed<OCSP_CERTID_free>>;

int64_t unix_time(const ASN1_GENERALIZEDTIME* time) noexcept {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
    return timegm(&parts);
}

// The response about the serial number, whatever the hash its issuer is named by.
OCSP_SINGLERESP* find_single(OCSP_BASICRESP* basic, const X509* leaf) noexcept {
    for (int i = 0; i < OCSP_resp_count(basic); ++i) {
        OCSP_SINGLERESP* const single = OCSP_resp_get0(basic, i);
        ASN1_INTEGER* serial = nullptr;
        auto* id = const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single));
        if (OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial, id) == 1 &&
            ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) == 0)
            return single;
    }
    return nullptr;
}

bool same_issuer(const OCSP_SINGLERESP* single, const X509* leaf, X509* issuer) noexcept {
    ASN1_OBJECT* hash = nullptr;
    auto* id = const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single));
    if (OCSP_id_get0_info(nullptr, &hash, nullptr, nullptr, id) != 1) return false;
    const EVP_MD* const md = EVP_get_digestbyobj(hash);
    const IdPtr ours(OCSP_cert_to_id(md == nullptr ? EVP_sha1() : md, leaf, issuer));
    return ours != nullptr && OCSP_id_issuer_cmp(ours.get(), id) == 0;
}

// Why the response is of no use; empty if it is.
std::string flaw(const OCSP_SINGLERESP* single, const X509* leaf,
                 const std::vector<CertificatePtr>& chain, int64_t now_s, int64_t& next_s) {
    if (single == nullptr) return "is about another certificate";
    if (!chain.empty() && !same_issuer(single, leaf, chain.front().get()))
        return "is about a certificate of another issuer";
    ASN1_GENERALIZEDTIME *this_update = nullptr, *next_update = nullptr;
    int reason = 0;
    const int status = OCSP_single_get0_status(const_cast<OCSP_SINGLERESP*>(single), &reason,
                                               nullptr, &this_update, &next_update);
    if (next_update != nullptr) next_s = unix_time(next_update);
    if (next_s < now_s) return "is out of date since " + time_text(next_s);
    if (status == V_OCSP_CERTSTATUS_REVOKED) return "says that the certificate is revoked";
    if (status != V_OCSP_CERTSTATUS_GOOD) return "does not know the certificate";
    return {};
}

}  // namespace

Staple load_staple(const std::string& path, const X509* leaf,
                   const std::vector<CertificatePtr>& chain, const std::string& where,
                   int64_t now_s, Problems& problems) {
    Staple staple;
    staple.leaf = leaf;
    const auto bytes = read_small_file(path);
    if (!bytes) {
        problems.error(where, bytes.error().message, "an OCSP response in DER");
        return staple;
    }
    const auto* data = reinterpret_cast<const unsigned char*>(bytes->data());
    const auto* at = data;
    ERR_clear_error();
    const OcspPtr response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(bytes->size())));
    if (response == nullptr) {
        problems.error(where, "file " + path + " is not an OCSP response",
                       "DER as openssl ocsp -respout writes it");
        ERR_clear_error();
        return staple;
    }
    const BasicPtr basic(OCSP_response_get1_basic(response.get()));
    std::string why = "says only that the responder failed";
    if (basic != nullptr)
        why = flaw(find_single(basic.get(), leaf), leaf, chain, now_s, staple.next_update_s);
    ERR_clear_error();
    if (!why.empty()) {
        problems.warning(where, "the OCSP response in " + path + " " + why + "; it is not stapled");
        return staple;
    }
    staple.der.assign(data, data + bytes->size());
    return staple;
}

int staple_callback(SSL* ssl, void* staples) noexcept {
    const X509* const leaf = SSL_get_certificate(ssl);
    for (const Staple& staple : *static_cast<const std::vector<Staple>*>(staples)) {
        if (staple.leaf != leaf || staple.der.empty()) continue;
        if (staple.next_update_s < std::time(nullptr)) return SSL_TLSEXT_ERR_NOACK;
        auto* const copy = static_cast<unsigned char*>(OPENSSL_malloc(staple.der.size()));
        if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
        std::memcpy(copy, staple.der.data(), staple.der.size());
        SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(staple.der.size()));
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

}  // namespace glassgate::io::tls
