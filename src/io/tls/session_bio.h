// The BIO between OpenSSL and a session, and the memory a thread's sessions share while they work.
#pragma once

#include <array>

#include "io/tls/openssl.h"

namespace glassgate::io::tls {

struct PeerNotes;

constexpr std::size_t kRecordPlainMax = 16 * 1024;  // RFC 8446 §5.1
constexpr std::size_t kRecordWireMax = kRecordPlainMax + 256 + 5;
constexpr std::size_t kGatheredRecords = 4;

// Used within one call of a session, empty between calls.
struct SessionScratch {
    std::array<char, kRecordPlainMax> plain;                   // parts put together to one record
    std::array<char, kGatheredRecords * kRecordWireMax> wire;  // records to be sent at once
    std::size_t wire_bytes = 0;

    static SessionScratch& of_thread();
};

// A new BIO whose reads and writes are those of the notes' session.
[[nodiscard]] BIO* new_session_bio(PeerNotes& notes) noexcept;

}  // namespace glassgate::io::tls
