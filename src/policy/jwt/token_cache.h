// Tokens whose signature and claims were found good, so that the next request with one costs a
// comparison. Bounded; one per policy instance, on one thread. A hit is a token equal to the last
// byte: the hash only finds the place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/sip_hash.h"

namespace glassgate::policy::jwt {

struct Verified {
    std::string token;
    uint64_t good_until_s = UINT64_MAX;  // Unix seconds
    std::vector<std::pair<std::string, std::string>> claims;
};

class TokenCache {
public:
    // 0: keeps nothing. Rounded up to a multiple of kWays.
    explicit TokenCache(std::size_t capacity);

    // Valid until the next put() or clear().
    [[nodiscard]] const Verified* find(std::string_view token, uint64_t wall_s) noexcept;
    // Takes the place of one that is over, or else of the one unused for longest.
    const Verified* put(Verified verified);
    void clear() noexcept;

private:
    static constexpr std::size_t kWays = 4;
    struct Slot {
        uint64_t hash = 0;
        uint64_t used = 0;  // 0: empty
        Verified verified;
    };
    [[nodiscard]] Slot* set_of(uint64_t hash) noexcept {
        return slots_.data() + hash % (slots_.size() / kWays) * kWays;
    }

    const shared::SipKey key_ = shared::SipKey::random();
    std::vector<Slot> slots_;
    uint64_t turn_ = 0;
    Verified last_;  // what put() returns when nothing is kept
};

}  // namespace glassgate::policy::jwt
