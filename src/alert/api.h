// The HTTP API of alerting, apart from any server: Prometheus' /api/v1/rules, alerts and
// alertmanagers, what amtool and other clients ask of Alertmanager's /api/v2, and the logs. Any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alert/service.h"

namespace glassgate::alert {

struct ApiRequest {
    std::vector<std::pair<std::string, std::string>> parameters;  // decoded; names may repeat
    std::string id;                                               // of the path
    std::string_view body;
    std::string user;  // empty: unknown

    [[nodiscard]] std::string_view first(std::string_view name) const noexcept;
    [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;
};
struct ApiReply {
    int status = 200;
    std::string body;  // JSON, unless it is empty
};

// The "data" of Prometheus' answers, JSON. `type`: alert, record; anything else: both.
[[nodiscard]] std::string rules_data(AlertService& service, std::string_view type);
[[nodiscard]] std::string alerts_data(AlertService& service);
[[nodiscard]] std::string alertmanagers_data(AlertService& service);

// Alertmanager 0.25.
[[nodiscard]] ApiReply v2_status(AlertService& service, const ApiRequest& request);
[[nodiscard]] ApiReply v2_receivers(AlertService& service, const ApiRequest& request);
[[nodiscard]] ApiReply v2_alerts(AlertService& service, const ApiRequest& request);
[[nodiscard]] ApiReply v2_alert_groups(AlertService& service, const ApiRequest& request);
[[nodiscard]] ApiReply v2_silences(AlertService& service, const ApiRequest& request);
[[nodiscard]] ApiReply v2_silence(AlertService& service, const ApiRequest& request);  // GET /{id}
[[nodiscard]] ApiReply v2_set_silence(AlertService& service, const ApiRequest& request);  // POST
[[nodiscard]] ApiReply v2_end_silence(AlertService& service,
                                      const ApiRequest& request);  // DELETE /{id}

// Ours: what became of alerts and of notifications; parameters limit, before (an id), and rule or
// integration.
[[nodiscard]] ApiReply api_alert_history(AlertService& service, const ApiRequest& request);
[[nodiscard]] ApiReply api_notifications(AlertService& service, const ApiRequest& request);
[[nodiscard]] ApiReply api_receivers(AlertService& service, const ApiRequest& request);

}  // namespace glassgate::alert
