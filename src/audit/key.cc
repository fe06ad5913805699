#include "audit/key.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "audit/files.h"
#include "base/check.h"

namespace glassgate::audit {
namespace {

constexpr std::size_t kSignatureBytes = 64;
constexpr std::size_t kMaxKeyFileBytes = 1 << 20;

EVP_PKEY* pkey(const std::shared_ptr<void>& key) noexcept {
    return static_cast<EVP_PKEY*>(key.get());
}

std::shared_ptr<void> owned(EVP_PKEY* key) {
    return {key, [](EVP_PKEY* k) { EVP_PKEY_free(k); }};
}

struct BioDeleter {
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, BioDeleter>;

BioPtr reading(std::string_view text) {
    BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    GW_CHECK(bio != nullptr);
    return bio;
}

std::string taken_from(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

// Never asks on the terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

Status check_owner_only(const std::string& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return failure_errno("key " + path, errno);
    if (!S_ISREG(info.st_mode)) return failure("key " + path + " is not a regular file");
    if (info.st_uid != ::geteuid())
        return failure("key " + path + " belongs to another user: it must be this process's own");
    if ((info.st_mode & 077) != 0)
        return failure("key " + path + " can be used by others than its owner: chmod 600 " + path);
    return {};
}

}  // namespace

PublicKey::PublicKey(std::shared_ptr<void> key) : key_(std::move(key)) {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(pkey(key_), &der);
    GW_CHECK(size > 0);
    id_ = sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
    OPENSSL_free(der);
}

std::string PublicKey::pem() const {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    GW_CHECK(bio != nullptr && PEM_write_bio_PUBKEY(bio.get(), pkey(key_)) == 1);
    return taken_from(bio.get());
}

bool PublicKey::verifies(std::string_view message, std::string_view signature) const {
    if (signature.size() != kSignatureTextBytes || !signature.ends_with("==")) return false;
    unsigned char raw[kSignatureTextBytes / 4 * 3];
    const int size = EVP_DecodeBlock(raw, reinterpret_cast<const unsigned char*>(signature.data()),
                                     static_cast<int>(signature.size()));
    if (size != static_cast<int>(kSignatureBytes) + 2) return false;
    // One signature has one text: base64 could spell its last byte in sixteen ways.
    unsigned char again[kSignatureTextBytes + 1];
    EVP_EncodeBlock(again, raw, static_cast<int>(kSignatureBytes));
    if (signature != std::string_view(reinterpret_cast<const char*>(again), kSignatureTextBytes))
        return false;
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    GW_CHECK(context != nullptr);
    const bool good = EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, pkey(key_)) == 1 &&
                      EVP_DigestVerify(context, raw, kSignatureBytes,
                                       reinterpret_cast<const unsigned char*>(message.data()),
                                       message.size()) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return good;
}

Result<std::vector<PublicKey>> read_public_keys(std::string_view pem) {
    std::vector<PublicKey> keys;
    const BioPtr bio = reading(pem);
    while (EVP_PKEY* const key = PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr)) {
        std::shared_ptr<void> kept = owned(key);
        if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) return failure("a key that is not Ed25519");
        keys.push_back(PublicKey(std::move(kept)));
    }
    ERR_clear_error();
    if (keys.empty()) return failure("no public key (PEM, \"BEGIN PUBLIC KEY\") in it");
    return keys;
}

Result<std::vector<PublicKey>> load_public_keys(const std::string& path) {
    const std::string text = TRY(read_whole(path, kMaxKeyFileBytes));
    auto keys = read_public_keys(text);
    if (!keys) return failure(path + ": " + keys.error().message);
    return keys;
}

Result<SigningKey> SigningKey::load(const std::string& path) {
    TRY_STATUS(check_owner_only(path));
    const std::string text = TRY(read_whole(path, kMaxKeyFileBytes));
    const BioPtr bio = reading(text);
    EVP_PKEY* const key = PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr);
    ERR_clear_error();
    if (key == nullptr) return failure("key " + path + " is no private key (PKCS#8 PEM)");
    std::shared_ptr<void> kept = owned(key);
    if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) return failure("key " + path + " is not Ed25519");
    return SigningKey(std::move(kept));
}

Result<SigningKey> SigningKey::generate(const std::string& path) {
    EVP_PKEY* const key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    if (key == nullptr) return failure("cannot generate a key");
    std::shared_ptr<void> kept = owned(key);
    const BioPtr bio(BIO_new(BIO_s_mem()));
    GW_CHECK(bio != nullptr);
    GW_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr));
    TRY_STATUS(write_new_file(path, taken_from(bio.get()), 0600));
    return SigningKey(std::move(kept));
}

std::string SigningKey::sign(std::string_view message) const {
    unsigned char raw[kSignatureBytes];
    std::size_t size = sizeof raw;
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    GW_CHECK(context != nullptr);
    GW_CHECK(EVP_DigestSignInit(context, nullptr, nullptr, nullptr, pkey(key_)) == 1);
    GW_CHECK(EVP_DigestSign(context, raw, &size,
                            reinterpret_cast<const unsigned char*>(message.data()),
                            message.size()) == 1 &&
             size == sizeof raw);
    EVP_MD_CTX_free(context);
    unsigned char text[kSignatureTextBytes + 1];
    EVP_EncodeBlock(text, raw, static_cast<int>(size));
    return {reinterpret_cast<const char*>(text), kSignatureTextBytes};
}

}  // namespace glassgate::audit
