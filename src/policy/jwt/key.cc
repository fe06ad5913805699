#include "policy/jwt/key.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>

namespace glassgate::policy::jwt {
namespace {

constexpr int kMinRsaBits = 2048;  // RFC 7518 §3.3
constexpr int kMaxRsaBits =
    16384;  // OPENSSL_RSA_MAX_MODULUS_BITS; above, OpenSSL refuses to verify

template <auto Function>
struct Freed {
    template <typename T>
    void operator()(T* object) const noexcept {
        Function(object);
    }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Context = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;

const unsigned char* bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}

Number number_of(std::string_view bytes) {
    return Number(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

// Fetched once: looking them up is half the cost of an HMAC.
const EVP_MD* digest_of(Algorithm algorithm) noexcept {
    static const std::array<const EVP_MD*, 3> kDigests{EVP_MD_fetch(nullptr, "SHA256", nullptr),
                                                       EVP_MD_fetch(nullptr, "SHA384", nullptr),
                                                       EVP_MD_fetch(nullptr, "SHA512", nullptr)};
    const unsigned bits = hash_bits(algorithm);
    return bits == 0 ? nullptr : kDigests[bits / 128 - 2];
}

std::optional<Key::Kind> kind_of(const EVP_PKEY* key) {
    if (EVP_PKEY_is_a(key, "RSA") == 1) return Key::Kind::rsa;
    if (EVP_PKEY_is_a(key, "ED25519") == 1) return Key::Kind::ed25519;
    if (EVP_PKEY_is_a(key, "ED448") == 1) return Key::Kind::ed448;
    if (EVP_PKEY_is_a(key, "EC") != 1) return std::nullopt;
    char group[64] = {};
    if (EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) != 1) return std::nullopt;
    const std::string_view name = group;
    if (name == "prime256v1" || name == "P-256") return Key::Kind::p256;
    if (name == "secp384r1" || name == "P-384") return Key::Kind::p384;
    if (name == "secp521r1" || name == "P-521") return Key::Kind::p521;
    return std::nullopt;
}

EVP_PKEY* pkey_from(const char* type, OSSL_PARAM* params) {
    const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* key = nullptr;
    if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return nullptr;
    // A point beside the curve, a modulus that is none.
    const PkeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    if (check != nullptr && EVP_PKEY_public_check_quick(check.get()) == 1) return key;
    EVP_PKEY_free(key);
    return nullptr;
}

struct Curve {
    std::string_view jwk;
    const char* openssl;
    std::size_t bytes;
};
constexpr Curve kCurves[] = {
    {"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66}};

// r and s of equal length -> the DER that OpenSSL wants; empty when it cannot be one.
std::string der_of(std::string_view signature) {
    const std::size_t half = signature.size() / 2;
    const Signature pair(ECDSA_SIG_new());
    Number r = number_of(signature.substr(0, half));
    Number s = number_of(signature.substr(half));
    if (pair == nullptr || r == nullptr || s == nullptr ||
        ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1)
        return {};
    (void)r.release(), (void)s.release();  // the pair's now
    unsigned char* der = nullptr;
    const int size = i2d_ECDSA_SIG(pair.get(), &der);
    if (size <= 0) return {};
    std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return out;
}

std::size_t ec_signature_bytes(Algorithm algorithm) noexcept {
    return algorithm == Algorithm::es256 ? 64 : algorithm == Algorithm::es384 ? 96 : 132;
}

}  // namespace

Result<Key> Key::from_pkey(Pkey pkey) {
    ERR_clear_error();
    if (pkey == nullptr) return failure("not a public key");
    const std::optional<Kind> kind = kind_of(pkey.get());
    if (!kind) return failure("a key that is neither RSA, EC (P-256, P-384, P-521) nor Ed25519");
    const int bits = EVP_PKEY_get_bits(pkey.get());
    if (*kind == Kind::rsa && bits < kMinRsaBits)
        return failure("an RSA key of " + std::to_string(bits) + " bits; at least 2048 are needed");
    if (*kind == Kind::rsa && bits > kMaxRsaBits)
        return failure("an RSA key of " + std::to_string(bits) + " bits; at most 16384 are used");
    Key key;
    key.kind_ = *kind;
    key.pkey_ = std::move(pkey);
    return key;
}

Result<Key> Key::from_pem(std::string_view pem) {
    const auto open = [&] {
        return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    };
    // Nobody is asked for a pass phrase.
    const auto no_phrase = [](char*, int, int, void*) { return -1; };
    ERR_clear_error();
    if (const Bio bio = open())
        if (Pkey key{PEM_read_bio_PUBKEY(bio.get(), nullptr, no_phrase, nullptr)})
            return from_pkey(std::move(key));
    if (const Bio bio = open())
        if (const Certificate certificate{
                PEM_read_bio_X509(bio.get(), nullptr, no_phrase, nullptr)})
            return from_pkey(Pkey(X509_get_pubkey(certificate.get())));
    ERR_clear_error();
    if (pem.find("PRIVATE KEY") != std::string_view::npos)
        return failure("a private key: only the public one is needed here");
    return failure("not a public key or certificate in PEM");
}

Result<Key> Key::from_secret(std::string_view bytes) {
    if (bytes.empty()) return failure("an empty secret");
    Key key;
    key.secret_ = bytes;
    return key;
}

Result<Key> Key::from_rsa(std::string_view n, std::string_view e) {
    if (n.empty() || e.empty() || n.size() > kMaxRsaBits / 8 || e.size() > 8)
        return failure("RSA numbers that are none");
    const Number modulus = number_of(n);
    const Number exponent = number_of(e);
    const Builder builder(OSSL_PARAM_BLD_new());
    if (builder == nullptr || modulus == nullptr || exponent == nullptr ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1)
        return failure("RSA numbers that are none");
    const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
    return from_pkey(Pkey(pkey_from("RSA", params.get())));
}

Result<Key> Key::from_ec(std::string_view curve, std::string_view x, std::string_view y) {
    for (const Curve& known : kCurves) {
        if (known.jwk != curve) continue;
        if (x.size() != known.bytes || y.size() != known.bytes)
            return failure("coordinates of a wrong length");  // RFC 7518 §6.2.1.2
        const std::string point = "\x04" + std::string(x) + std::string(y);
        const Builder builder(OSSL_PARAM_BLD_new());
        if (builder == nullptr ||
            OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                            known.openssl, 0) != 1 ||
            OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                             point.size()) != 1)
            return failure("a point that is none");
        const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
        return from_pkey(Pkey(pkey_from("EC", params.get())));
    }
    return failure("an unknown curve");
}

Result<Key> Key::from_okp(std::string_view curve, std::string_view x) {
    const char* const type = curve == "Ed25519" ? "ED25519" : curve == "Ed448" ? "ED448" : nullptr;
    if (type == nullptr) return failure("an unknown curve");
    return from_pkey(
        Pkey(EVP_PKEY_new_raw_public_key_ex(nullptr, type, nullptr, bytes_of(x), x.size())));
}

bool Key::fits(Algorithm algorithm) const noexcept {
    if (only_with && *only_with != algorithm) return false;
    switch (family_of(algorithm)) {
        case Family::rsa:
        case Family::rsa_pss:
            return kind_ == Kind::rsa;
        case Family::ec:
            return kind_ == (algorithm == Algorithm::es256   ? Kind::p256
                             : algorithm == Algorithm::es384 ? Kind::p384
                                                             : Kind::p521);
        case Family::edwards:
            return kind_ == Kind::ed25519 || kind_ == Kind::ed448;
        case Family::hmac:
            break;
    }
    // RFC 7518 §3.2: the secret is at least as long as the hash.
    return kind_ == Kind::secret && secret_.size() * 8 >= hash_bits(algorithm);
}

bool Key::verify(Algorithm algorithm, std::string_view input, std::string_view signature) const {
    if (!fits(algorithm) || signature.empty()) return false;
    if (kind_ == Kind::secret) return verify_mac(algorithm, input, signature);
    const bool good = verify_signature(algorithm, input, signature);
    ERR_clear_error();  // what did not verify is no error of the next TLS call on this thread
    return good;
}

bool Key::verify_mac(Algorithm algorithm, std::string_view input,
                     std::string_view signature) const {
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (HMAC(digest_of(algorithm), secret_.data(), static_cast<int>(secret_.size()),
             bytes_of(input), input.size(), mac, &size) == nullptr)
        return false;
    return signature.size() == size && CRYPTO_memcmp(mac, signature.data(), size) == 0;
}

bool Key::verify_signature(Algorithm algorithm, std::string_view input,
                           std::string_view signature) const {
    std::string der;
    if (family_of(algorithm) == Family::ec) {
        if (signature.size() != ec_signature_bytes(algorithm)) return false;
        der = der_of(signature);
        if (der.empty()) return false;
        signature = der;
    }
    const Context context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* parameters = nullptr;  // the context's
    if (context == nullptr || EVP_DigestVerifyInit(context.get(), &parameters, digest_of(algorithm),
                                                   nullptr, pkey_.get()) != 1)
        return false;
    // RFC 7518 §3.5: MGF1 with the same hash (the default), a salt as long as it.
    if (family_of(algorithm) == Family::rsa_pss &&
        (EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) != 1 ||
         EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) != 1))
        return false;
    return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(input),
                            input.size()) == 1;
}

}  // namespace glassgate::policy::jwt
