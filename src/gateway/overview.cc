#include "gateway/overview.h"

#include <nlohmann/json.hpp>

#include "base/clock.h"

namespace glassgate::gateway {
namespace {

using demo::PanelSnapshot;
using nlohmann::json;

constexpr double kWindowS = 60;  // of the tiles and the table

demo::PanelModel::Setup setup() {
    demo::PanelModel::Setup setup;
    setup.start_ns = mono_now_ns();
    setup.start_wall_ns = wall_now_ns();
    setup.sale_s = 0;
    setup.window_s = kWindowS;
    setup.alert_divisor = 300 / kWindowS;
    setup.running = true;
    return setup;
}

constexpr const char* kStatusNames[] = {"OK", "SLOW", "DEGRADED"};
constexpr const char* kLevelNames[] = {"DEBUG", "INFO", "WARN", "ERROR"};

template <std::size_t N>
std::size_t index_of(const char* const (&names)[N], const std::string& name) {
    for (std::size_t i = 0; i < N; ++i)
        if (name == names[i]) return i;
    return 0;
}

}  // namespace

Overview::Overview() : model_(setup()) {}

void Overview::exchange(const model::Exchange& exchange) {
    const std::lock_guard lock(mutex_);
    if (gateway_.empty()) gateway_ = exchange.names->gateway;
    // The model keeps a minute by endpoint; seconds must be completed before they are forgotten.
    if (exchange.closed_ns >= next_tick_ns_) {
        model_.tick(exchange.closed_ns, wall_now_ns());
        next_tick_ns_ = exchange.closed_ns + kNsPerSecond;
    }
    model_.exchange(exchange);
}

void Overview::event(const model::Event& event) {
    const std::lock_guard lock(mutex_);
    model_.event(event);
}

PanelSnapshot Overview::snapshot() {
    const std::lock_guard lock(mutex_);
    const uint64_t now_ns = mono_now_ns();
    model_.tick(now_ns, wall_now_ns());
    PanelSnapshot snapshot = model_.snapshot(now_ns);
    snapshot.title = "Flex Gateway Overview";
    if (!gateway_.empty()) snapshot.title += " · " + gateway_;
    return snapshot;
}

std::string overview_json(const PanelSnapshot& s) {
    json routes = json::array(), clients = json::array(), log = json::array(),
         seconds = json::array();
    for (const demo::RouteRow& row : s.routes)
        routes.push_back({{"endpoint", row.endpoint},
                          {"per_second", row.per_second},
                          {"p99_ms", row.p99_ms},
                          {"error_rate", row.error_share},
                          {"status", kStatusNames[static_cast<std::size_t>(row.status)]}});
    for (const demo::ClientRow& row : s.top_clients)
        clients.push_back({{"client_id", row.client_id},
                           {"name", row.name},
                           {"per_minute", row.hits_per_minute},
                           {"hits", row.hits}});
    for (const demo::LogLine& line : s.log)
        log.push_back(
            {{"level", kLevelNames[static_cast<std::size_t>(line.level)]}, {"text", line.text}});
    for (const demo::SecondPoint& point : s.seconds)
        seconds.push_back({point.per_second, point.error_share, point.limited, point.p50_ms,
                           point.p95_ms, point.p99_ms});
    const bool known = s.baseline_per_second > 0;
    const json body = {
        {"title", s.title},
        {"uptime_s", s.elapsed_s},
        {"window_s", s.window_s},
        {"requests",
         {{"per_second", s.per_second},
          {"baseline", s.baseline_per_second},
          {"times_baseline", known ? json(s.per_second / s.baseline_per_second) : json()}}},
        {"errors", {{"rate", s.error_share}, {"baseline", s.baseline_error_share}}},
        {"latency",
         {{"p99_ms", s.p99_ms}, {"baseline_ms", s.baseline_p99_ms}, {"sla_ms", demo::kSlaMs}}},
        {"rate_limit",
         {{"hits", s.limited},
          {"per_minute", s.limited_per_minute},
          {"top_offender", s.top_clients.empty() ? json() : json(s.top_clients.front().client_id)},
          {"clients", clients}}},
        {"routes", routes},
        {"log", log},
        {"seconds_columns", {"per_second", "error_rate", "limited", "p50_ms", "p95_ms", "p99_ms"}},
        {"seconds", seconds}};
    // Texts come from outside; what is no UTF-8 has been escaped, and is replaced in any case.
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<PanelSnapshot> read_overview(std::string_view text) {
    const json body = json::parse(text, nullptr, false);
    if (!body.is_object()) return failure("the overview is no JSON object");
    PanelSnapshot s;
    s.running = true;
    try {  // the library throws where a type is not what it was
        const json& requests = body.at("requests");
        const json& limit = body.at("rate_limit");
        s.title = body.at("title");
        s.elapsed_s = body.at("uptime_s");
        s.total_s = static_cast<double>(demo::PanelModel::kSecondsKept);
        s.window_s = body.at("window_s");
        s.per_second = requests.at("per_second");
        s.baseline_per_second = requests.at("baseline");
        s.error_share = body.at("errors").at("rate");
        s.baseline_error_share = body.at("errors").at("baseline");
        s.p99_ms = body.at("latency").at("p99_ms");
        s.baseline_p99_ms = body.at("latency").at("baseline_ms");
        s.limited = limit.at("hits");
        s.limited_per_minute = limit.at("per_minute");
        for (const json& row : limit.at("clients"))
            s.top_clients.push_back(
                {row.at("client_id"), row.at("name"), row.at("per_minute"), row.at("hits")});
        for (const json& row : body.at("routes"))
            s.routes.push_back(
                {row.at("endpoint"), row.at("per_second"), row.at("p99_ms"), row.at("error_rate"),
                 static_cast<demo::RouteStatus>(index_of(kStatusNames, row.at("status")))});
        for (const json& line : body.at("log"))
            s.log.push_back({static_cast<model::Level>(index_of(kLevelNames, line.at("level"))),
                             line.at("text")});
        for (const json& p : body.at("seconds"))
            s.seconds.push_back({p.at(0), p.at(1), p.at(2), p.at(3), p.at(4), p.at(5)});
    } catch (const json::exception& error) {
        return failure(std::string("the overview is of another version: ") + error.what());
    }
    return s;
}

}  // namespace glassgate::gateway
