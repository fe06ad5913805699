#include "http/message.h"

#include <array>
#include <cstring>

#include "base/text.h"

namespace glassgate::http {
namespace {

struct Row {
    std::string_view name;
    KnownHeader known;
};
using enum KnownHeader;
constexpr Row kRows[] = {
    {"host", host},
    {"connection", connection},
    {"keep-alive", keep_alive},
    {"proxy-connection", proxy_connection},
    {"proxy-authenticate", proxy_authenticate},
    {"proxy-authorization", proxy_authorization},
    {"transfer-encoding", transfer_encoding},
    {"content-length", content_length},
    {"te", te},
    {"trailer", trailer},
    {"upgrade", upgrade},
    {"expect", expect},
    {"via", via},
    {"forwarded", forwarded},
    {"x-forwarded-for", x_forwarded_for},
    {"x-forwarded-proto", x_forwarded_proto},
    {"x-forwarded-host", x_forwarded_host},
    {"x-request-id", x_request_id},
    {"traceparent", traceparent},
    {"tracestate", tracestate},
    {"b3", b3},
    {"x-b3-traceid", x_b3_traceid},
    {"x-b3-spanid", x_b3_spanid},
    {"x-b3-parentspanid", x_b3_parentspanid},
    {"x-b3-sampled", x_b3_sampled},
    {"x-b3-flags", x_b3_flags},
    {"authorization", authorization},
    {"cookie", cookie},
    {"set-cookie", set_cookie},
    {"user-agent", user_agent},
    {"content-type", content_type},
    {"server", server},
    {"date", date},
    {"client_id", client_id},
    {"client_secret", client_secret},
    {"max-forwards", max_forwards},
    {"x-ratelimit-limit", x_ratelimit_limit},
    {"x-ratelimit-remaining", x_ratelimit_remaining},
    {"x-ratelimit-reset", x_ratelimit_reset},
    {"retry-after", retry_after},
    {"x-real-ip", x_real_ip},
    {"http2-settings", http2_settings},
};

static_assert(std::size(kRows) + 1 == kKnownHeaderCount);

// A perfect hash over length, first, third-last and last character: one look-up and one comparison
// decide about any name. The seed is found by the compiler.
constexpr std::size_t kSlots = 256;

constexpr uint32_t key_of(std::string_view name) {
    const auto lower = [&](std::size_t i) {
        return static_cast<uint32_t>(static_cast<unsigned char>(name[i]) | 0x20u);
    };
    const std::size_t third = name.size() < 3 ? 0 : name.size() - 3;
    return lower(0) | lower(third) << 8 | lower(name.size() - 1) << 16 |
           static_cast<uint32_t>(name.size()) << 24;
}
constexpr std::size_t slot_of(std::string_view name, uint32_t seed) {
    return (key_of(name) * seed) >> 24;
}

constexpr bool fits(uint32_t seed) {
    bool taken[kSlots] = {};
    for (const Row& row : kRows) {
        bool& slot = taken[slot_of(row.name, seed)];
        if (slot) return false;
        slot = true;
    }
    return true;
}
constexpr uint32_t kSeed = [] {
    uint32_t seed = 0x9e3779b1u;
    while (!fits(seed)) seed += 2;
    return seed;
}();
constexpr std::array<uint8_t, kSlots> kSlotRows = [] {  // 0: none, else index + 1
    std::array<uint8_t, kSlots> slots{};
    for (std::size_t i = 0; i < std::size(kRows); ++i)
        slots[slot_of(kRows[i].name, kSeed)] = static_cast<uint8_t>(i + 1);
    return slots;
}();

template <typename Word>
bool same_word(const char* a, const char* b) noexcept {
    Word left, right;
    std::memcpy(&left, a, sizeof left);
    std::memcpy(&right, b, sizeof right);
    constexpr Word kLower = static_cast<Word>(0x2020202020202020u);
    return (left | kLower) == (right | kLower);
}

// Equal but for case. Setting bit 5 maps no two token characters of these names onto each other.
bool same_name(std::string_view name, std::string_view row) noexcept {
    const std::size_t size = row.size();
    if (name.size() != size) return false;
    if (size < 4) return iequals(name, row);
    if (size < 8)
        return same_word<uint32_t>(name.data(), row.data()) &&
               same_word<uint32_t>(name.data() + size - 4, row.data() + size - 4);
    for (std::size_t i = 0; i + 8 < size; i += 8)
        if (!same_word<uint64_t>(name.data() + i, row.data() + i)) return false;
    return same_word<uint64_t>(name.data() + size - 8, row.data() + size - 8);
}

}  // namespace

KnownHeader known_header(std::string_view name) noexcept {
    if (name.empty()) return other;
    const uint8_t slot = kSlotRows[slot_of(name, kSeed)];
    if (slot == 0 || !same_name(name, kRows[slot - 1].name)) return other;
    return kRows[slot - 1].known;
}

std::string_view find(const HeaderList& headers, KnownHeader known) noexcept {
    for (const HeaderField& field : headers)
        if (field.known == known) return field.value;
    return {};
}

std::string_view find(const HeaderList& headers, std::string_view name) noexcept {
    for (const HeaderField& field : headers)
        if (iequals(field.name, name)) return field.value;
    return {};
}

}  // namespace glassgate::http
