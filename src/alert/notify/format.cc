#include "alert/notify/format.h"

#include <openssl/evp.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "alert/template/functions.h"

namespace glassgate::alert {
namespace {

using Json = nlohmann::ordered_json;

// Limits of those who take it.
constexpr std::size_t kPagerDutySummaryMax = 1024;
constexpr std::size_t kPagerDutyDetailsMax = 256 * 1024;
constexpr std::size_t kSlackAlertsMax = 20, kTeamsAlertsMax = 20;

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}
Json to_object(const store::Labels& labels) {
    Json out = Json::object();
    for (const store::Label& label : labels) out[label.name] = label.value;
    return out;
}
Json to_object(const Pairs& pairs) {
    Json out = Json::object();
    for (const auto& [name, value] : pairs) out[name] = value;
    return out;
}

std::string annotation(const Notice& notice, std::string_view name) {
    for (const auto& [key, value] : notice.annotations)
        if (key == name) return value;
    return {};
}

// At most so many bytes, cut between characters.
std::string cut(std::string text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    std::size_t end = bytes_max - 3;
    while (end > 0 && (text[end] & 0xC0) == 0x80) --end;
    return text.substr(0, end) + "...";
}

std::string sha256_hex(std::string_view text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
    std::string out;
    char hex[3];
    for (unsigned i = 0; i < size; ++i) {
        std::snprintf(hex, sizeof hex, "%02x", static_cast<unsigned>(digest[i]));
        out += hex;
    }
    return out;
}

std::string url_escaped(const std::string& text) {
    const Value value{text};
    const auto out = find_function("urlquery")->call(TemplateScene{}, {&value, 1});
    return out ? to_text(*out) : std::string();
}

std::string labels_line(const store::Labels& labels) {
    std::string out;
    for (const store::Label& label : labels)
        out += (out.empty() ? "" : ", ") + label.name + "=" + label.value;
    return out;
}

// What an alert says in one line.
std::string headline(const Notice& notice) {
    for (const std::string_view name : {"summary", "message", "description"})
        if (std::string text = annotation(notice, name); !text.empty()) return text;
    return std::string(store::value_of(notice.labels, "alertname"));
}

std::string severity_of(const Notification& n) {
    // The highest of those that fire, in PagerDuty's words.
    static constexpr std::pair<std::string_view, int> kRanks[] = {
        {"critical", 3}, {"page", 3}, {"error", 2}, {"warning", 1}, {"info", 0}, {"none", 0}};
    static constexpr std::string_view kWords[] = {"info", "warning", "error", "critical"};
    int highest = -1;
    for (const Notification::Alert& alert : n.alerts)
        for (const auto& [word, rank] : kRanks)
            if (store::value_of(alert.notice.labels, "severity") == word)
                highest = std::max(highest, rank);
    return std::string(highest < 0 ? "error" : kWords[highest]);
}

std::string list_of(const Notification& n, bool firing, const Links& links) {
    std::string out;
    for (const Notification::Alert& alert : n.alerts) {
        if (alert.firing != firing) continue;
        out += headline(alert.notice) + "\n  " + labels_line(alert.notice.labels) + "\n";
        for (const auto& [name, value] : alert.notice.annotations)
            if (name != "summary") out += "  " + name + ": " + value + "\n";
        out += "  since " + rfc3339(alert.notice.starts_ms);
        if (!firing) out += ", over at " + rfc3339(alert.notice.ends_ms);
        if (const std::string runbook = runbook_of(alert.notice, links);
            !runbook.empty() && annotation(alert.notice, "runbook_url").empty())
            out += "\n  runbook: " + runbook;
        out += "\n\n";
    }
    return out;
}

}  // namespace

std::string runbook_of(const Notice& notice, const Links& links) {
    if (std::string own = annotation(notice, "runbook_url"); !own.empty()) return own;
    if (links.runbook_url.empty()) return {};
    const std::string name = url_escaped(std::string(store::value_of(notice.labels, "alertname")));
    constexpr std::string_view kPlace = "{alertname}";
    std::string out = links.runbook_url;
    if (const std::size_t at = out.find(kPlace); at != std::string::npos)
        return out.replace(at, kPlace.size(), name);
    return out + (out.ends_with('/') ? "" : "/") + name;
}

