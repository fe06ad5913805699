// What amtool and other clients ask of Alertmanager 0.25's /api/v2.
#include <algorithm>
#include <map>
#include <optional>

#include "alert/api.h"
#include "alert/api_json.h"

namespace glassgate::alert {
namespace {

// Answers that are errors are a JSON string, as Alertmanager's.
ApiReply refuse(int status, const std::string& what) { return {status, dump(OrderedJson(what))}; }

Result<LabelMatchers> filters_of(const ApiRequest& request) {
    LabelMatchers out;
    for (const std::string_view text : request.all("filter"))
        for (LabelMatcher& matcher : TRY(LabelMatcher::parse_all(text)))
            out.push_back(std::move(matcher));
    return out;
}

bool flag(const ApiRequest& request, std::string_view name) {
    return request.first(name) != "false";  // all default to true
}

OrderedJson notice_json(const Dispatcher::View& view) {
    OrderedJson receivers = OrderedJson::array();
    for (const std::string& name : view.receivers) receivers.push_back({{"name", name}});
    const bool suppressed = !view.silenced_by.empty() || !view.inhibited_by.empty();
    return {{"annotations", to_object(view.notice.annotations)},
            {"endsAt", rfc3339(view.notice.ends_ms)},
            {"fingerprint", fingerprint_text(view.notice.labels)},
            {"receivers", std::move(receivers)},
            {"startsAt", rfc3339(view.notice.starts_ms)},
            {"status",
             {{"inhibitedBy", view.inhibited_by},
              {"silencedBy", view.silenced_by},
              {"state", suppressed ? "suppressed" : "active"}}},
            {"updatedAt", rfc3339(view.notice.updated_ms)},
            {"generatorURL", view.notice.generator_url},
            {"labels", to_object(view.notice.labels)}};
}

// Whether a request's filters let an alert through.
Result<std::vector<Dispatcher::View>> wanted(AlertService& service, const ApiRequest& request) {
    const LabelMatchers filters = TRY(filters_of(request));
    std::optional<LabelMatcher> receiver;
    if (const std::string_view text = request.first("receiver"); !text.empty())
        receiver = TRY(LabelMatcher::create("receiver", std::string(text), true, true));
    std::vector<Dispatcher::View> out;
    for (Dispatcher::View& view : service.dispatcher().alerts()) {
        const bool silenced = !view.silenced_by.empty(), inhibited = !view.inhibited_by.empty();
        if (!all_match(filters, view.notice.labels)) continue;
        if (!flag(request, "active") && !silenced && !inhibited) continue;
        if (!flag(request, "silenced") && silenced) continue;
        if (!flag(request, "inhibited") && inhibited) continue;
        if (receiver &&
            std::none_of(view.receivers.begin(), view.receivers.end(),
                         [&](const std::string& name) { return receiver->matches(name); }))
            continue;
        out.push_back(std::move(view));
    }
    return out;
}

OrderedJson silence_json(const Silence& silence, TimeMs now_ms) {
    OrderedJson matchers = OrderedJson::array();
    for (const LabelMatcher& m : silence.matchers)
        matchers.push_back({{"isEqual", m.is_equal()},
                            {"isRegex", m.is_regex()},
                            {"name", m.name()},
                            {"value", m.value()}});
    return {{"id", silence.id},
            {"status", {{"state", to_text(silence.state_at(now_ms))}}},
            {"updatedAt", rfc3339(silence.updated_ms)},
            {"comment", silence.comment},
            {"createdBy", silence.created_by},
            {"endsAt", rfc3339(silence.ends_ms)},
            {"matchers", std::move(matchers)},
            {"startsAt", rfc3339(silence.starts_ms)}};
}

Result<Silence> read_silence(const OrderedJson& json) {
    Silence silence;
    if (json.contains("id") && json["id"].is_string()) silence.id = json["id"].get<std::string>();
    for (const char* const key : {"comment", "createdBy", "startsAt", "endsAt", "matchers"})
        if (!json.contains(key)) return failure(std::string(key) + " in body is required");
    for (const char* const key : {"comment", "createdBy", "startsAt", "endsAt"})
        if (!json[key].is_string())
            return failure(std::string(key) + " in body must be of type string");
    silence.comment = json["comment"].get<std::string>();
    silence.created_by = json["createdBy"].get<std::string>();
    silence.starts_ms = TRY(parse_rfc3339(json["startsAt"].get<std::string>()));
    silence.ends_ms = TRY(parse_rfc3339(json["endsAt"].get<std::string>()));
    if (!json["matchers"].is_array()) return failure("matchers in body must be of type array");
    for (const OrderedJson& m : json["matchers"]) {
        const bool sound = m.is_object() && m.contains("name") && m["name"].is_string() &&
                           m.contains("value") && m["value"].is_string() && m.contains("isRegex") &&
                           m["isRegex"].is_boolean() &&
                           (!m.contains("isEqual") || m["isEqual"].is_boolean());
        if (!sound) return failure("a matcher needs name, value and isRegex");
        silence.matchers.push_back(TRY(LabelMatcher::create(
            m["name"].get<std::string>(), m["value"].get<std::string>(), m["isRegex"].get<bool>(),
            !m.contains("isEqual") || m["isEqual"].get<bool>())));
    }
    return silence;
}

}  // namespace

ApiReply v2_status(AlertService& service, const ApiRequest&) {
    std::string receivers;
    for (const Receiver& receiver : service.settings().receivers)
        receivers += "- name: " + receiver.name + "\n";
    return {200, dump({{"cluster", {{"peers", OrderedJson::array()}, {"status", "disabled"}}},
                       {"config", {{"original", "receivers:\n" + receivers}}},
                       {"uptime", rfc3339(service.started_ms())},
                       {"versionInfo",
                        {{"branch", ""},
                         {"buildDate", ""},
                         {"buildUser", ""},
                         {"goVersion", ""},
                         {"revision", ""},
                         {"version", "glassgate"}}}})};
}

ApiReply v2_receivers(AlertService& service, const ApiRequest&) {
    OrderedJson out = OrderedJson::array();
    for (const Receiver& receiver : service.settings().receivers)
        out.push_back({{"name", receiver.name}});
    return {200, dump(out)};
}

ApiReply v2_alerts(AlertService& service, const ApiRequest& request) {
    const auto views = wanted(service, request);
    if (!views) return refuse(400, views.error().message);
    OrderedJson out = OrderedJson::array();
    for (const Dispatcher::View& view : *views) out.push_back(notice_json(view));
    return {200, dump(out)};
}

ApiReply v2_alert_groups(AlertService& service, const ApiRequest& request) {
    const auto views = wanted(service, request);
    if (!views) return refuse(400, views.error().message);
    std::map<store::Labels, const Dispatcher::View*> by_labels;
    for (const Dispatcher::View& view : *views) by_labels[view.notice.labels] = &view;
    OrderedJson out = OrderedJson::array();
    for (const Dispatcher::GroupView& group : service.dispatcher().groups()) {
        OrderedJson alerts = OrderedJson::array();
        for (const Notice& notice : group.notices)
            if (const auto view = by_labels.find(notice.labels); view != by_labels.end())
                alerts.push_back(notice_json(*view->second));
        if (alerts.empty()) continue;
        out.push_back({{"alerts", std::move(alerts)},
                       {"labels", to_object(group.labels)},
                       {"receiver", {{"name", group.receiver}}}});
    }
    return {200, dump(out)};
}

ApiReply v2_silences(AlertService& service, const ApiRequest& request) {
    const auto filters = filters_of(request);
    if (!filters) return refuse(400, filters.error().message);
    OrderedJson out = OrderedJson::array();
    const TimeMs now_ms = service.now();
    for (const Silence& silence : service.silences().all()) {
        // A filter asks the silence's own matchers, by their values.
        store::Labels labels;
        for (const LabelMatcher& m : silence.matchers) labels.push_back({m.name(), m.value()});
        if (all_match(*filters, labels)) out.push_back(silence_json(silence, now_ms));
    }
    return {200, dump(out)};
}

ApiReply v2_silence(AlertService& service, const ApiRequest& request) {
    const auto silence = service.silences().find(request.id);
    if (!silence) return refuse(404, "silence not found");
    return {200, dump(silence_json(*silence, service.now()))};
}

ApiReply v2_set_silence(AlertService& service, const ApiRequest& request) {
    const OrderedJson json = OrderedJson::parse(request.body, nullptr, false);
    if (!json.is_object()) return refuse(400, "the body is not a JSON object");
    auto silence = read_silence(json);
    if (!silence) return refuse(400, silence.error().message);
    if (silence->created_by.empty()) silence->created_by = request.user;
    const auto id = service.silences().set(std::move(*silence), service.now());
    if (id) return {200, dump({{"silenceID", *id}})};
    const bool unknown = id.error().message == "silence not found";
    return refuse(unknown ? 404 : 400, id.error().message);
}

ApiReply v2_end_silence(AlertService& service, const ApiRequest& request) {
    const Status ended = service.silences().expire(request.id, service.now());
    if (ended) return {200, {}};
    const bool unknown = ended.error().message == "silence not found";
    return refuse(unknown ? 404 : 500, ended.error().message);
}

}  // namespace glassgate::alert
