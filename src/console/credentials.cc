#include "console/credentials.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>

#include "base/check.h"
#include "base/text.h"
#include "config/password_hash.h"
#include "http/base64.h"

namespace glassgate::console {
namespace {

using config::ScryptHash;

constexpr std::size_t kSaltBytes = 16, kTokenBytes = 32;
constexpr std::size_t kKnownMax = 1024;

std::string random_bytes(std::size_t size) {
    std::string bytes(size, '\0');
    GW_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) ==
             1);
    return bytes;
}

std::string sha256_hex(std::string_view text) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::string hex;
    for (const unsigned char byte : digest) {
        hex += "0123456789abcdef"[byte >> 4];
        hex += "0123456789abcdef"[byte & 15];
    }
    return hex;
}

bool same(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string stretch(std::string_view password, const ScryptHash& like) {
    std::string hash(config::kPasswordHashBytes, '\0');
    const uint64_t memory_max = (uint64_t{1} << 30) + (uint64_t{64} << 20);
    const int good = EVP_PBE_scrypt(
        password.data(), password.size(), reinterpret_cast<const unsigned char*>(like.salt.data()),
        like.salt.size(), uint64_t{1} << like.log2_n, like.r, like.p, memory_max,
        reinterpret_cast<unsigned char*>(hash.data()), hash.size());
    return good == 1 ? hash : std::string();
}

// The part behind "Basic " or "Bearer "; the scheme in any case.
std::optional<std::string_view> after_scheme(std::string_view header, std::string_view scheme) {
    if (header.size() <= scheme.size() || !iequals(header.substr(0, scheme.size()), scheme) ||
        header[scheme.size()] != ' ')
        return std::nullopt;
    return trim_ows(header.substr(scheme.size()));
}

}  // namespace

Result<std::string> hash_password(std::string_view password) {
    if (password.empty()) return failure("the password is empty");
    ScryptHash hash;
    hash.salt = random_bytes(kSaltBytes);
    hash.hash = stretch(password, hash);
    if (hash.hash.empty()) return failure("scrypt failed");
    std::string text = "scrypt:" + std::to_string(hash.log2_n) + ":" + std::to_string(hash.r) +
                       ":" + std::to_string(hash.p) + ":";
    http::append_base64(text, hash.salt);
    text += ':';
    http::append_base64(text, hash.hash);
    return text;
}

Result<NewToken> make_token() {
    NewToken made;
    http::append_base64url(made.token, random_bytes(kTokenBytes));
    made.hash = "sha256:" + sha256_hex(made.token);
    return made;
}

Credentials::Credentials(std::vector<config::ConsoleCredential> all)
    : all_(std::move(all)), key_(random_bytes(config::kPasswordHashBytes)) {}

std::string Credentials::digest(std::string_view authorization) const {
    std::string mac(SHA256_DIGEST_LENGTH, '\0');
    unsigned size = SHA256_DIGEST_LENGTH;
    HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
         reinterpret_cast<const unsigned char*>(authorization.data()), authorization.size(),
         reinterpret_cast<unsigned char*>(mac.data()), &size);
    return mac;
}

std::optional<Credentials::User> Credentials::recall(std::string_view authorization) const {
    const std::string key = digest(authorization);
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(key);
    return found == known_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Credentials::User> Credentials::check(std::string_view authorization) {
    std::optional<User> user;
    if (const auto basic = after_scheme(authorization, "basic"))
        user = check_basic(*basic);
    else if (const auto token = after_scheme(authorization, "bearer"))
        user = check_bearer(*token);
    if (!user) return std::nullopt;
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kKnownMax) known_.clear();
    known_.emplace(digest(authorization), *user);
    return user;
}

std::optional<Credentials::User> Credentials::check_basic(std::string_view encoded) const {
    std::string decoded;
    if (!http::decode_base64(encoded, decoded)) return std::nullopt;
    const std::size_t colon = decoded.find(':');
    if (colon == std::string::npos) return std::nullopt;
    const std::string_view name = std::string_view(decoded).substr(0, colon);
    const std::string_view password = std::string_view(decoded).substr(colon + 1);
    const config::ConsoleCredential* named = nullptr;
    const config::ConsoleCredential* other = nullptr;
    for (const config::ConsoleCredential& c : all_) {
        if (c.password.empty()) continue;
        other = &c;
        if (c.name == name) named = &c;
    }
    // For an unknown name another's hash is computed: the time must not tell which names exist.
    const config::ConsoleCredential* const used = named != nullptr ? named : other;
    if (used == nullptr) return std::nullopt;
    const auto expected = config::parse_password_hash(used->password);
    if (!expected) return std::nullopt;
    const bool right = same(stretch(password, *expected), expected->hash);
    if (named == nullptr || !right) return std::nullopt;
    return User{named->name, named->role};
}

std::optional<Credentials::User> Credentials::check_bearer(std::string_view token) const {
    const std::string hash = "sha256:" + sha256_hex(token);
    for (const config::ConsoleCredential& c : all_)
        if (!c.token.empty() && same(c.token, hash)) return User{c.name, c.role};
    return std::nullopt;
}

}  // namespace glassgate::console
