// What the configuration says about alerting, compiled and checked. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "alert/notify/matcher.h"
#include "alert/rules/rule_file.h"
#include "store/labels.h"

namespace glassgate::alert {

// A POST to somebody else's HTTP endpoint.
struct HttpTarget {
    std::string url{};
    std::string bearer{};                // empty: none
    std::string username{}, password{};  // Basic; empty: none
    std::vector<std::string> headers{};  // "name: value"
    std::string ca_file{};               // empty: the system's
    uint32_t timeout_ms = 10'000;
    bool operator==(const HttpTarget&) const = default;
};

struct PagerDutyTarget {
    HttpTarget http{"https://events.pagerduty.com/v2/enqueue"};
    std::string routing_key;
    bool operator==(const PagerDutyTarget&) const = default;
};
struct SlackTarget {
    HttpTarget http;
    std::string channel, username;  // empty: the webhook's own
    bool operator==(const SlackTarget&) const = default;
};
struct TeamsTarget {
    HttpTarget http;
    bool operator==(const TeamsTarget&) const = default;
};
struct WebhookTarget {
    HttpTarget http;
    uint32_t max_alerts = 0;  // 0: all
    bool operator==(const WebhookTarget&) const = default;
};
struct EmailTarget {
    enum class Tls : uint8_t { none, opportunistic, starttls, implicit };
    std::string smarthost;  // host:port
    std::string from;
    std::vector<std::string> to;
    std::string username, password;  // empty: no authentication
    std::string hello;               // empty: the machine's name
    Tls tls = Tls::starttls;
    std::string ca_file;
    uint32_t timeout_ms = 30'000;
    bool operator==(const EmailTarget&) const = default;
};

struct Integration {
    std::string name;  // "oncall/pagerduty[0]": of metrics, logs, the spool
    bool send_resolved = true;
    std::variant<WebhookTarget, PagerDutyTarget, SlackTarget, TeamsTarget, EmailTarget> target;
    bool operator==(const Integration&) const = default;
};
[[nodiscard]] std::string_view kind_of(const Integration& integration) noexcept;  // "pagerduty"

struct Receiver {
    std::string name;
    std::vector<Integration> integrations;
    bool operator==(const Receiver&) const = default;
};

struct Route {
    std::string receiver;
    std::vector<LabelMatcher> matchers;  // all of them; none: everything
    bool goes_on = false;                // to the routes behind it, too
    std::vector<std::string> group_by;
    bool group_by_all = false;
    int64_t group_wait_ms = 30'000, group_interval_ms = 300'000, repeat_interval_ms = 4 * 3'600'000;
    std::vector<Route> routes;
    bool operator==(const Route&) const = default;
};

// While an alert of the source fires, those of the target are not told of, if the labels named are
// equal.
struct Inhibition {
    std::vector<LabelMatcher> source, target;
    std::vector<std::string> equal;
    bool operator==(const Inhibition&) const = default;
};

struct Settings {
    bool enabled = false;
    std::vector<RuleGroup> groups;  // read from the rule files
    int64_t evaluation_interval_ms = 15'000;
    int64_t resend_delay_ms = 60'000;
    std::string external_url;
    store::Labels external_labels;
    // "https://wiki/{alertname}"; for alerts without an annotation runbook_url.
    std::string runbook_url;

    std::vector<HttpTarget> alertmanagers;  // url without /api/v2/alerts
    std::vector<Receiver> receivers;
    Route route;  // receiver empty: nobody is told directly
    std::vector<Inhibition> inhibitions;

    std::string directory;  // of alerts.db; empty: memory only
    uint64_t spool_max_bytes = 16u << 20;
    int64_t spool_max_age_ms = 24 * 3'600'000;
    uint64_t history_max_rows = 100'000;
    // Alerts go on after the process was away for at most so long.
    int64_t outage_tolerance_ms = 3'600'000;
};

}  // namespace glassgate::alert
