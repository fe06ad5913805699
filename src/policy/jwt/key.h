// A key that verifies signatures (OpenSSL 3). What it can verify follows from what it is: an RSA
// key never serves as the secret of an HMAC, nor an EC key for another curve's algorithm.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openssl/evp.h>

#include "base/result.h"
#include "policy/jwt/algorithm.h"

namespace glassgate::policy::jwt {

class Key {
public:
    enum class Kind : uint8_t { secret, rsa, p256, p384, p521, ed25519, ed448 };

    // A public key or a certificate (whose public key is taken; nothing else of it is looked at).
    // RSA of at least 2048 bits (RFC 7518 §3.3).
    [[nodiscard]] static Result<Key> from_pem(std::string_view pem);
    [[nodiscard]] static Result<Key> from_secret(std::string_view bytes);
    // Numbers as JWKs carry them: unsigned, big-endian.
    [[nodiscard]] static Result<Key> from_rsa(std::string_view n, std::string_view e);
    [[nodiscard]] static Result<Key> from_ec(std::string_view curve, std::string_view x,
                                             std::string_view y);
    [[nodiscard]] static Result<Key> from_okp(std::string_view curve, std::string_view x);

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    // Whether such a signature can be this key's, by its kind, size and the algorithm bound to it.
    [[nodiscard]] bool fits(Algorithm algorithm) const noexcept;
    // Any thread. `signature` as RFC 7518 §3.4 has it: r and s behind each other for EC.
    [[nodiscard]] bool verify(Algorithm algorithm, std::string_view input,
                              std::string_view signature) const;

    std::string id;                      // kid; may be empty
    std::optional<Algorithm> only_with;  // JWK's alg

private:
    struct Free {
        void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    };
    using Pkey = std::unique_ptr<EVP_PKEY, Free>;
    [[nodiscard]] static Result<Key> from_pkey(Pkey pkey);

    [[nodiscard]] bool verify_mac(Algorithm algorithm, std::string_view input,
                                  std::string_view signature) const;
    [[nodiscard]] bool verify_signature(Algorithm algorithm, std::string_view input,
                                        std::string_view signature) const;

    Kind kind_ = Kind::secret;
    std::string secret_;
    Pkey pkey_;
};

}  // namespace glassgate::policy::jwt
