// spec.telemetry.alerting -> alert::Settings, the rule files read and checked.
#include <filesystem>
#include <set>

#include "alert/rules/builtin.h"
#include "alert/rules/glob.h"
#include "config/draft.h"
#include "config/files.h"
#include "config/url.h"
#include "store/query/label_sets.h"

namespace glassgate::config {
namespace {

namespace fs = std::filesystem;
using alert::EmailTarget;
using alert::HttpTarget;
using alert::Integration;
using alert::LabelMatcher;

constexpr int64_t kDayMs = 24 * 3'600'000;
constexpr std::size_t kRouteDepthMax = 10;

std::string folder_of(const Position& at) {
    return at.file ? fs::path(*at.file).parent_path().string() : std::string();
}

class Reader {
public:
    explicit Reader(Draft& draft) : draft_(draft), diagnostics_(draft.diagnostics) {}

    void read(const Node& node) {
        alert::Settings& settings = draft_.alerting;
        Fields fields(node, diagnostics_, "alerting");
        settings.enabled = fields.boolean("enabled", true);
        settings.directory = fields.text("path");
        settings.evaluation_interval_ms =
            fields.integer("evaluationIntervalMs", settings.evaluation_interval_ms, 100, kDayMs);
        settings.resend_delay_ms =
            fields.integer("resendDelayMs", settings.resend_delay_ms, 100, kDayMs);
        settings.external_url = url(fields, "externalUrl", false);
        settings.runbook_url = fields.text("runbookUrl");
        for (const auto& [name, value] : read_pairs(fields, "externalLabels"))
            store::query::set_label(settings.external_labels, name, value);
        settings.history_max_rows = read_unsigned<uint64_t>(
            fields, "historyRows", settings.history_max_rows, 100, 10'000'000);
        read_spool(fields.child("spool"), settings);
        read_alertmanagers(fields.child("alertmanagers"), settings);
        for (const Node& item : items_of(fields.child("receivers"), "receivers", diagnostics_))
            read_receiver(item, settings);
        if (const Node* const route = fields.child("route")) {
            settings.route = read_route(*route, alert::Route{}, 0);
            if (settings.route.receiver.empty() && route->kind == Node::Kind::map)
                diagnostics_.error(route->position, "the route has no receiver",
                                   "the name of one of the receivers");
            if (!settings.route.matchers.empty())
                diagnostics_.error(route->position, "the outermost route takes every alert",
                                   "match in its routes only");
        } else if (settings.receivers.size() == 1) {
            settings.route.receiver = settings.receivers.front().name;
            settings.route.group_by = {"alertname"};
        } else if (settings.receivers.size() > 1) {
            diagnostics_.error(fields.child("receivers")->position,
                               "several receivers and no route to tell which alert goes to which",
                               "route");
        }
        for (const Node& item : items_of(fields.child("inhibit"), "inhibit", diagnostics_))
            read_inhibition(item, settings);
        read_rules(fields, settings);
    }

private:
    std::string url(Fields& fields, std::string_view key, bool required) {
        const Node* const node = required ? fields.require(key) : fields.child(key);
        std::string text = fields.text(key);
        if (node == nullptr || text.empty()) return text;
        if (const std::string problem = problem_with_url(text); !problem.empty())
            fields.mistake(node->position, std::string(key) + " " + problem,
                           "a URL such as https://example.com/path");
        return text;
    }

    // Empty: good. Webhooks carry their secrets in queries.
    static std::string problem_with_url(std::string_view text) {
        const Result<Url> parsed = parse_url(text.substr(0, text.find('?')));
        if (!parsed) return parsed.error().message;
        if (parsed->scheme != "http" && parsed->scheme != "https") return "is not an HTTP URL";
        const bool sound = text.find_first_of(" \t\r\n#") == std::string_view::npos;
        return sound ? std::string() : "has a space or a fragment";
    }

