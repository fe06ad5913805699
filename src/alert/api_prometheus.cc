// /api/v1/rules, alerts, alertmanagers as Prometheus 2.42 answers them; and our logs.
#include <charconv>
#include <cmath>

#include "alert/api.h"
#include "alert/api_json.h"
#include "base/text.h"

namespace glassgate::alert {
namespace {

// Rules that were never evaluated, as Go writes a time that is not set.
constexpr std::string_view kNever = "0001-01-01T00:00:00Z";
constexpr uint64_t kRowsDefault = 100, kRowsMax = 1000;

ApiReply success(OrderedJson data) {
    return {200, dump({{"status", "success"}, {"data", std::move(data)}})};
}
ApiReply bad_data(const std::string& what) {
    return {400, dump({{"status", "error"}, {"errorType", "bad_data"}, {"error", what}})};
}

// strconv.FormatFloat(v, 'e', -1, 64)
std::string exponent_text(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    char text[40];
    const auto [end, error] =
        std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
    return error == std::errc{} ? std::string(text, end) : std::string();
}

OrderedJson alert_json(const ActiveAlert& alert) {
    OrderedJson out = {{"labels", to_object(alert.labels)},
                       {"annotations", to_object(alert.annotations)},
                       {"state", to_text(alert.state)},
                       {"activeAt", rfc3339(alert.active_at_ms)}};
    if (alert.keep_firing_since_ms) out["keepFiringSince"] = rfc3339(*alert.keep_firing_since_ms);
    out["value"] = exponent_text(alert.value);
    return out;
}

void add_health(const RuleState::Health& health, OrderedJson& out) {
    out["health"] = !health.evaluated ? "unknown" : health.good ? "ok" : "err";
    if (!health.error.empty()) out["lastError"] = health.error;
    out["evaluationTime"] = static_cast<double>(health.duration_ns) / 1e9;
    out["lastEvaluation"] = health.evaluated ? rfc3339(health.last_ms) : std::string(kNever);
}

OrderedJson rule_json(const RuleState& state) {
    const Rule& rule = state.rule();
    OrderedJson out;
    if (rule.kind == Rule::Kind::recording) {
        out = {{"name", rule.name}, {"query", rule.query}};
        if (!rule.labels.empty()) out["labels"] = to_object(rule.labels);
        add_health(state.health, out);
        out["type"] = "recording";
        return out;
    }
    OrderedJson alerts = OrderedJson::array();
    for (const auto& [labels, alert] : state.active())
        if (alert.state != AlertState::inactive) alerts.push_back(alert_json(alert));
    out = {{"state", to_text(state.state())},
           {"name", rule.name},
           {"query", rule.query},
           {"duration", static_cast<double>(rule.for_ms) / 1000},
           {"keepFiringFor", static_cast<double>(rule.keep_firing_for_ms) / 1000},
           {"labels", to_object(rule.labels)},
           {"annotations", to_object(rule.annotations)},
           {"alerts", std::move(alerts)}};
    add_health(state.health, out);
    out["type"] = "alerting";
    return out;
}

Result<std::pair<int64_t, uint64_t>> page_of(const ApiRequest& request) {
    const std::string_view before = request.first("before"), limit = request.first("limit");
    const auto from = before.empty() ? 0 : parse_u64(before);
    const auto count = limit.empty() ? kRowsDefault : parse_u64(limit);
    if (!from || *from > INT64_MAX) return failure("before is not the id of a row");
    if (!count || *count == 0) return failure("limit is not a number of rows");
    return std::pair(static_cast<int64_t>(*from), std::min(*count, kRowsMax));
}

OrderedJson parsed(const std::string& text) {
    OrderedJson out = OrderedJson::parse(text, nullptr, false);
    return out.is_discarded() ? OrderedJson::object() : out;
}

}  // namespace

std::string_view ApiRequest::first(std::string_view name) const noexcept {
    for (const auto& [key, value] : parameters)
        if (key == name) return value;
    return {};
}

std::vector<std::string_view> ApiRequest::all(std::string_view name) const {
    std::vector<std::string_view> out;
    for (const auto& [key, value] : parameters)
        if (key == name) out.push_back(value);
    return out;
}

std::string rules_data(AlertService& service, std::string_view type) {
    OrderedJson groups = OrderedJson::array();
    service.rules().look([&](const auto& runs) {
        for (const auto& run : runs) {
            OrderedJson rules = OrderedJson::array();
            for (const RuleState& state : run->rules) {
                const bool alerting = state.rule().kind == Rule::Kind::alerting;
                if (alerting ? iequals(type, "record") : iequals(type, "alert")) continue;
                rules.push_back(rule_json(state));
            }
            groups.push_back({{"name", run->group.name},
                              {"file", run->group.file},
                              {"rules", std::move(rules)},
                              {"interval", static_cast<double>(run->interval_ms) / 1000},
                              {"limit", run->group.limit},
                              {"evaluationTime", static_cast<double>(run->last_duration_ns) / 1e9},
                              {"lastEvaluation",
                               run->iterations > 0 ? rfc3339(run->last_ms) : std::string(kNever)}});
        }
    });
    return dump({{"groups", std::move(groups)}});
}

std::string alerts_data(AlertService& service) {
    OrderedJson alerts = OrderedJson::array();
    service.rules().look([&](const auto& runs) {
        for (const auto& run : runs)
            for (const RuleState& state : run->rules)
                for (const auto& [labels, alert] : state.active())
                    if (alert.state != AlertState::inactive) alerts.push_back(alert_json(alert));
    });
    return dump({{"alerts", std::move(alerts)}});
}

std::string alertmanagers_data(AlertService& service) {
    OrderedJson active = OrderedJson::array();
    for (const AlertService::Alertmanager& one : service.alertmanagers())
        active.push_back({{"url", one.url}});
    return dump({{"activeAlertmanagers", std::move(active)},
                 {"droppedAlertmanagers", OrderedJson::array()}});
}

ApiReply api_alert_history(AlertService& service, const ApiRequest& request) {
    const auto page = page_of(request);
    if (!page) return bad_data(page.error().message);
    OrderedJson rows = OrderedJson::array();
    for (const HistoryRow& row :
         service.database().history(std::string(request.first("rule")), page->first, page->second))
        rows.push_back({{"id", row.id},
                        {"at", rfc3339(row.at_ms)},
                        {"group", row.group},
                        {"rule", row.rule},
                        {"fingerprint", row.fingerprint},
                        {"labels", parsed(row.labels_json)},
                        {"annotations", parsed(row.annotations_json)},
                        {"before", row.before},
                        {"after", row.after},
                        {"value", exponent_text(row.value)}});
    return success({{"rows", std::move(rows)}});
}

ApiReply api_notifications(AlertService& service, const ApiRequest& request) {
    const auto page = page_of(request);
    if (!page) return bad_data(page.error().message);
    OrderedJson rows = OrderedJson::array();
    for (const DeliveryRow& row : service.database().deliveries(
             std::string(request.first("integration")), page->first, page->second))
        rows.push_back({{"id", row.id},
                        {"at", rfc3339(row.at_ms)},
                        {"integration", row.integration},
                        {"group", row.group_key},
                        {"status", row.status},
                        {"outcome", row.outcome},
                        {"alerts", row.alerts},
                        {"attempts", row.attempts},
                        {"error", row.error}});
    return success({{"rows", std::move(rows)}});
}

ApiReply api_receivers(AlertService& service, const ApiRequest&) {
    OrderedJson receivers = OrderedJson::array(), managers = OrderedJson::array();
    for (const AlertService::Receiver& one : service.receivers())
        receivers.push_back({{"receiver", one.receiver},
                             {"integration", one.integration},
                             {"kind", one.kind},
                             {"sent", one.numbers.sent},
                             {"failed", one.numbers.failed},
                             {"dropped", one.numbers.dropped},
                             {"queued", one.numbers.queued},
                             {"queuedBytes", one.numbers.queued_bytes},
                             {"lastError", one.numbers.last_error}});
    for (const AlertService::Alertmanager& one : service.alertmanagers())
        managers.push_back({{"url", one.url},
                            {"sent", one.numbers.sent},
                            {"failed", one.numbers.failed},
                            {"dropped", one.numbers.dropped},
                            {"queued", one.numbers.queued},
                            {"lastError", one.numbers.last_error}});
    return success({{"receivers", std::move(receivers)}, {"alertmanagers", std::move(managers)}});
}

}  // namespace glassgate::alert
