#include "policy/jwt/key_set.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "http/base64.h"
#include "policy/jwt/sign_test.h"

namespace glassgate::policy::jwt {
namespace {

std::string decoded(std::string_view text) {
    std::string out;
    EXPECT_TRUE(http::decode_base64url(text, out)) << text;
    return out;
}

// The examples of RFC 7515, appendix A, with their keys as they stand there.
constexpr std::string_view kPayload =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlf"
    "Q";
constexpr std::string_view kRsaSet =
    R"({"keys":[{"kty":"RSA","kid":"a2","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}]})";
constexpr std::string_view kRsaSignature =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5ju"
    "jGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07"
    "Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipU"
    "TI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
constexpr std::string_view kEcSet =
    R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})";
constexpr std::string_view kEcSignature =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

TEST(JwtKey, VerifiesRsaOfTheRfc) {
    const auto keys = parse_key_set(kRsaSet);
    ASSERT_TRUE(keys);
    const std::string input = "eyJhbGciOiJSUzI1NiJ9." + std::string(kPayload);
    const std::string signature = decoded(kRsaSignature);
    const Key& key = keys->front();
    EXPECT_EQ(key.id, "a2");
    EXPECT_TRUE(key.verify(Algorithm::rs256, input, signature));
    EXPECT_FALSE(key.verify(Algorithm::rs256, input + "x", signature));
    EXPECT_FALSE(key.verify(Algorithm::rs512, input, signature));
    EXPECT_FALSE(key.verify(Algorithm::ps256, input, signature));
    EXPECT_FALSE(key.verify(Algorithm::rs256, input, {}));
    EXPECT_FALSE(key.verify(Algorithm::rs256, input, "short"));
}

TEST(JwtKey, VerifiesEcOfTheRfc) {
    const auto keys = parse_key_set(kEcSet);
    ASSERT_TRUE(keys);
    const std::string input = "eyJhbGciOiJFUzI1NiJ9." + std::string(kPayload);
    std::string signature = decoded(kEcSignature);
    const Key& key = keys->front();
    EXPECT_TRUE(key.verify(Algorithm::es256, input, signature));
    EXPECT_FALSE(key.fits(Algorithm::es384));
    EXPECT_FALSE(key.verify(Algorithm::es256, input, signature + '\0'));
    // r and s of zero verify nothing (CVE-2022-21449).
    EXPECT_FALSE(key.verify(Algorithm::es256, input, std::string(64, '\0')));
    signature[5] = static_cast<char>(signature[5] ^ 1);
    EXPECT_FALSE(key.verify(Algorithm::es256, input, signature));
}

