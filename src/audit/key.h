// Ed25519 keys (RFC 8032): the one that signs checkpoints, and the public ones that check.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "audit/hash.h"
#include "base/result.h"

namespace glassgate::audit {

inline constexpr std::size_t kSignatureTextBytes = 88;  // base64 of 64 bytes

class PublicKey {
public:
    // SHA-256 of the SubjectPublicKeyInfo: names the key in checkpoints.
    [[nodiscard]] const Hash& id() const noexcept { return id_; }
    [[nodiscard]] std::string pem() const;
    // `signature`: base64 as signed; anything else is false.
    [[nodiscard]] bool verifies(std::string_view message, std::string_view signature) const;

private:
    friend class SigningKey;
    friend Result<std::vector<PublicKey>> read_public_keys(std::string_view pem);
    explicit PublicKey(std::shared_ptr<void> key);
    std::shared_ptr<void> key_;  // EVP_PKEY
    Hash id_{};
};

// One or more PEM blocks; each must be an Ed25519 public key.
[[nodiscard]] Result<std::vector<PublicKey>> read_public_keys(std::string_view pem);
[[nodiscard]] Result<std::vector<PublicKey>> load_public_keys(const std::string& path);

class SigningKey {
public:
    // PKCS#8 PEM. Refused when it belongs to somebody else, or when its group or others may read or
    // write it: who can read the key can forge the log.
    static Result<SigningKey> load(const std::string& path);
    // A new one, written with mode 0600; fails when the file exists.
    static Result<SigningKey> generate(const std::string& path);

    [[nodiscard]] const PublicKey& public_key() const noexcept { return public_; }
    [[nodiscard]] std::string sign(std::string_view message) const;  // base64

private:
    explicit SigningKey(std::shared_ptr<void> key) : key_(key), public_(std::move(key)) {}
    std::shared_ptr<void> key_;
    PublicKey public_;
};

}  // namespace glassgate::audit
