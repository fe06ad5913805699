#include "alert/notify/notice.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "store/query/api.h"
#include "store/query/calendar.h"

namespace glassgate::alert {
namespace {

using Json = nlohmann::json;

Json to_object(const store::Labels& labels) {
    Json out = Json::object();
    for (const store::Label& label : labels) out[label.name] = label.value;
    return out;
}
store::Labels labels_from(const Json& object) {
    store::Labels labels;
    for (const auto& [name, value] : object.items())
        labels.push_back({name, value.get<std::string>()});
    std::sort(labels.begin(), labels.end());
    return labels;
}

Notification read_notification(const Json& json) {
    Notification out;
    out.receiver = json.at("receiver").get<std::string>();
    out.group_key = json.at("groupKey").get<std::string>();
    out.group_labels = labels_from(json.at("groupLabels"));
    out.external_url = json.at("externalUrl").get<std::string>();
    out.at_ms = json.at("at").get<TimeMs>();
    out.truncated = json.at("truncated").get<uint64_t>();
    for (const Json& one : json.at("alerts")) {
        Notification::Alert alert;
        alert.firing = one.at("firing").get<bool>();
        alert.notice.labels = labels_from(one.at("labels"));
        for (const auto& [name, value] : one.at("annotations").items())
            alert.notice.annotations.emplace_back(name, value.get<std::string>());
        alert.notice.starts_ms = one.at("starts").get<TimeMs>();
        alert.notice.ends_ms = one.at("ends").get<TimeMs>();
        alert.notice.updated_ms = one.at("updated").get<TimeMs>();
        alert.notice.generator_url = one.at("generatorUrl").get<std::string>();
        out.alerts.push_back(std::move(alert));
    }
    return out;
}

}  // namespace

uint64_t fingerprint(const store::Labels& labels) noexcept {
    uint64_t sum = 14695981039346656037ull;
    const auto add = [&sum](std::string_view text) {
        for (const char c : text) {
            sum ^= static_cast<unsigned char>(c);
            sum *= 1099511628211ull;
        }
        sum ^= 255;
        sum *= 1099511628211ull;
    };
    for (const store::Label& label : labels) {
        add(label.name);
        add(label.value);
    }
    return sum;
}

std::string fingerprint_text(const store::Labels& labels) {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx",
                  static_cast<unsigned long long>(fingerprint(labels)));
    return text;
}

bool Notification::firing() const noexcept { return count(true) > 0; }

std::size_t Notification::count(bool are_firing) const noexcept {
    return static_cast<std::size_t>(std::count_if(
        alerts.begin(), alerts.end(), [&](const Alert& a) { return a.firing == are_firing; }));
}

store::Labels Notification::common_labels() const {
    if (alerts.empty()) return {};
    store::Labels common = alerts.front().notice.labels;
    for (const Alert& alert : alerts)
        std::erase_if(common, [&](const store::Label& label) {
            return store::value_of(alert.notice.labels, label.name) != label.value;
        });
    return common;
}

Pairs Notification::common_annotations() const {
    if (alerts.empty()) return {};
    Pairs common = alerts.front().notice.annotations;
    for (const Alert& alert : alerts)
        std::erase_if(common, [&](const auto& pair) {
            const Pairs& all = alert.notice.annotations;
            return std::find(all.begin(), all.end(), pair) == all.end();
        });
    return common;
}

std::string rfc3339(TimeMs t_ms) {
    int64_t seconds = t_ms / 1000, ms = t_ms % 1000;
    if (ms < 0) {
        ms += 1000;
        --seconds;
    }
    const store::query::CalendarTime t = store::query::calendar_time(seconds);
    char text[80];
    std::snprintf(text, sizeof text, "%04lld-%02d-%02dT%02d:%02d:%02d",
                  static_cast<long long>(t.year), t.month, t.day, t.hour, t.minute,
                  static_cast<int>(((seconds % 60) + 60) % 60));
    std::string out = text;
    if (ms != 0) {
        std::snprintf(text, sizeof text, ".%03d", static_cast<int>(ms));
        out += text;
        while (out.back() == '0') out.pop_back();
    }
    return out + "Z";
}

Result<TimeMs> parse_rfc3339(std::string_view text) {
    if (text.find('T') == std::string_view::npos && text.find('t') == std::string_view::npos)
        return failure("not a time: " + quote(text));
    return store::query::parse_time(text);
}

std::string to_json(const Notification& n) {
    Json json = {{"receiver", n.receiver},
                 {"groupKey", n.group_key},
                 {"groupLabels", to_object(n.group_labels)},
                 {"externalUrl", n.external_url},
                 {"at", n.at_ms},
                 {"truncated", n.truncated},
                 {"alerts", Json::array()}};
    for (const Notification::Alert& alert : n.alerts) {
        Json annotations = Json::object();
        for (const auto& [name, value] : alert.notice.annotations) annotations[name] = value;
        json["alerts"].push_back({{"firing", alert.firing},
                                  {"labels", to_object(alert.notice.labels)},
                                  {"annotations", std::move(annotations)},
                                  {"starts", alert.notice.starts_ms},
                                  {"ends", alert.notice.ends_ms},
                                  {"updated", alert.notice.updated_ms},
                                  {"generatorUrl", alert.notice.generator_url}});
    }
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Notification> notification_from_json(std::string_view text) {
    try {
        return read_notification(Json::parse(text));
    } catch (const Json::exception& e) {
        return failure(e.what());
    }
}

}  // namespace glassgate::alert
