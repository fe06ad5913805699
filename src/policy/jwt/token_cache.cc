#include "policy/jwt/token_cache.h"

namespace glassgate::policy::jwt {

TokenCache::TokenCache(std::size_t capacity) : slots_((capacity + kWays - 1) / kWays * kWays) {}

const Verified* TokenCache::find(std::string_view token, uint64_t wall_s) noexcept {
    if (slots_.empty()) return nullptr;
    const uint64_t hash = shared::sip_hash_128(key_, token).low;
    Slot* const set = set_of(hash);
    for (std::size_t i = 0; i < kWays; ++i) {
        Slot& slot = set[i];
        if (slot.used == 0 || slot.hash != hash || slot.verified.token != token) continue;
        if (wall_s >= slot.verified.good_until_s) {
            slot = {};
            return nullptr;
        }
        slot.used = ++turn_;
        return &slot.verified;
    }
    return nullptr;
}

const Verified* TokenCache::put(Verified verified) {
    if (slots_.empty()) {
        last_ = std::move(verified);
        return &last_;
    }
    const uint64_t hash = shared::sip_hash_128(key_, verified.token).low;
    Slot* const set = set_of(hash);
    Slot* place = set;
    for (std::size_t i = 0; i < kWays; ++i) {
        if (set[i].used != 0 && set[i].hash == hash && set[i].verified.token == verified.token) {
            place = &set[i];
            break;
        }
        if (set[i].used < place->used) place = &set[i];
    }
    *place = {hash, ++turn_, std::move(verified)};
    return &place->verified;
}

void TokenCache::clear() noexcept {
    for (Slot& slot : slots_) slot = {};
}

}  // namespace glassgate::policy::jwt