std::string console_link(const store::Labels& labels, const Links& links) {
    if (links.external_url.empty()) return {};
    std::string query;
    for (const std::string_view name : {"alertname", "route", "upstream", "sink"})
        if (const std::string_view value = store::value_of(labels, name); !value.empty())
            query += (query.empty() ? "?" : "&") + std::string(name) + "=" +
                     url_escaped(std::string(value));
    const bool slash = links.external_url.ends_with('/');
    return links.external_url + (slash ? "alerts" : "/alerts") + query;
}

std::string subject_of(const Notification& n) {
    const bool firing = n.firing();
    std::string out = firing ? "[FIRING:" + std::to_string(n.count(true)) + "]" : "[RESOLVED]";
    std::string group;
    for (const store::Label& label : n.group_labels) group += " " + label.value;
    out +=
        group.empty() ? " " + std::string(store::value_of(n.common_labels(), "alertname")) : group;
    std::string rest;
    for (const store::Label& label : n.common_labels()) {
        const bool grouped = store::value_of(n.group_labels, label.name) == label.value;
        if (grouped || (group.empty() && label.name == "alertname")) continue;
        rest += (rest.empty() ? "" : " ") + label.value;
    }
    if (!rest.empty()) out += " (" + rest + ")";
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
}

std::string webhook_json(const Notification& n, const WebhookTarget& target, const Links& links) {
    Json alerts = Json::array();
    uint64_t truncated = n.truncated;
    for (const Notification::Alert& alert : n.alerts) {
        if (target.max_alerts > 0 && alerts.size() >= target.max_alerts) {
            ++truncated;
            continue;
        }
        Pairs annotations = alert.notice.annotations;
        if (annotation(alert.notice, "runbook_url").empty())
            if (std::string runbook = runbook_of(alert.notice, links); !runbook.empty())
                annotations.emplace_back("runbook_url", std::move(runbook));
        // As Alertmanager has it: an alert that goes on has no end.
        alerts.push_back(
            {{"status", alert.firing ? "firing" : "resolved"},
             {"labels", to_object(alert.notice.labels)},
             {"annotations", to_object(annotations)},
             {"startsAt", rfc3339(alert.notice.starts_ms)},
             {"endsAt", alert.firing ? "0001-01-01T00:00:00Z" : rfc3339(alert.notice.ends_ms)},
             {"generatorURL", alert.notice.generator_url},
             {"fingerprint", fingerprint_text(alert.notice.labels)}});
    }
    return dump({{"receiver", n.receiver},
                 {"status", n.firing() ? "firing" : "resolved"},
                 {"alerts", std::move(alerts)},
                 {"groupLabels", to_object(n.group_labels)},
                 {"commonLabels", to_object(n.common_labels())},
                 {"commonAnnotations", to_object(n.common_annotations())},
                 {"externalURL", links.external_url},
                 {"version", "4"},
                 {"groupKey", n.group_key},
                 {"truncatedAlerts", truncated}});
}

std::string pagerduty_json(const Notification& n, const PagerDutyTarget& target,
                           const Links& links) {
    Json event = {{"routing_key", target.routing_key},
                  {"dedup_key", sha256_hex(n.group_key)},
                  {"event_action", n.firing() ? "trigger" : "resolve"},
                  {"client", "Glassgate"}};
    const std::string console = console_link(n.common_labels(), links);
    if (!console.empty()) event["client_url"] = console;
    if (!n.firing()) return dump(event);
    const Notice& first = n.alerts.front().notice;
    const std::string_view instance = store::value_of(n.common_labels(), "instance");
    Json links_json = Json::array();
    std::vector<std::string> seen;
    for (const Notification::Alert& alert : n.alerts) {
        const std::string runbook = runbook_of(alert.notice, links);
        if (runbook.empty() || std::find(seen.begin(), seen.end(), runbook) != seen.end()) continue;
        seen.push_back(runbook);
        links_json.push_back({{"href", runbook}, {"text", "Runbook"}});
    }
    if (!console.empty()) links_json.push_back({{"href", console}, {"text", "Console"}});
    std::string summary = subject_of(n);
    if (n.count(true) == 1 && headline(first) != store::value_of(first.labels, "alertname"))
        summary += ": " + headline(first);
    event["payload"] = {{"summary", cut(std::move(summary), kPagerDutySummaryMax)},
                        {"source", instance.empty() ? std::string_view("glassgate") : instance},
                        {"severity", severity_of(n)},
                        {"timestamp", rfc3339(first.starts_ms)},
                        {"component", store::value_of(n.common_labels(), "route")},
                        {"group", store::value_of(n.group_labels, "alertname")},
                        {"class", store::value_of(n.common_labels(), "alertname")},
                        {"custom_details",
                         {{"num_firing", std::to_string(n.count(true))},
                          {"num_resolved", std::to_string(n.count(false))},
                          {"firing", cut(list_of(n, true, links), kPagerDutyDetailsMax)},
                          {"resolved", cut(list_of(n, false, links), kPagerDutyDetailsMax)}}}};
    event["links"] = std::move(links_json);
    return dump(event);
}

