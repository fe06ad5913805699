#include "io/tls/ticket_keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "io/tls/pem.h"

namespace glassgate::io::tls {
namespace {

constexpr std::size_t kFileKeysMax = 16;

TicketKey random_key() {
    TicketKey key;
    GW_CHECK(RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) == 1);
    GW_CHECK(RAND_priv_bytes(key.mac_key.data(), static_cast<int>(key.mac_key.size())) == 1);
    GW_CHECK(RAND_priv_bytes(key.cipher_key.data(), static_cast<int>(key.cipher_key.size())) == 1);
    return key;
}

TicketKey key_of(std::string_view bytes) {
    TicketKey key;
    std::memcpy(key.name.data(), bytes.data(), 16);
    std::memcpy(key.mac_key.data(), bytes.data() + 16, 32);
    std::memcpy(key.cipher_key.data(), bytes.data() + 48, 32);
    return key;
}

void wipe(std::vector<TicketKey>& keys) noexcept {
    OPENSSL_cleanse(keys.data(), keys.size() * sizeof(TicketKey));
    keys.clear();
}

std::string_view trim_line(std::string_view line) noexcept {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    return line;
}

// 80 bytes in base64 are 108 characters, one of them padding.
bool key_of_line(std::string_view line, std::vector<TicketKey>& keys) {
    constexpr std::size_t kLine = 108;
    if (line.size() != kLine) return false;
    unsigned char bytes[kLine];
    const int size = EVP_DecodeBlock(bytes, reinterpret_cast<const unsigned char*>(line.data()),
                                     static_cast<int>(line.size()));
    const bool good = size == 81 && line.ends_with('=') && !line.ends_with("==");
    if (good) keys.push_back(key_of({reinterpret_cast<const char*>(bytes), TicketKeys::kKeyBytes}));
    OPENSSL_cleanse(bytes, sizeof bytes);
    return good;
}

// False when a line is not a key.
bool keys_of_lines(std::string_view text, std::vector<TicketKey>& keys) {
    while (!text.empty()) {
        const auto end = text.find('\n');
        const std::string_view line = trim_line(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (!line.empty() && !key_of_line(line, keys)) return false;
    }
    return !keys.empty();
}

Result<std::vector<TicketKey>> read_keys(const std::string& path) {
    std::string bytes = TRY(read_small_file(path));
    std::vector<TicketKey> keys;
    keys.reserve(kFileKeysMax);  // no copies left behind by growth
    bool good = bytes.size() <= 112 * kFileKeysMax;
    if (good && !keys_of_lines(bytes, keys)) {
        wipe(keys);
        good = !bytes.empty() && bytes.size() % TicketKeys::kKeyBytes == 0;
        for (std::size_t at = 0; good && at < bytes.size(); at += TicketKeys::kKeyBytes)
            keys.push_back(key_of(std::string_view(bytes).substr(at, TicketKeys::kKeyBytes)));
    }
    OPENSSL_cleanse(bytes.data(), bytes.size());
    if (keys.size() > kFileKeysMax) {
        wipe(keys);
        good = false;
    }
    if (!good)
        return failure("file " + path +
                       " does not hold session ticket keys: expected 1 to 16 keys of 80 bytes, raw "
                       "or one a line in base64");
    return keys;
}

}  // namespace

std::shared_ptr<TicketKeys> TicketKeys::make(std::chrono::seconds rotation, std::size_t kept) {
    GW_CHECK(rotation.count() > 0 && kept >= 2);
    std::shared_ptr<TicketKeys> keys(
        new TicketKeys({}, rotation, kept, rotation * static_cast<int64_t>(kept - 1)));
    keys->keys_.reserve(kept + 1);
    keys->keys_.push_back(random_key());
    return keys;
}

Result<std::shared_ptr<TicketKeys>> TicketKeys::from_file(std::string path,
                                                          std::chrono::seconds lifetime) {
    std::vector<TicketKey> read = TRY(read_keys(path));
    std::shared_ptr<TicketKeys> keys(
        new TicketKeys(std::move(path), std::chrono::seconds(0), 0, lifetime));
    keys->keys_ = std::move(read);
    return keys;
}

TicketKeys::~TicketKeys() { wipe(keys_); }

uint64_t TicketKeys::rotate(uint64_t now_ns) {
    if (!path_.empty()) return 0;
    const auto period_ns = static_cast<uint64_t>(std::chrono::nanoseconds(rotation_).count());
    const std::lock_guard lock(mutex_);
    if (next_rotation_ns_ == 0) next_rotation_ns_ = now_ns + period_ns;
    if (now_ns < next_rotation_ns_) return next_rotation_ns_;
    next_rotation_ns_ = now_ns + period_ns;
    const TicketKey fresh = random_key();
    keys_.insert(keys_.begin(), fresh);
    if (keys_.size() > kept_) {
        OPENSSL_cleanse(&keys_.back(), sizeof(TicketKey));
        keys_.pop_back();
    }
    return next_rotation_ns_;
}

Status TicketKeys::reload() {
    if (path_.empty()) return {};
    std::vector<TicketKey> read = TRY(read_keys(path_));
    const std::lock_guard lock(mutex_);
    keys_.swap(read);
    wipe(read);
    return {};
}

TicketKey TicketKeys::newest() const {
    const std::lock_guard lock(mutex_);
    return keys_.front();
}

std::optional<TicketKeys::Found> TicketKeys::find(const unsigned char (&name)[16]) const {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < keys_.size(); ++i)
        if (std::memcmp(keys_[i].name.data(), name, sizeof name) == 0)
            return Found{keys_[i], i == 0};
    return std::nullopt;
}

}  // namespace glassgate::io::tls
