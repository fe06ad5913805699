#include "gateway/alerting.h"

#include <unistd.h>

#include <filesystem>

#include "alert/api.h"
#include "config/console_settings.h"
#include "telemetry/metrics/catalogue.h"

namespace glassgate::gateway {
namespace {

using alert::AlertService;
using console::Role;
using telemetry::MetricType;
using telemetry::Sample;

std::string host_of(const config::ConsoleSettings& console) {
    char name[256] = {};
    const bool known = gethostname(name, sizeof name - 1) == 0 && name[0] != '\0';
    return config::is_loopback(console.address) || !known ? "localhost" : name;
}

using Answer = alert::ApiReply (*)(AlertService&, const alert::ApiRequest&);

console::Route route(AlertService& service, Method method, std::string pattern, Role role,
                     Answer answer) {
    console::Route out;
    out.method = method;
    out.pattern = std::move(pattern);
    out.role = role;
    out.handler = [&service, answer](const console::Request& request, console::Response& response) {
        alert::ApiRequest api;
        api.parameters = request.parameters.pairs();
        api.id = request.captured["id"];
        api.body = request.body;
        api.user = request.user;
        alert::ApiReply reply = answer(service, api);
        response.json(std::move(reply.body), static_cast<uint16_t>(reply.status));
    };
    return out;
}

// Numbers of the service as metrics, read at every scrape.
struct Exporter {
    telemetry::MetricsRegistry& registry;
    AlertService& service;

    template <typename Collect>
    void add(const char* name, MetricType type, Collect collect) const {
        const telemetry::Family* const family = telemetry::find_family(name);
        registry.add_external(
            {name, family != nullptr ? std::string(family->help) : "", type,
             [s = &service, collect](std::vector<Sample>& out) { collect(*s, out); }});
    }
    // One series a group of rules.
    template <typename Read>
    void add_groups(const char* name, MetricType type, Read read) const {
        add(name, type, [read](AlertService& s, std::vector<Sample>& out) {
            for (const auto& group : s.rules().numbers().groups)
                out.push_back({{{"rule_group", group.name}}, static_cast<double>(read(group))});
        });
    }

    void export_rules() const {
        using Group = alert::RuleEngine::Numbers::Group;
        add_groups("flex_rule_evaluations_total", MetricType::counter,
                   [](const Group& g) { return g.evaluations; });
        add_groups("flex_rule_evaluation_failures_total", MetricType::counter,
                   [](const Group& g) { return g.failures; });
        add_groups("flex_rule_group_iterations_total", MetricType::counter,
                   [](const Group& g) { return g.iterations; });
        add_groups("flex_rule_group_iterations_missed_total", MetricType::counter,
                   [](const Group& g) { return g.missed; });
        add_groups("flex_rule_group_last_duration_seconds", MetricType::gauge,
                   [](const Group& g) { return g.last_duration_s; });
        add_groups("flex_rule_group_last_evaluation_timestamp_seconds", MetricType::gauge,
                   [](const Group& g) { return g.last_at_s; });
        add_groups("flex_rule_group_interval_seconds", MetricType::gauge,
                   [](const Group& g) { return g.interval_s; });
        add("flex_rule_samples_total", MetricType::counter, [](AlertService& s, auto& out) {
            const auto numbers = s.rules().numbers();
            out.push_back({{{"outcome", "stored"}}, static_cast<double>(numbers.samples)});
            out.push_back({{{"outcome", "refused"}}, static_cast<double>(numbers.samples_refused)});
        });
    }

    void export_alerts() const {
        add("flex_alerts", MetricType::gauge, [](AlertService& s, auto& out) {
            const auto numbers = s.rules().numbers();
            const auto suppressed = s.dispatcher().numbers().suppressed;
            out.push_back({{{"state", "pending"}}, static_cast<double>(numbers.pending)});
            out.push_back({{{"state", "firing"}}, static_cast<double>(numbers.firing)});
            out.push_back({{{"state", "suppressed"}}, static_cast<double>(suppressed)});
        });
        add("flex_alert_silences", MetricType::gauge, [](AlertService& s, auto& out) {
            const auto numbers = s.silences().numbers(s.now());
            out.push_back({{{"state", "pending"}}, static_cast<double>(numbers.pending)});
            out.push_back({{{"state", "active"}}, static_cast<double>(numbers.active)});
            out.push_back({{{"state", "expired"}}, static_cast<double>(numbers.expired)});
        });
        add("flex_alert_state_failures_total", MetricType::counter, [](AlertService& s, auto& out) {
            out.push_back({{}, static_cast<double>(s.database().failures())});
        });
    }

