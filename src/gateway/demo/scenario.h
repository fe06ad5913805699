// Scenario: the incident as data. When each phase begins, how much of which traffic arrives, which
// clients poll how often, how the product service behaves under load. The reasons for the figures
// are in docs/incident.md. All times are seconds of real time since the clients started.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace glassgate::gateway::demo {

enum class Endpoint : uint8_t { products, product, cart, checkout, health };
inline constexpr std::size_t kEndpointCount = 5;

struct EndpointRow {
    Endpoint endpoint;
    std::string_view label;  // as the route table writes it: method and pattern
    double sale_per_second;  // at the height of the sale, all clients together
};
inline constexpr std::array<EndpointRow, kEndpointCount> kEndpoints{{
    {Endpoint::products, "GET /api/products", 2840},
    {Endpoint::product, "GET /api/products/:id", 780},
    {Endpoint::cart, "POST /api/cart", 145},
    {Endpoint::checkout, "POST /api/checkout", 82},
    {Endpoint::health, "GET /health", 12},
}};
inline constexpr double kSaleFactor = 2.7;

enum class Phase : uint8_t { baseline, flash_sale, hotfix, afterwards };
[[nodiscard]] std::string_view to_text(Phase phase) noexcept;

// Shoppers: many clients with a few requests each, as one Poisson stream per endpoint.
struct ShopperRates {
    std::array<double, kEndpointCount> per_second;
};

// A client that asks for GET /api/products again and again.
struct Poller {
    std::string client_id;
    std::string user_agent;
    double start_s = 0;        // its first request
    double calm_period_s = 0;  // before the sale; 0: not there yet
    double sale_period_s = 1;
    bool heeds_429 = true;  // waits for Retry-After, then comes back some time later
};

struct ProductServiceFigures {
    double capacity_per_second;  // above this load pressure grows, below it falls
    double smoothing_s;          // of the load
    double rise_s, fall_s;       // from no pressure to full, and back
    double stall_pressure;       // from this pressure on it stalls now and then
    double stall_period_s;
    uint32_t stall_requests;  // this many in a row are never answered
};

struct Scenario {
    double speed = 1;
    double scale = 1;
    double sale_s, ramp_s, hotfix_s, end_s;
    uint32_t upstream_timeout_ms, breaker_open_ms;
    uint32_t minute_ms;         // the rate limit's minute: 60,000 unless the story is faster
    double come_back_spread_s;  // who was refused comes back within this after the window's end
    double alert_divisor;       // the rules' five minutes are 300 s divided by this
    double window_s;            // of the tiles and the route table
    ProductServiceFigures product_service;
    uint32_t shopper_ids;
    std::vector<Poller> pollers;

    [[nodiscard]] Phase phase(double t_s) const noexcept;
    [[nodiscard]] ShopperRates shoppers(double t_s) const noexcept;
    // How far the sale has come: 0 before and after, 1 at its height.
    [[nodiscard]] double sale_share(double t_s) const noexcept;
    // Whether pollers poll as in the sale.
    [[nodiscard]] bool sale_on(double t_s) const noexcept { return t_s >= sale_s && t_s < end_s; }
};

inline constexpr std::string_view kRunawayClient = "mob-4f7a";
inline constexpr std::string_view kRunawayAgent = "mobile-app v3.2";

// speed: 1 to 10; whatever the story measures in time gets shorter by it (phases, the pauses of
// pollers, the limit's minute, timeouts), but not the services' latencies. Requests per second
// stay: the pollers that ask more often are fewer. scale: share of the mission's request rates,
// above 0.
[[nodiscard]] Scenario make_scenario(double speed, double scale, uint64_t seed);

}  // namespace glassgate::gateway::demo
