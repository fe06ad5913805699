#include "telemetry/pipeline/flood.h"

#include <functional>

namespace glassgate::telemetry {
namespace {

constexpr uint64_t kTickNs = 50 * kNsPerMs;

uint64_t key_of(model::EventKind kind, std::string_view route, std::string_view client) noexcept {
    constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio: spreads the bits
    uint64_t key = static_cast<uint64_t>(kind) + 1;
    key = key * kOdd + std::hash<std::string_view>{}(route);
    return key * kOdd + std::hash<std::string_view>{}(client);
}

}  // namespace

FloodTable::Flood& FloodTable::flood_of(model::EventKind kind, std::string_view route,
                                        std::string_view client, uint64_t now_ns) {
    uint64_t key = key_of(kind, route, client);
    const bool overflow = floods_.size() >= keys_max_ && !floods_.contains(key);
    if (overflow) key = static_cast<uint64_t>(kind);
    const auto [at, is_new] = floods_.try_emplace(key);
    if (is_new) {
        at->second.window_end_ns = now_ns + kWindowNs;
        at->second.overflow = overflow;
    }
    return at->second;
}

void FloodTable::show(Flood& flood) {
    flood.event.count = flood.count;
    flood.count = 0;
    emit_(flood.event);
}

void FloodTable::tick(uint64_t now_ns) {
    if (floods_.empty() || now_ns < next_tick_ns_) return;
    next_tick_ns_ = now_ns + kTickNs;
    for (auto at = floods_.begin(); at != floods_.end();) {
        Flood& flood = at->second;
        const bool over = now_ns >= flood.window_end_ns;
        if (over && flood.count == 0) {
            at = floods_.erase(at);
            continue;
        }
        if (over) {
            show(flood);
            flood.window_end_ns = now_ns + kWindowNs;
        }
        ++at;
    }
}

void FloodTable::flush() {
    for (auto& [key, flood] : floods_)
        if (flood.count != 0) show(flood);
    floods_.clear();
}

}  // namespace glassgate::telemetry