    // Receivers' integrations and Alertmanagers alike.
    template <typename Use>
    static void each_way(AlertService& s, Use use) {
        for (const auto& r : s.receivers()) use(r.receiver, r.integration, r.numbers);
        for (const auto& a : s.alertmanagers()) use(std::string("alertmanager"), a.url, a.numbers);
    }

    void export_notifications() const {
        add("flex_alert_notifications_total", MetricType::counter,
            [](AlertService& s, std::vector<Sample>& out) {
                each_way(s, [&out](const std::string& receiver, const std::string& name,
                                   const auto& n) {
                    for (const auto& [outcome, value] :
                         {std::pair("sent", n.sent), {"failed", n.failed}, {"dropped", n.dropped}})
                        out.push_back(
                            {{{"receiver", receiver}, {"integration", name}, {"outcome", outcome}},
                             static_cast<double>(value)});
                });
            });
        add("flex_alert_notifications_queued", MetricType::gauge,
            [](AlertService& s, std::vector<Sample>& out) {
                each_way(
                    s, [&out](const std::string& receiver, const std::string& name, const auto& n) {
                        out.push_back({{{"receiver", receiver}, {"integration", name}},
                                       static_cast<double>(n.queued)});
                    });
            });
        add("flex_alert_spool_bytes", MetricType::gauge, [](AlertService& s, auto& out) {
            for (const auto& r : s.receivers())
                out.push_back({{{"receiver", r.receiver}, {"integration", r.integration}},
                               static_cast<double>(r.numbers.queued_bytes)});
        });
    }
};

}  // namespace

alert::Settings Alerting::effective(const alert::Settings& settings,
                                    const config::ConsoleSettings& console) const {
    alert::Settings out = settings;
    out.directory = directory_;
    if (out.external_url.empty())
        out.external_url = "http://" + host_of(console) + ":" + std::to_string(console.port);
    if (out.enabled) return out;
    out.groups.clear();
    out.receivers.clear();
    out.alertmanagers.clear();
    out.route = {};
    return out;
}

Result<std::unique_ptr<Alerting>> Alerting::start(const alert::Settings& settings,
                                                  const config::ConsoleSettings& console,
                                                  const std::string& state_directory,
                                                  store::Store& store,
                                                  telemetry::MetricsRegistry& registry) {
    std::unique_ptr<Alerting> alerting(new Alerting());
    alerting->directory_ = settings.directory;
    if (settings.directory.empty() && !state_directory.empty())
        alerting->directory_ = (std::filesystem::path(state_directory) / "alerts").string();
    alerting->service_ =
        TRY(AlertService::start(alerting->effective(settings, console), store, {}));
    alerting->export_metrics(registry);
    return alerting;
}

void Alerting::reconfigure(const alert::Settings& settings,
                           const config::ConsoleSettings& console) {
    service_->reconfigure(effective(settings, console));
}

void Alerting::stop() { service_->stop(); }

void Alerting::serve(console::PrometheusApi& api) {
    AlertService& s = *service_;
    api.rules = [&s](const console::Request& request) {
        return alert::rules_data(s, request.parameters["type"]);
    };
    api.alerts = [&s](const console::Request&) { return alert::alerts_data(s); };
    api.alertmanagers = [&s](const console::Request&) { return alert::alertmanagers_data(s); };
}

std::vector<console::Route> Alerting::routes() {
    AlertService& s = *service_;
    const std::string v2 = "/api/v2/";
    std::vector<console::Route> out;
    const auto add = [&](Method method, const std::string& path, Role role, Answer answer) {
        out.push_back(route(s, method, path, role, answer));
    };
    add(Method::get, v2 + "status", Role::viewer, alert::v2_status);
    add(Method::get, v2 + "receivers", Role::viewer, alert::v2_receivers);
    add(Method::get, v2 + "alerts", Role::viewer, alert::v2_alerts);
    add(Method::get, v2 + "alerts/groups", Role::viewer, alert::v2_alert_groups);
    add(Method::get, v2 + "silences", Role::viewer, alert::v2_silences);
    add(Method::post, v2 + "silences", Role::operator_, alert::v2_set_silence);
    add(Method::get, v2 + "silence/{id}", Role::viewer, alert::v2_silence);
    add(Method::delete_, v2 + "silence/{id}", Role::operator_, alert::v2_end_silence);
    add(Method::get, "/api/v1/alert_history", Role::viewer, alert::api_alert_history);
    add(Method::get, "/api/v1/notifications", Role::viewer, alert::api_notifications);
    add(Method::get, "/api/v1/receivers", Role::viewer, alert::api_receivers);
    return out;
}

void Alerting::export_metrics(telemetry::MetricsRegistry& registry) {
    const Exporter exporter{registry, *service_};
    exporter.export_rules();
    exporter.export_alerts();
    exporter.export_notifications();
}

}  // namespace glassgate::gateway