    void read_spool(const Node* node, alert::Settings& settings) {
        Fields fields(or_empty(node), diagnostics_, "spool");
        settings.spool_max_bytes = read_unsigned<uint64_t>(
            fields, "maxBytes", settings.spool_max_bytes, 64 * 1024, uint64_t{1} << 30);
        settings.spool_max_age_ms =
            fields.integer("maxAgeMs", settings.spool_max_age_ms, 1000, 30 * kDayMs);
    }

    // What all HTTP targets have.
    HttpTarget read_http(Fields& fields, HttpTarget target, bool needs_url) {
        if (fields.has("url") || needs_url) target.url = url(fields, "url", needs_url);
        target.bearer = fields.text("bearerToken");
        target.username = fields.text("username");
        target.password = fields.text("password");
        target.ca_file = ca_file(fields);
        target.timeout_ms = read_ms(fields, "timeoutMs", target.timeout_ms);
        for (const auto& [name, value] : read_pairs(fields, "headers"))
            target.headers.push_back(name + ": " + value);
        for (const std::string& line : target.headers)
            if (line.find_first_of("\r\n") != std::string::npos)
                fields.mistake(fields.position(), "a header with a line break");
        return target;
    }

    std::string ca_file(Fields& fields) {
        std::string path = fields.text("caFile");
        if (path.empty()) return path;
        const Node* const node = fields.child("caFile");
        if (fs::path(path).is_relative())
            path = (fs::path(folder_of(node->position)) / path).string();
        std::error_code ignored;
        if (!fs::is_regular_file(path, ignored))
            fields.mistake(node->position, "no such file: " + path, "a file of certificates (PEM)");
        (void)draft_.files.sha256(path);
        return path;
    }

    void read_alertmanagers(const Node* node, alert::Settings& settings) {
        for (const Node& item : items_of(node, "alertmanagers", diagnostics_)) {
            if (item.kind == Node::Kind::scalar) {
                if (const std::string problem = problem_with_url(item.scalar); !problem.empty())
                    diagnostics_.error(item.position, "the Alertmanager's URL " + problem,
                                       "a URL such as http://alertmanager:9093");
                HttpTarget target;
                target.url = item.scalar;
                settings.alertmanagers.push_back(std::move(target));
                continue;
            }
            Fields fields(item, diagnostics_, "an Alertmanager");
            settings.alertmanagers.push_back(read_http(fields, {}, true));
        }
    }

    void read_receiver(const Node& node, alert::Settings& settings) {
        Fields fields(node, diagnostics_, "a receiver");
        alert::Receiver receiver;
        (void)fields.require("name");
        receiver.name = read_name(fields, "name", {});
        if (index_of(settings.receivers, &alert::Receiver::name, receiver.name))
            fields.mistake(node.position, "receiver " + quote(receiver.name) + " is there already",
                           "another name");
        for (const char* const kind : {"webhook", "pagerduty", "slack", "teams", "email"}) {
            std::size_t number = 0;
            for (const Node& item : one_or_many(fields.child(kind))) {
                Integration integration;
                integration.name =
                    receiver.name + "/" + kind + "[" + std::to_string(number++) + "]";
                Fields target(item, diagnostics_, kind);
                integration.send_resolved = target.boolean("sendResolved", true);
                read_target(kind, target, integration);
                receiver.integrations.push_back(std::move(integration));
            }
        }
        settings.receivers.push_back(std::move(receiver));
    }

    static std::vector<Node> one_or_many(const Node* node) {
        if (node == nullptr || node->kind == Node::Kind::null) return {};
        return node->kind == Node::Kind::list ? node->items : std::vector<Node>{*node};
    }

