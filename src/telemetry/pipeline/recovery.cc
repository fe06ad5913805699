#include "telemetry/pipeline/recovery.h"

#include <algorithm>
#include <bit>
#include <cstdio>

namespace glassgate::telemetry {
namespace {

constexpr uint64_t kForgetSeconds = 600;
constexpr unsigned kFirstOctave = 6;  // 64 us

std::string percent(double share) {
    char text[16];
    std::snprintf(text, sizeof text, "%.1f%%", share * 100);
    return text;
}

// The middle of a bucket, in milliseconds, rounded up.
uint64_t bucket_ms(std::size_t bucket) noexcept {
    const unsigned octave = static_cast<unsigned>(bucket / 4) + kFirstOctave;
    const uint64_t quarter = (uint64_t{1} << octave) / 4;
    const uint64_t us = (uint64_t{1} << octave) + quarter * (bucket % 4) + quarter / 2;
    return (us + 999) / 1000;
}

}  // namespace

std::size_t RecoveryWatch::bucket_of(uint64_t ns) noexcept {
    const uint64_t us = std::max<uint64_t>(ns / 1000, 1u << kFirstOctave);
    const unsigned octave = static_cast<unsigned>(std::bit_width(us)) - 1;
    const std::size_t quarter = (us >> (octave - 2)) & 3;
    return std::min<std::size_t>((octave - kFirstOctave) * 4 + quarter, kLatencyBuckets - 1);
}

RecoveryWatch::Route* RecoveryWatch::route_of(const model::Exchange& x) {
    if (names_ != x.names || generation_ != x.names->generation) {
        names_ = x.names;
        generation_ = x.names->generation;
        by_index_.assign(x.names->routes.size(), nullptr);
    }
    if (x.route >= by_index_.size()) return nullptr;
    Route*& route = by_index_[x.route];
    if (route != nullptr) return route;
    const std::string& id = x.names->routes[x.route].id;
    if (!routes_.contains(id) && routes_.size() >= kRoutesMax) return nullptr;
    std::unique_ptr<Route>& owned = routes_[id];
    if (owned == nullptr) owned = std::make_unique<Route>();
    owned->id = id;
    return route = owned.get();
}

void RecoveryWatch::note(const model::Exchange& x, uint64_t now_ns) {
    const uint64_t now_s = now_ns / kNsPerSecond;
    if (now_s != second_) advance(now_s);
    Route* const route = route_of(x);
    if (route == nullptr) return;
    const std::size_t at = second_ % kWindowSeconds;
    route->last_seen_s = second_;
    ++route->seconds[at].requests;
    if (x.failed()) {
        ++route->seconds[at].errors;
        if (route->latencies == nullptr)
            route->latencies = std::make_unique<std::array<Latencies, kWindowSeconds>>();
    }
    if (route->latencies != nullptr) ++(*route->latencies)[at][bucket_of(x.latency_ns())];
}

// Judges the seconds that are complete, and makes room for the one that begins.
void RecoveryWatch::advance(uint64_t now_s) {
    const uint64_t passed = std::min<uint64_t>(now_s - second_, kWindowSeconds);
    second_ = now_s;
    for (auto& [id, route] : routes_) {
        judge(*route);
        for (uint64_t i = 0; i < passed; ++i) {
            const std::size_t at = (now_s - i) % kWindowSeconds;
            route->seconds[at] = {};
            if (route->latencies != nullptr) (*route->latencies)[at] = {};
        }
    }
    const auto forgotten = std::erase_if(routes_, [now_s](const auto& entry) {
        return entry.second->last_seen_s + kForgetSeconds < now_s;
    });
    if (forgotten != 0) names_ = nullptr;
}

void RecoveryWatch::tick(uint64_t now_ns) {
    if (now_ns / kNsPerSecond != second_) advance(now_ns / kNsPerSecond);
}

void RecoveryWatch::judge(Route& route) {
    uint64_t requests = 0, errors = 0;
    for (const Second& second : route.seconds) {
        requests += second.requests;
        errors += second.errors;
    }
    if (requests == 0) {  // nothing is known: that is no recovery
        route.state = State::calm;
        route.latencies.reset();
    }
    if (requests < kRequestsMin) return;
    const double rate = static_cast<double>(errors) / static_cast<double>(requests);
    switch (route.state) {
        case State::calm:
            if (rate <= kHigh) return;
            route.state = State::high;
            route.extreme = rate;
            return;
        case State::high:
            route.extreme = std::max(route.extreme, rate);
            if (rate >= route.extreme / 2) return;
            tell(route, rate);
            route.state = State::recovering;
            route.extreme = rate;
            return;
        case State::recovering:
            route.extreme = std::min(route.extreme, rate);
            if (rate < kTarget) {
                route.state = State::calm;
            } else if (rate > kHigh && rate > 2 * route.extreme) {  // worse again: a new episode
                route.state = State::high;
                route.extreme = rate;
            }
    }
}

uint64_t RecoveryWatch::p99_ms(const Route& route) noexcept {
    Latencies sum{};
    uint64_t total = 0;
    if (route.latencies == nullptr) return 0;
    for (const Latencies& second : *route.latencies)
        for (std::size_t i = 0; i < sum.size(); ++i) {
            sum[i] += second[i];
            total += second[i];
        }
    uint64_t above = 0;
    for (std::size_t i = sum.size(); i-- > 0;) {
        above += sum[i];
        if (above * 100 > total) return bucket_ms(i);
    }
    return 0;
}

void RecoveryWatch::tell(const Route& route, double rate) {
    model::Event event(model::EventKind::error_rate_recovering, wall_now_ns());
    event.with("route", std::string_view(route.id).substr(0, 96))
        .with("error_rate", percent(rate))
        .with("target", "<1%")
        .with("p99_ms", static_cast<int64_t>(p99_ms(route)));
    emit_(event);
}

}  // namespace glassgate::telemetry
