// TicketKeys: the keys that seal session tickets (RFC 5077 §4, RFC 8446 §4.6.1), shared by all
// workers and by all generations of a listener's context.
//
// The newest key seals, older ones only open. Either made here and rotated by time, or read from a
// file that several gateways share. Any thread may do anything. A lock guards the keys: it is held
// for the copy of 80 bytes in a handshake that costs a thousand times as much.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace glassgate::io::tls {

struct TicketKey {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> mac_key;     // HMAC-SHA-256
    std::array<unsigned char, 32> cipher_key;  // AES-256-CBC
};

class TicketKeys {
public:
    static constexpr std::size_t kKeyBytes = 80;  // name, MAC key, cipher key: nginx's order

    // Random keys. A key seals for `rotation` and opens for `kept` - 1 rotations more, so a ticket
    // is good for at least lifetime().
    static std::shared_ptr<TicketKeys> make(std::chrono::seconds rotation = std::chrono::hours(1),
                                            std::size_t kept = 3);
    // Keys of 80 bytes each from a file: raw (openssl rand 80), or one key a line in base64
    // (openssl rand -base64 80 | tr -d '\n'). The first seals. To roll over on several gateways:
    // put the new key second everywhere, then first everywhere, then take the old one out.
    static Result<std::shared_ptr<TicketKeys>> from_file(
        std::string path, std::chrono::seconds lifetime = std::chrono::hours(2));
    ~TicketKeys();
    TicketKeys(const TicketKeys&) = delete;
    TicketKeys& operator=(const TicketKeys&) = delete;

    // How long tickets are to be accepted: what clients are told.
    [[nodiscard]] std::chrono::seconds lifetime() const noexcept { return lifetime_; }

    // Makes a new key if the newest is old enough, which counts from the first call; the mono
    // clock. Returns when to come again; 0: never, the keys are a file's.
    uint64_t rotate(uint64_t now_ns);
    // Reads the file anew; on an Error the keys stay. Nothing to do for random keys.
    Status reload();

    [[nodiscard]] TicketKey newest() const;
    struct Found {
        TicketKey key;
        bool newest = false;  // otherwise the client should get a new ticket
    };
    [[nodiscard]] std::optional<Found> find(const unsigned char (&name)[16]) const;

private:
    TicketKeys(std::string path, std::chrono::seconds rotation, std::size_t kept,
               std::chrono::seconds lifetime)
        : path_(std::move(path)), rotation_(rotation), kept_(kept), lifetime_(lifetime) {}

    const std::string path_;  // empty: random keys
    const std::chrono::seconds rotation_;
    const std::size_t kept_;
    const std::chrono::seconds lifetime_;
    mutable std::mutex mutex_;
    uint64_t next_rotation_ns_ = 0;  // guarded by mutex_
    std::vector<TicketKey> keys_;    // the newest first; never empty; guarded by mutex_
};

}  // namespace glassgate::io::tls