    void read_target(std::string_view kind, Fields& fields, Integration& integration) {
        if (kind == "webhook") {
            alert::WebhookTarget target;
            target.http = read_http(fields, {}, true);
            target.max_alerts = read_unsigned<uint32_t>(fields, "maxAlerts", 0, 0, 1'000'000);
            integration.target = std::move(target);
        } else if (kind == "pagerduty") {
            alert::PagerDutyTarget target;
            target.http = read_http(fields, std::move(target.http), false);
            (void)fields.require("routingKey");
            target.routing_key = fields.text("routingKey");
            integration.target = std::move(target);
        } else if (kind == "slack") {
            alert::SlackTarget target;
            target.channel = fields.text("channel");
            target.username = fields.text("displayName");
            target.http = read_http(fields, {}, true);
            integration.target = std::move(target);
        } else if (kind == "teams") {
            integration.target = alert::TeamsTarget{read_http(fields, {}, true)};
        } else {
            integration.target = read_email(fields);
        }
    }

    EmailTarget read_email(Fields& fields) {
        EmailTarget target;
        for (const char* const key : {"smarthost", "from", "to"}) (void)fields.require(key);
        target.smarthost = fields.text("smarthost");
        const std::size_t colon = target.smarthost.rfind(':');
        if (!target.smarthost.empty() &&
            (colon == std::string::npos || colon == 0 || colon + 1 == target.smarthost.size() ||
             target.smarthost.find_first_not_of("0123456789", colon + 1) != std::string::npos))
            fields.mistake(fields.child("smarthost")->position,
                           "smarthost is " + quote(target.smarthost), "host:port");
        target.from = address(fields, fields.text("from"));
        for (const std::string& one : fields.texts("to")) target.to.push_back(address(fields, one));
        target.username = fields.text("username");
        target.password = fields.text("password");
        target.hello = fields.text("hello");
        target.ca_file = ca_file(fields);
        target.timeout_ms = read_ms(fields, "timeoutMs", target.timeout_ms);
        static constexpr EmailTarget::Tls kTls[] = {
            EmailTarget::Tls::starttls, EmailTarget::Tls::implicit, EmailTarget::Tls::opportunistic,
            EmailTarget::Tls::none};
        target.tls =
            kTls[fields.choice("tls", {"starttls", "implicit", "opportunistic", "none"}, 0)];
        return target;
    }

    std::string address(Fields& fields, std::string text) {
        const bool sound = text.find_first_of("<>\r\n ,;") == std::string::npos &&
                           text.find('@') != std::string::npos;
        if (!sound && !text.empty())
            fields.mistake(fields.position(), "address " + quote(text), "name@example.com");
        return text;
    }

    alert::LabelMatchers matchers(Fields& fields, std::string_view key) {
        alert::LabelMatchers out;
        const Node* const node = fields.child(key);
        for (const Node& item : one_or_many(node)) {
            auto parsed = LabelMatcher::parse_all(item.scalar);
            if (!parsed) {
                fields.mistake(
                    item.position, parsed.error().message,
                    "a matcher such as severity=\"critical\" or route=~\"cart|checkout\"");
                continue;
            }
            for (LabelMatcher& matcher : *parsed) out.push_back(std::move(matcher));
        }
        return out;
    }

    alert::Route read_route(const Node& node, const alert::Route& parent, std::size_t depth) {
        alert::Route route = parent;
        route.matchers.clear();
        route.routes.clear();
        route.goes_on = false;
        if (depth > kRouteDepthMax) {
            diagnostics_.error(node.position, "routes are nested too deeply");
            return route;
        }
        Fields fields(node, diagnostics_, "a route");
        if (const std::string name = fields.text("receiver"); !name.empty()) {
            route.receiver = name;
            check_receiver(fields, name);
        }
        route.matchers = matchers(fields, "match");
        route.goes_on = fields.boolean("continue", false);
        if (fields.has("groupBy")) {
            route.group_by = fields.texts("groupBy");
            route.group_by_all = route.group_by == std::vector<std::string>{"..."};
            if (route.group_by_all) route.group_by.clear();
        }
        route.group_wait_ms = fields.integer("groupWaitMs", route.group_wait_ms, 0, kDayMs);
        route.group_interval_ms =
            fields.integer("groupIntervalMs", route.group_interval_ms, 100, 7 * kDayMs);
        route.repeat_interval_ms =
            fields.integer("repeatIntervalMs", route.repeat_interval_ms, 100, 90 * kDayMs);
        for (const Node& child : items_of(fields.child("routes"), "routes", diagnostics_))
            route.routes.push_back(read_route(child, route, depth + 1));
        return route;
    }