TEST(JwtKey, VerifiesEdwardsOfTheRfc) {  // RFC 8037, appendix A.4
    const auto key =
        Key::from_okp("Ed25519", decoded("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
    ASSERT_TRUE(key);
    const std::string signature = decoded(
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
    const std::string_view input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    EXPECT_TRUE(key->verify(Algorithm::eddsa, input, signature));
    EXPECT_FALSE(key->verify(Algorithm::eddsa, "x", signature));
}

TEST(JwtKey, VerifiesHmacOfTheRfc) {
    const auto key = Key::from_secret(
        decoded("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9"
                "CAow"));
    ASSERT_TRUE(key);
    const std::string input = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + std::string(kPayload);
    const std::string signature = decoded("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    EXPECT_TRUE(key->verify(Algorithm::hs256, input, signature));
    EXPECT_FALSE(key->verify(Algorithm::hs256, input, signature.substr(0, 31)));
    EXPECT_FALSE(key->fits(Algorithm::rs256));
}

// A signature made here with each RSA algorithm and curve, and what else must not verify it.
struct Pair {
    EVP_PKEY* pkey = nullptr;
    std::string pem;
    ~Pair() { EVP_PKEY_free(pkey); }

    explicit Pair(EVP_PKEY* key) : pkey(key) {
        BIO* const bio = BIO_new(BIO_s_mem());
        PEM_write_bio_PUBKEY(bio, pkey);
        char* data = nullptr;
        const long size = BIO_get_mem_data(bio, &data);
        pem.assign(data, static_cast<std::size_t>(size));
        BIO_free(bio);
    }
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
    [[nodiscard]] std::string sign(const EVP_MD* md, std::string_view input, bool pss) const {
        EVP_MD_CTX* const context = EVP_MD_CTX_new();
        EVP_PKEY_CTX* parameters = nullptr;
        EVP_DigestSignInit(context, &parameters, md, nullptr, pkey);
        if (pss) {
            EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
            EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST);
        }
        std::string out(1024, '\0');
        std::size_t size = out.size();
        EXPECT_EQ(
            EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size,
                           reinterpret_cast<const unsigned char*>(input.data()), input.size()),
            1);
        out.resize(size);
        EVP_MD_CTX_free(context);
        return out;
    }
};

std::string joined(const std::string& der, std::size_t half) {
    const auto* p = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* const pair = d2i_ECDSA_SIG(nullptr, &p, static_cast<long>(der.size()));
    std::string out(half * 2, '\0');
    auto* const bytes = reinterpret_cast<unsigned char*>(out.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), bytes, static_cast<int>(half));
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), bytes + half, static_cast<int>(half));
    ECDSA_SIG_free(pair);
    return out;
}

TEST(JwtKey, VerifiesEveryRsaAlgorithm) {
    const Pair pair(EVP_RSA_gen(2048));
    const auto key = Key::from_pem(pair.pem);
    ASSERT_TRUE(key) << key.error().message;
    const EVP_MD* const digests[] = {EVP_sha256(), EVP_sha384(), EVP_sha512()};
    for (unsigned made = 0; made < 6; ++made) {
        const std::string signature = pair.sign(digests[made % 3], "text", made >= 3);
        for (unsigned tried = 0; tried < 6; ++tried)
            EXPECT_EQ(key->verify(static_cast<Algorithm>(tried), "text", signature), tried == made)
                << made << ' ' << tried;
    }
}

TEST(JwtKey, VerifiesEveryCurve) {
    constexpr struct {
        const char* group;
        Algorithm algorithm;
        std::size_t half;
    } kCurves[] = {{"P-256", Algorithm::es256, 32},
                   {"P-384", Algorithm::es384, 48},
                   {"P-521", Algorithm::es512, 66}};
    for (const auto& curve : kCurves) {
        const Pair pair(EVP_EC_gen(curve.group));
        const auto key = Key::from_pem(pair.pem);
        ASSERT_TRUE(key) << key.error().message;
        const EVP_MD* const md = curve.half == 32   ? EVP_sha256()
                                 : curve.half == 48 ? EVP_sha384()
                                                    : EVP_sha512();
        const std::string der = pair.sign(md, "text", false);
        EXPECT_TRUE(key->verify(curve.algorithm, "text", joined(der, curve.half))) << curve.group;
        EXPECT_FALSE(key->verify(curve.algorithm, "text", der));
        for (const auto& other : kCurves)
            EXPECT_EQ(key->fits(other.algorithm), other.algorithm == curve.algorithm);
    }
}

TEST(JwtKey, RefusesKeysThatAreNone) {
    const Pair small(EVP_RSA_gen(1024));
    EXPECT_EQ(Key::from_pem(small.pem).error().message,
              "an RSA key of 1024 bits; at least 2048 are needed");
    const Pair other(EVP_EC_gen("secp256k1"));
    EXPECT_EQ(Key::from_pem(other.pem).error().message,
              "a key that is neither RSA, EC (P-256, P-384, P-521) nor Ed25519");
    EXPECT_EQ(Key::from_pem("hello").error().message, "not a public key or certificate in PEM");
    EXPECT_EQ(Key::from_pem("-----BEGIN PRIVATE KEY-----\n").error().message,
              "a private key: only the public one is needed here");
    EXPECT_FALSE(Key::from_ec("P-256", std::string(32, '\1'), std::string(32, '\1')));
    EXPECT_FALSE(Key::from_rsa("", "\1\0\1"));
    EXPECT_FALSE(Key::from_okp("Ed25519", "short"));
}