std::string slack_json(const Notification& n, const SlackTarget& target, const Links& links) {
    const auto escape = [](const std::string& text) {
        std::string out;
        for (const char c : text) switch (c) {
                case '&':
                    out += "&amp;";
                    break;
                case '<':
                    out += "&lt;";
                    break;
                case '>':
                    out += "&gt;";
                    break;
                default:
                    out += c;
            }
        return out;
    };
    std::string text;
    std::size_t shown = 0;
    for (const Notification::Alert& alert : n.alerts) {
        if (++shown > kSlackAlertsMax) break;
        text += (alert.firing ? "*Firing* " : "*Resolved* ") + escape(headline(alert.notice)) +
                "\n_" + escape(labels_line(alert.notice.labels)) + "_";
        if (const std::string runbook = runbook_of(alert.notice, links); !runbook.empty())
            text += " <" + runbook + "|Runbook>";
        text += "\n";
    }
    if (n.alerts.size() > kSlackAlertsMax)
        text += "... and " + std::to_string(n.alerts.size() - kSlackAlertsMax) + " more\n";
    const std::string subject = subject_of(n);
    Json attachment = {{"color", n.firing() ? "danger" : "good"},
                       {"title", subject},
                       {"title_link", console_link(n.common_labels(), links)},
                       {"text", text},
                       {"fallback", subject},
                       {"mrkdwn_in", {"text"}},
                       {"footer", "Glassgate"},
                       {"ts", n.at_ms / 1000}};
    Json message = Json::object();
    if (!target.channel.empty()) message["channel"] = target.channel;
    if (!target.username.empty()) message["username"] = target.username;
    message["attachments"] = Json::array({std::move(attachment)});
    return dump(message);
}

std::string teams_json(const Notification& n, const TeamsTarget&, const Links& links) {
    Json body = Json::array();
    body.push_back({{"type", "TextBlock"},
                    {"text", subject_of(n)},
                    {"weight", "Bolder"},
                    {"size", "Large"},
                    {"wrap", true},
                    {"color", n.firing() ? "Attention" : "Good"}});
    Json actions = Json::array();
    std::size_t shown = 0;
    for (const Notification::Alert& alert : n.alerts) {
        if (++shown > kTeamsAlertsMax) break;
        body.push_back({{"type", "TextBlock"},
                        {"text", std::string(alert.firing ? "Firing: " : "Resolved: ") +
                                     headline(alert.notice)},
                        {"wrap", true}});
        Json facts = Json::array();
        for (const store::Label& label : alert.notice.labels)
            facts.push_back({{"title", label.name}, {"value", label.value}});
        facts.push_back({{"title", "since"}, {"value", rfc3339(alert.notice.starts_ms)}});
        body.push_back({{"type", "FactSet"}, {"facts", std::move(facts)}});
    }
    if (const std::string runbook = runbook_of(n.alerts.front().notice, links); !runbook.empty())
        actions.push_back({{"type", "Action.OpenUrl"}, {"title", "Runbook"}, {"url", runbook}});
    if (const std::string console = console_link(n.common_labels(), links); !console.empty())
        actions.push_back({{"type", "Action.OpenUrl"}, {"title", "Console"}, {"url", console}});
    Json card = {{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
                 {"type", "AdaptiveCard"},
                 {"version", "1.4"},
                 {"body", std::move(body)},
                 {"actions", std::move(actions)},
                 {"msteams", {{"width", "full"}}}};
    return dump(
        {{"type", "message"},
         {"attachments", Json::array({{{"contentType", "application/vnd.microsoft.card.adaptive"},
                                       {"contentUrl", nullptr},
                                       {"content", std::move(card)}}})}});
}

std::string alertmanager_json(const std::vector<Notice>& notices) {
    Json out = Json::array();
    for (const Notice& notice : notices)
        out.push_back({{"annotations", to_object(notice.annotations)},
                       {"endsAt", rfc3339(notice.ends_ms)},
                       {"startsAt", rfc3339(notice.starts_ms)},
                       {"generatorURL", notice.generator_url},
                       {"labels", to_object(notice.labels)}});
    return dump(out);
}

}  // namespace glassgate::alert