    void check_receiver(Fields& fields, const std::string& name) {
        std::vector<std::string_view> names;
        for (const alert::Receiver& receiver : draft_.alerting.receivers) {
            if (receiver.name == name) return;
            names.push_back(receiver.name);
        }
        diagnostics_.error(fields.child("receiver")->position,
                           "there is no receiver " + quote(name), {},
                           std::string(nearest_name(name, names)));
    }

    void read_inhibition(const Node& node, alert::Settings& settings) {
        Fields fields(node, diagnostics_, "an inhibition");
        alert::Inhibition inhibition;
        (void)fields.require("source");
        (void)fields.require("target");
        inhibition.source = matchers(fields, "source");
        inhibition.target = matchers(fields, "target");
        inhibition.equal = fields.texts("equal");
        settings.inhibitions.push_back(std::move(inhibition));
    }

    void read_rules(Fields& fields, alert::Settings& settings) {
        const Node* const node = fields.child("rules");
        if (node == nullptr) {
            for (const std::string& name : alert::default_rules())
                add_builtin(name, fields.position(), settings);
            return;
        }
        (void)fields.texts("rules");  // reports what is no text
        for (const Node& item : one_or_many(node)) {
            if (item.kind != Node::Kind::scalar) continue;
            if (item.scalar.starts_with(alert::kBuiltinPrefix))
                add_builtin(item.scalar, item.position, settings);
            else
                add_files(item, settings);
        }
    }

    void add_builtin(const std::string& name, const Position& at, alert::Settings& settings) {
        auto groups = alert::builtin_rules(name);
        if (!groups) {
            diagnostics_.error(at, groups.error().message);
            return;
        }
        for (alert::RuleGroup& group : *groups) settings.groups.push_back(std::move(group));
    }

    void add_files(const Node& item, alert::Settings& settings) {
        const std::vector<std::string> files =
            alert::expand_glob(item.scalar, folder_of(item.position));
        if (files.empty())
            diagnostics_.warning(item.position, "no rule file matches " + quote(item.scalar));
        // A file that appears later is noticed where the pattern looks in one folder.
        const fs::path pattern = fs::path(item.scalar).is_absolute()
                                     ? fs::path(item.scalar)
                                     : fs::path(folder_of(item.position)) / item.scalar;
        const std::string folder = pattern.parent_path().string();
        if (item.scalar.find_first_of("*?[") != std::string::npos &&
            folder.find_first_of("*?[") == std::string::npos)
            draft_.files.note_folder(folder.empty() ? "." : folder);
        for (const std::string& file : files) {
            if (!read_before_.insert(file).second) continue;
            (void)draft_.files.sha256(file);
            const Result<std::string> text = read_file(file, kMaxRuleFileBytes);
            if (!text) {
                diagnostics_.error(item.position, text.error().message + ": " + file);
                continue;
            }
            for (alert::RuleGroup& group : alert::read_rule_file(file, *text, diagnostics_))
                settings.groups.push_back(std::move(group));
        }
    }

    static constexpr std::size_t kMaxRuleFileBytes = 4u << 20;
    Draft& draft_;
    Diagnostics& diagnostics_;
    std::set<std::string> read_before_;
};

}  // namespace

void compile_alerting(const Node* alerting, Draft& draft) {
    Reader(draft).read(or_empty(alerting));
}

}  // namespace glassgate::config