TEST(JwtKeySet, TakesWhatItCanUse) {
    const std::string ec(kEcSet.substr(10, kEcSet.size() - 13));
    const auto of = [&](const std::string& more) { return "{\"keys\":[{" + ec + more + "}]}"; };
    EXPECT_TRUE(parse_key_set(of("")));
    EXPECT_TRUE(parse_key_set(of(R"(,"use":"sig","key_ops":["verify"],"alg":"ES256")")));
    EXPECT_FALSE(parse_key_set(of(R"(,"use":"enc")")));
    EXPECT_FALSE(parse_key_set(of(R"(,"key_ops":["sign"])")));
    EXPECT_FALSE(parse_key_set(of(R"(,"alg":"ECDH-ES")")));
    const auto bound = parse_key_set(of(R"(,"alg":"ES384")"));
    ASSERT_TRUE(bound);
    EXPECT_FALSE(bound->front().fits(Algorithm::es256));
    // A secret is none when everybody can fetch it.
    EXPECT_FALSE(parse_key_set(R"({"keys":[{"kty":"oct","k":"AAAA"}]})"));
    for (const char* const garbage :
         {"", "[]", "{}", R"({"keys":1})", R"({"keys":[]})", R"({"keys":[1,null,{}]})", "<html>",
          R"({"keys":[{"kty":1,"n":[],"e":{}}]})"})
        EXPECT_FALSE(parse_key_set(garbage)) << garbage;
}

Token hmac_token(std::string_view header) {
    static std::vector<std::string> kept;
    kept.push_back(token_of("{}", header));
    auto token = parse_token(kept.back());
    EXPECT_TRUE(token);
    return std::move(*token);
}

TEST(JwtKeySet, ChoosesByIdAndKind) {
    std::vector<Key> keys;
    const auto add = [&](std::string_view secret, std::string id) {
        keys.push_back(std::move(*Key::from_secret(secret)));
        keys.back().id = std::move(id);
    };
    EXPECT_EQ(prove(hmac_token(R"({"alg":"HS256"})"), keys), Proof::unknown_key);
    add(std::string(32, 'x'), "old");
    add(kSecret, "new");
    EXPECT_EQ(prove(hmac_token(R"({"alg":"HS256","kid":"new"})"), keys), Proof::good);
    EXPECT_EQ(prove(hmac_token(R"({"alg":"HS256"})"), keys), Proof::good);
    EXPECT_EQ(prove(hmac_token(R"({"alg":"HS256","kid":"old"})"), keys), Proof::bad);
    EXPECT_EQ(prove(hmac_token(R"({"alg":"HS256","kid":"?"})"), keys), Proof::unknown_key);
    EXPECT_EQ(prove(hmac_token(R"({"alg":"RS256","kid":"new"})"), keys), Proof::unknown_key);
    // The secret is too short for it.
    EXPECT_EQ(prove(hmac_token(R"({"alg":"HS512","kid":"new"})"), keys), Proof::unknown_key);
}

TEST(JwtKeySet, ComputesFewSignaturesForOneToken) {
    std::vector<Key> keys;
    for (unsigned i = 0; i < kMaxTries; ++i)
        keys.push_back(std::move(*Key::from_secret(std::string(32, static_cast<char>('a' + i)))));
    keys.push_back(std::move(*Key::from_secret(kSecret)));
    EXPECT_EQ(prove(hmac_token(R"({"alg":"HS256"})"), keys), Proof::bad);
}

}  // namespace
}  // namespace glassgate::policy::jwt
