#include "gateway/demo/panel_model.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "gateway/demo/figures.h"

namespace glassgate::gateway::demo {
namespace {

// A record reaches the panel a little after its exchange has closed.
constexpr uint64_t kLateNs = 300 * kNsPerMs;
constexpr int64_t kShortWindowS = 3;  // of the recovery: "is it over?" needs a quick answer
constexpr double kRecoveredShare = 0.01, kAlertShare = 0.05;

std::size_t kept_seconds(double window_s, double alert_divisor) {
    return static_cast<std::size_t>(std::max(window_s, 300 / alert_divisor)) + 8;
}

double per_second(const TrafficCell& cell, int64_t seconds) {
    return static_cast<double>(cell.requests) / static_cast<double>(std::max<int64_t>(1, seconds));
}

}  // namespace

PanelModel::PanelModel(Setup setup)
    : setup_(std::move(setup)),
      traffic_(other_row() + 1, kept_seconds(setup_.window_s, setup_.alert_divisor)),
      alerts_(setup_.alert_divisor, setup_.endpoints) {}

int64_t PanelModel::second_of(uint64_t at_ns) const noexcept {
    return at_ns < setup_.start_ns ? 0
                                   : static_cast<int64_t>((at_ns - setup_.start_ns) / kNsPerSecond);
}

std::size_t PanelModel::row_of(const model::Exchange& exchange) {
    const std::size_t known = setup_.endpoints.size();
    if (!exchange.has_route()) return other_row();
    const model::RouteName& route = exchange.names->routes[exchange.route];
    if (exchange.pattern >= route.patterns.size()) return other_row();
    const std::string_view method = to_text(exchange.method);
    const std::string& pattern = route.patterns[exchange.pattern];
    for (std::size_t i = 0; i < known; ++i) {
        const std::string_view label = setup_.endpoints[i];
        if (label.size() == method.size() + 1 + pattern.size() && label.starts_with(method) &&
            label.ends_with(pattern))
            return i;
    }
    if (!setup_.running || known >= kRowsMax) return other_row();
    setup_.endpoints.push_back(std::string(method) + " " + pattern);
    return known;
}

void PanelModel::exchange(const model::Exchange& exchange) {
    if (!exchange.final) return;
    Outcome outcome;
    outcome.latency_ns = exchange.latency_ns();
    outcome.error = exchange.failed();
    outcome.limited = exchange.ending == model::Ending::rate_limited;
    outcome.auth_failure = exchange.ending == model::Ending::auth_failed;
    const int64_t second = second_of(exchange.closed_ns);
    traffic_.add(second, row_of(exchange), outcome);
    if (outcome.limited)
        clients_.add(second, exchange.str(exchange.client_id), exchange.str(exchange.client_name));
    ++highlights_.exchanges;
    if (outcome.error) ++highlights_.errors;
    if (outcome.limited) ++highlights_.limited;
    if (exchange.ending == model::Ending::upstream_timeout) ++highlights_.upstream_timeouts;
    log_.exchange(exchange);
}

void PanelModel::event(const model::Event& event) {
    if (event.kind == model::EventKind::circuit_breaker_open) ++highlights_.circuit_opened;
    if (event.kind == model::EventKind::rate_limit_config_updated &&
        highlights_.hotfix_applied_s < 0)
        highlights_.hotfix_applied_s =
            static_cast<double>(event.wall_ns - std::min(event.wall_ns, setup_.start_wall_ns)) /
            1e9;
    log_.event(event);
}

void PanelModel::tick(uint64_t now_ns, uint64_t wall_ns) {
    const int64_t over = now_ns < setup_.start_ns + kLateNs ? 0 : second_of(now_ns - kLateNs);
    for (; complete_ < over; ++complete_) complete_second(complete_);
    log_.tick(wall_ns);
}

void PanelModel::complete_second(int64_t second) {
    const TrafficCell one = traffic_.total(second, second + 1);
    seconds_.push_back({static_cast<double>(one.requests), one.error_share(),
                        static_cast<double>(one.limited), one.latency.quantile_ms(0.50),
                        one.latency.quantile_ms(0.95), one.latency.quantile_ms(0.99)});
    // The first second is the start-up's, not the baseline's.
    if (second >= 1 && static_cast<double>(second + 1) <= setup_.sale_s) {
        baseline_.merge(one);
        ++baseline_seconds_;
    }
    const int64_t end = second + 1;
    if (setup_.running) {
        clients_.forget_before(end - static_cast<int64_t>(kSecondsKept));
        while (seconds_.size() > kSecondsKept) seconds_.pop_front();
        if (end % 10 == 0) watch_baseline();
        return;
    }
    const TrafficCell recent = traffic_.total(end - window(), end);
    alerts_.evaluate(static_cast<double>(end), traffic_.by_row(end - alerts_.window_s(), end));
    clients_.forget_before(end - window() - 2);

    Highlights& h = highlights_;
    h.baseline_per_second = per_second(baseline_, baseline_seconds_);
    h.baseline_error_share = baseline_.error_share();
    h.baseline_p99_ms = baseline_.latency.quantile_ms(0.99);
    h.final_error_share = recent.error_share();
    h.final_p99_ms = recent.latency.quantile_ms(0.99);
    if (end >= window()) {  // a full window only
        h.peak_per_second = std::max(h.peak_per_second, per_second(recent, window()));
        h.peak_error_share = std::max(h.peak_error_share, h.final_error_share);
        h.peak_p99_ms = std::max(h.peak_p99_ms, h.final_p99_ms);
        h.peak_limited_per_minute = std::max(
            h.peak_limited_per_minute, static_cast<double>(recent.limited) * 60 / setup_.window_s);
    }
    if (h.first_alert_s < 0)
        for (const AlertRow& row : alerts_.rows())
            if (row.ever_fired) h.first_alert_s = static_cast<double>(end);
    watch_recovery(second);
}

// The median of the seconds with traffic, but for the last minute: what is usual, whatever happens
// now.
void PanelModel::watch_baseline() {
    constexpr std::size_t kLately = 60;
    std::vector<double> rates, errors, p99s;
    for (std::size_t i = 0; i + kLately < seconds_.size(); ++i) {
        if (seconds_[i].per_second <= 0) continue;
        rates.push_back(seconds_[i].per_second);
        errors.push_back(seconds_[i].error_share);
        p99s.push_back(seconds_[i].p99_ms);
    }
    const auto median = [](std::vector<double>& values) {
        if (values.empty()) return 0.0;
        const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
        std::nth_element(values.begin(), middle, values.end());
        return *middle;
    };
    highlights_.baseline_per_second = median(rates);
    highlights_.baseline_error_share = median(errors);
    highlights_.baseline_p99_ms = median(p99s);
}

void PanelModel::watch_recovery(int64_t second) {
    Highlights& h = highlights_;
    if (h.hotfix_applied_s < 0 || h.peak_error_share < kAlertShare) return;
    const TrafficCell now = traffic_.total(second + 1 - kShortWindowS, second + 1);
    if (now.error_share() >= kRecoveredShare)
        h.recovered_s = -1;
    else if (h.recovered_s < 0)
        h.recovered_s = static_cast<double>(second + 1);
}

PanelSnapshot PanelModel::snapshot(uint64_t now_ns) const {
    PanelSnapshot s;
    s.elapsed_s = static_cast<double>(now_ns - std::min(now_ns, setup_.start_ns)) / 1e9;
    s.sale_s = setup_.sale_s;
    s.window_s = setup_.window_s;
    s.alert_divisor = setup_.alert_divisor;
    const int64_t from = std::max<int64_t>(0, complete_ - window());
    const int64_t span = complete_ - from;
    const std::vector<TrafficCell> rows = traffic_.by_row(from, complete_);
    TrafficCell total;
    for (const TrafficCell& row : rows) total.merge(row);
    // The tile shows the last seconds, so that a step in traffic is seen when it happens.
    const int64_t lately = std::min<int64_t>(kShortWindowS, span);
    s.per_second = per_second(traffic_.total(complete_ - lately, complete_), lately);
    s.baseline_per_second = highlights_.baseline_per_second;
    s.error_share = total.error_share();
    s.baseline_error_share = highlights_.baseline_error_share;
    s.p99_ms = total.latency.quantile_ms(0.99);
    s.baseline_p99_ms = highlights_.baseline_p99_ms;
    s.limited = highlights_.limited;
    s.limited_per_minute =
        span == 0 ? 0 : static_cast<double>(total.limited) * 60 / static_cast<double>(span);
    s.seconds.assign(seconds_.begin(), seconds_.end());
    if (setup_.running) {
        s.running = true;
        s.total_s = static_cast<double>(kSecondsKept);
        s.limited = 0;
        for (const SecondPoint& point : seconds_)
            s.limited += static_cast<uint64_t>(std::llround(point.limited));
        s.top_clients = clients_.top_lately(5, from, complete_);
    } else {
        s.top_clients = clients_.top(5, from, complete_);
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const bool other = i == other_row();
        if (!other && i >= setup_.endpoints.size()) continue;
        if ((other || setup_.running) && rows[i].requests == 0) continue;
        RouteRow row;
        row.endpoint = other ? "(no route)" : setup_.endpoints[i];
        row.per_second = per_second(rows[i], span);
        row.p99_ms = rows[i].latency.quantile_ms(0.99);
        row.error_share = rows[i].error_share();
        row.status = route_status(row.p99_ms, row.error_share);
        s.routes.push_back(std::move(row));
    }
    if (setup_.running)
        std::sort(s.routes.begin(), s.routes.end(),
                  [](const RouteRow& a, const RouteRow& b) { return a.per_second > b.per_second; });
    else
        s.alerts = alerts_.rows();
    s.log = log_.lines();
    return s;
}

Highlights PanelModel::highlights() const {
    Highlights h = highlights_;
    for (const AlertRow& row : alerts_.rows())
        if (row.ever_fired) h.alerts_fired.push_back(row.name);
    h.top_clients = clients_.top(5, complete_ - window(), complete_);
    return h;
}

}  // namespace glassgate::gateway::demo
