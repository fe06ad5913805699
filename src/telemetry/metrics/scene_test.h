// What the tests of the metrics play with: a shop's plan, calls through it, and a scrape read back.
#pragma once

#include <charconv>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "model/exchange.h"
#include "telemetry/metrics/registry.h"

namespace glassgate::telemetry::scene {

using LabelValues = std::vector<std::pair<std::string, std::string>>;
using Plan = std::shared_ptr<model::PlanNames>;

inline model::RouteName route(std::string id, std::vector<std::string> patterns,
                              MethodSet methods = method_bit(Method::get)) {
    model::RouteName name;
    name.id = std::move(id);
    name.patterns = std::move(patterns);
    name.methods = methods;
    name.upstream = 0;
    return name;
}

// Listeners public and admin; routes product-catalog (GET of two patterns; rate-limit and
// circuit-breaker) and cart (POST); upstreams product-service and cart.
inline Plan shop(uint64_t generation) {
    auto plan = std::make_shared<model::PlanNames>();
    plan->generation = generation;
    plan->gateway = "retailco-gateway";
    plan->mode = "local";
    plan->listeners = {{"public"}, {"admin"}};
    plan->policies = {{"rate-limit", "traffic", {"pass", "limit_exceeded"}},
                      {"circuit-breaker", "traffic", {"pass", "open"}}};
    plan->routes = {route("product-catalog", {"/api/products", "/api/products/:id"}),
                    route("cart", {"/api/cart"}, method_bit(Method::post))};
    plan->routes[0].policies = {0, 1};
    plan->routes[1].upstream = 1;
    plan->upstreams = {{"product-service", {"product-service:3000", "product-service:3001"}},
                       {"cart", {"cart:3000"}}};
    return plan;
}

// One exchange. Without further words: GET /api/products, 200 from the upstream after 80 ms.
class Call {
public:
    explicit Call(const Plan& plan) {
        exchange_.names = plan.get();
        exchange_.route = 0;
        exchange_.method = Method::get;
        exchange_.ending = model::Ending::completed;
        exchange_.origin = model::Origin::upstream;
        exchange_.status = 200;
        exchange_.opened_wall_ns = 1'795'770'862'123'000'000;  // 2026-11-27T09:14:22.123Z
        exchange_.opened_ns = 1'000 * kNsPerSecond;
        took_ms(80);
    }
    Call& on(uint32_t route, uint32_t pattern = 0) {
        exchange_.route = route;
        exchange_.pattern = pattern;
        return *this;
    }
    Call& method(Method method) {
        exchange_.method = method;
        return *this;
    }
    Call& took_ns(uint64_t ns) {
        exchange_.closed_ns = exchange_.opened_ns + ns;
        return *this;
    }
    Call& took_ms(double ms) { return took_ns(static_cast<uint64_t>(ms * 1e6)); }
    Call& at_ns(uint64_t closed_ns) {
        exchange_.opened_ns = closed_ns - exchange_.lifetime_ns();
        exchange_.closed_ns = closed_ns;
        return *this;
    }
    Call& answered(uint16_t status) {
        exchange_.status = status;
        return *this;
    }
    // With the status and origin of the catalogue of endings.
    Call& ended(model::Ending ending) {
        exchange_.ending = ending;
        exchange_.origin = model::info(ending).origin;
        exchange_.status = model::info(ending).status;
        return *this;
    }
    Call& client(std::string_view id) {
        text_.assign(id);
        exchange_.client_id = {0, static_cast<uint32_t>(id.size())};
        return *this;
    }
    Call& traced(uint8_t mark) {
        exchange_.sampled = true;
        exchange_.trace_id.bytes.fill(mark);
        return *this;
    }
    Call& streaming(model::StreamKind kind, double head_after_ms) {
        exchange_.stream = kind;
        exchange_.response_head_ns =
            exchange_.opened_ns + static_cast<uint64_t>(head_after_ms * 1e6);
        return *this;
    }
    // A gRPC call that ended so inside an HTTP 200; -1: the client left before.
    Call& grpc(int8_t status) {
        exchange_.grpc = true;
        exchange_.grpc_status = status;
        return *this;
    }
    Call& step(uint32_t policy, uint16_t reason) {
        exchange_.policies.push_back({policy, reason, model::PolicyVerdict::pass, 0});
        return *this;
    }
    Call& attempt(uint32_t upstream, uint32_t target, model::AttemptResult result, double ms = 10,
                  bool reused = false) {
        model::Attempt attempt;
        attempt.upstream = upstream;
        attempt.target = target;
        attempt.result = result;
        attempt.reused = reused;
        attempt.start_ns = exchange_.opened_ns;
        attempt.end_ns = attempt.start_ns + static_cast<uint64_t>(ms * 1e6);
        exchange_.attempts.push_back(attempt);
        ++exchange_.attempt_count;
        return *this;
    }
    [[nodiscard]] model::Exchange& record() {
        exchange_.text = text_.data();
        exchange_.text_size = static_cast<uint32_t>(text_.size());
        return exchange_;
    }
    // Opens and closes it on one worker.
    void through(MetricsRegistry::Cells& cells, unsigned times = 1) {
        for (unsigned i = 0; i < times; ++i) {
            cells.exchange_opened(exchange_.listener);
            cells.exchange_closed(record());
        }
    }

private:
    model::Exchange exchange_;
    std::string text_;
};

// A connection that ended in its TLS handshake.
[[nodiscard]] inline model::Connection refused_handshake(std::string_view listener,
                                                         std::string_view reason) {
    model::Connection connection;
    connection.ending = model::ConnectionEnding::tls_handshake_failed;
    listener.copy(connection.listener_name, sizeof connection.listener_name - 1);
    reason.copy(connection.reason, sizeof connection.reason - 1);
    return connection;
}

struct Shop {
    explicit Shop(unsigned workers = 1, MetricsSettings with = {})
        : settings(std::move(with)), registry(workers, settings), workers_(workers) {
        apply(plan);
    }
    // As the gateway does it: prepared, applied everywhere; the plan before retires.
    void apply(const Plan& next) {
        registry.plan_prepared(next, settings);
        for (unsigned i = 0; i < workers_; ++i) registry.cells(i).plan_applied(next);
        if (next != plan)
            for (unsigned i = 0; i < workers_; ++i)
                registry.cells(i).plan_retired(plan->generation);
        plan = next;
    }
    [[nodiscard]] MetricsRegistry::Cells& worker(unsigned i = 0) { return registry.cells(i); }

