// What `glassgate check --explain` says about alerting.
#include "config/explain.h"

namespace glassgate::config {
namespace {

void route_text(const alert::Route& route, std::size_t depth, std::string& out) {
    out += std::string(2 * depth, ' ') + "route";
    for (const alert::LabelMatcher& matcher : route.matchers) out += " " + matcher.to_text();
    out += " -> " + route.receiver + ", by ";
    if (route.group_by_all) out += "every label";
    for (std::size_t i = 0; i < route.group_by.size(); ++i)
        out += (i > 0 ? " " : "") + route.group_by[i];
    if (!route.group_by_all && route.group_by.empty()) out += "nothing";
    out += ", wait " + std::to_string(route.group_wait_ms) + " ms, interval " +
           std::to_string(route.group_interval_ms) + " ms, repeat " +
           std::to_string(route.repeat_interval_ms) + " ms" +
           (route.goes_on ? ", and goes on" : "") + "\n";
    for (const alert::Route& child : route.routes) route_text(child, depth + 1, out);
}

}  // namespace

void alerting_text(const alert::Settings& alerting, std::string& out) {
    // Nothing but what is on by itself: not worth a line.
    if (alerting.enabled && alerting.receivers.empty() && alerting.alertmanagers.empty()) return;
    if (!alerting.enabled) {
        out += "alerting: off\n";
        return;
    }
    std::size_t rules = 0;
    for (const alert::RuleGroup& group : alerting.groups) rules += group.rules.size();
    out += "alerting: " + std::to_string(rules) + " rules in " +
           std::to_string(alerting.groups.size()) + " groups, every " +
           std::to_string(alerting.evaluation_interval_ms) + " ms, spool " +
           std::to_string(alerting.spool_max_bytes) + " bytes\n";
    for (const alert::HttpTarget& manager : alerting.alertmanagers)
        out += "  Alertmanager " + manager.url + "\n";
    for (const alert::Receiver& receiver : alerting.receivers)
        for (const alert::Integration& integration : receiver.integrations)
            out += "  receiver " + integration.name +
                   (integration.send_resolved ? "" : ", not told of ends") + "\n";
    if (!alerting.route.receiver.empty()) route_text(alerting.route, 1, out);
    for (const alert::Inhibition& rule : alerting.inhibitions) {
        out += "  inhibit";
        for (const alert::LabelMatcher& matcher : rule.target) out += " " + matcher.to_text();
        out += " while";
        for (const alert::LabelMatcher& matcher : rule.source) out += " " + matcher.to_text();
        out += ", equal";
        for (const std::string& name : rule.equal) out += " " + name;
        out += "\n";
    }
}

}  // namespace glassgate::config
