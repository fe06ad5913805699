#include "gateway/demo/scenario.h"

#include <algorithm>
#include <cmath>

#include "base/ids.h"

namespace glassgate::gateway::demo {
namespace {

// Watchers look at the sale again and again, a little more often than the limit allows: 110 a
// minute. Each has used most of its 100 when the hotfix comes, and more than 50.
constexpr double kWatchersAtFullScale = 850;
constexpr double kWatcherPerMinute = 110;
// Bots and partners' jobs that ask far more often than they may and do not care about a 429.
constexpr double kBotsAtFullScale = 20;
constexpr double kBotSlowestPerMinute = 200, kBotFastestPerMinute = 520;

std::string numbered(std::string_view prefix, uint64_t salt, unsigned index) {
    // Ids that look like ids: four hex digits, different for each index.
    char digits[5];
    const auto mixed = static_cast<uint16_t>((index * 40503u) ^ salt);
    constexpr char kHex[] = "0123456789abcdef";
    for (int i = 0; i < 4; ++i) digits[i] = kHex[mixed >> (12 - 4 * i) & 15];
    return std::string(prefix) + std::string(digits, 4);
}

void add_pollers(Scenario& s, Random& random) {
    const double per_client = 60 / s.speed;  // a minute of the story, in seconds
    s.pollers.push_back({std::string(kRunawayClient), std::string(kRunawayAgent), 0, 5 / s.speed,
                         0.070 / s.speed, false});
    const auto bots = static_cast<unsigned>(std::max(3.0, kBotsAtFullScale * s.scale / s.speed));
    for (unsigned i = 0; i < bots; ++i) {
        const double share = bots == 1 ? 1 : static_cast<double>(i) / (bots - 1);
        const double per_minute =
            kBotFastestPerMinute + share * (kBotSlowestPerMinute - kBotFastestPerMinute);
        s.pollers.push_back({numbered("bot-", 0x91aa, i), "price-bot/2.1",
                             random.unit() * 5 / s.speed, per_client / 12, per_client / per_minute,
                             false});
    }
    const auto watchers =
        static_cast<unsigned>(std::lround(kWatchersAtFullScale * s.scale / s.speed));
    for (unsigned i = 0; i < watchers; ++i)
        s.pollers.push_back({numbered("app-", 0x3c07, i), "mobile-app v3.1",
                             s.sale_s + random.unit() * s.ramp_s, 0, per_client / kWatcherPerMinute,
                             true});
}

double polled_per_second(const Scenario& s) {
    double sum = 0;
    for (const Poller& p : s.pollers) sum += 1 / p.sale_period_s;
    return sum;
}

}  // namespace

std::string_view to_text(Phase phase) noexcept {
    constexpr std::string_view kNames[] = {"baseline", "flash sale", "hotfix", "afterwards"};
    return kNames[static_cast<std::size_t>(phase)];
}

Phase Scenario::phase(double t_s) const noexcept {
    if (t_s < sale_s) return Phase::baseline;
    if (t_s < hotfix_s) return Phase::flash_sale;
    return t_s < end_s ? Phase::hotfix : Phase::afterwards;
}

double Scenario::sale_share(double t_s) const noexcept {
    return std::clamp((t_s - sale_s) / ramp_s, 0.0, 1.0) -
           std::clamp((t_s - end_s) / ramp_s, 0.0, 1.0);
}

ShopperRates Scenario::shoppers(double t_s) const noexcept {
    const double share = sale_share(t_s);
    ShopperRates rates{};
    for (const EndpointRow& row : kEndpoints) {
        double sale = row.sale_per_second * scale;
        const double calm = sale / kSaleFactor;
        if (row.endpoint == Endpoint::products) sale -= polled_per_second(*this);
        rates.per_second[static_cast<std::size_t>(row.endpoint)] =
            std::max(0.0, calm + share * (sale - calm));
    }
    return rates;
}

Scenario make_scenario(double speed, double scale, uint64_t seed) {
    Random random(seed);
    Scenario s{};
    s.speed = speed;
    s.scale = scale;
    s.sale_s = 20 / speed;
    s.ramp_s = 4 / speed;
    s.hotfix_s = 72 / speed;
    s.end_s = 120 / speed;
    s.upstream_timeout_ms = static_cast<uint32_t>(std::lround(5000 / speed));
    s.breaker_open_ms = static_cast<uint32_t>(std::lround(500 / speed));
    s.minute_ms = static_cast<uint32_t>(std::lround(60'000 / speed));
    s.come_back_spread_s = 60 / speed;
    s.alert_divisor = 20 * speed;
    s.window_s = std::max(3.0, std::round(15 / speed));
    s.shopper_ids = static_cast<uint32_t>(std::max(50.0, 4000 * scale));
    add_pollers(s, random);

    ProductServiceFigures& product = s.product_service;
    product.capacity_per_second = 2900 * scale;
    product.smoothing_s = std::max(3 / speed, 0.6);
    product.rise_s = 10 / speed;
    product.fall_s = 12 / speed;
    product.stall_pressure = 0.7;
    // A stall shows as timeouts when the circuit has closed again after the one before, so that it
    // opens once for each. Not much more often: the circuit stays open for as long as its probe
    // takes, which is not compressed, and the share of errors would be another one.
    product.stall_period_s = std::max(5.5 / speed + 2, 3.2);
    product.stall_requests =
        static_cast<uint32_t>(std::max(16.0, 0.0045 * 2840 * scale * product.stall_period_s));
    return s;
}

}  // namespace glassgate::gateway::demo