    MetricsSettings settings;
    Plan plan = shop(1);
    MetricsRegistry registry;

private:
    unsigned workers_;
};

[[nodiscard]] inline std::string expose(MetricsRegistry& registry, Exposition exposition) {
    std::string out;
    registry.expose(exposition, out);
    return out;
}

// Text 0.0.4 by line: name{labels} -> value. Two lines of the same name and labels are a failure
// of the registry, told as the series "DUPLICATE <line>".
using Scrape = std::map<std::string, double, std::less<>>;
[[nodiscard]] inline Scrape scrape(MetricsRegistry& registry) {
    const std::string text = expose(registry, Exposition::text_0_0_4);
    Scrape found;
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(line.size() + 1);
        if (line.starts_with('#')) continue;
        const std::size_t space = line.rfind(' ');
        double value = 0;
        std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
        std::string series(line.substr(0, space));
        if (!found.emplace(series, value).second) found.emplace("DUPLICATE " + series, value);
    }
    return found;
}

// Sum over all series of a name.
[[nodiscard]] inline double sum(const Scrape& scrape, std::string_view name) {
    double total = 0;
    for (const auto& [series, value] : scrape) {
        const bool same = series.starts_with(name) &&
                          (series.size() == name.size() || series[name.size()] == '{');
        if (same) total += value;
    }
    return total;
}
[[nodiscard]] inline bool has(const Scrape& scrape, std::string_view series) {
    return scrape.find(series) != scrape.end();
}
// -1 when absent.
[[nodiscard]] inline double at(const Scrape& scrape, std::string_view series) {
    const auto found = scrape.find(series);
    return found == scrape.end() ? -1 : found->second;
}

}  // namespace glassgate::telemetry::scene
