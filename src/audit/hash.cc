#include "audit/hash.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/check.h"
#include "base/ids.h"

namespace glassgate::audit {
namespace {

// Looked up once: OpenSSL 3 searches its providers at each EVP_sha256() use otherwise.
const EVP_MD* algorithm() noexcept {
    static EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    GW_CHECK(fetched != nullptr);
    return fetched;
}

EVP_MD_CTX* context_of(void* context) noexcept { return static_cast<EVP_MD_CTX*>(context); }

Sha256& of_this_thread() {
    thread_local Sha256 hasher;
    return hasher;
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
    GW_CHECK(context_ != nullptr);
    GW_CHECK(EVP_DigestInit_ex2(context_of(context_), algorithm(), nullptr) == 1);
}
Sha256::~Sha256() { EVP_MD_CTX_free(context_of(context_)); }

void Sha256::add(std::string_view piece) noexcept {
    GW_CHECK(EVP_DigestUpdate(context_of(context_), piece.data(), piece.size()) == 1);
}

Hash Sha256::finish() noexcept {
    Hash hash;
    unsigned size = 0;
    GW_CHECK(EVP_DigestFinal_ex(context_of(context_), hash.data(), &size) == 1 && size == 32);
    GW_CHECK(EVP_DigestInit_ex2(context_of(context_), nullptr, nullptr) == 1);
    return hash;
}

Hash sha256(std::string_view a) noexcept { return sha256(a, {}, {}); }
Hash sha256(std::string_view a, std::string_view b) noexcept { return sha256(a, b, {}); }
Hash sha256(std::string_view a, std::string_view b, std::string_view c) noexcept {
    Sha256& hasher = of_this_thread();
    hasher.add(a);
    if (!b.empty()) hasher.add(b);
    if (!c.empty()) hasher.add(c);
    return hasher.finish();
}

void append_hex(std::string& out, const Hash& hash) {
    char digits[kHashHexBytes];
    write_hex(digits, hash.data(), hash.size());
    out.append(digits, sizeof digits);
}

std::string hex(const Hash& hash) {
    std::string out;
    append_hex(out, hash);
    return out;
}

std::optional<Hash> parse_hash(std::string_view text) noexcept {
    Hash hash;
    const bool lower = std::none_of(text.begin(), text.end(),
                                    [](char c) { return c < '0' || (c > '9' && c < 'a'); });
    if (text.size() != kHashHexBytes || !lower) return std::nullopt;
    if (!read_hex(text, hash.data(), hash.size())) return std::nullopt;
    return hash;
}

}  // namespace glassgate::audit
