#include "alert/template/value.h"

#include <cstdio>

#include "store/query/calendar.h"
#include "store/query/number_text.h"

namespace glassgate::alert {
namespace {

std::string map_text(const StringMap& map) {
    std::string out = "map[";
    for (const auto& [key, value] : map) {
        if (out.back() != '[') out += ' ';
        out += key + ":" + value;
    }
    return out + "]";
}

std::string element_text(const QueryElement& element) {
    return "{" + map_text(element.labels) + " " + store::query::general_text(element.value) + "}";
}

struct TextOf {
    std::string operator()(Value::Nothing) const { return "<no value>"; }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(int64_t n) const { return std::to_string(n); }
    std::string operator()(double d) const { return store::query::general_text(d); }
    std::string operator()(const std::string& s) const { return s; }
    std::string operator()(const StringMap& m) const { return map_text(m); }
    std::string operator()(const QueryElement& e) const { return element_text(e); }
    std::string operator()(const Value::Elements& list) const {
        std::string out = "[";
        for (const QueryElement& e : *list) {
            if (out.back() != '[') out += ' ';
            out += element_text(e);
        }
        return out + "]";
    }
    std::string operator()(Instant i) const { return instant_text(i.t_ms); }
    std::string operator()(Value::Root) const { return "{}"; }
    std::string operator()(const std::shared_ptr<const ValueMap>& map) const {
        std::string out = "map[";
        for (const auto& [key, value] : *map) {
            if (out.back() != '[') out += ' ';
            out += key + ":" + to_text(value);
        }
        return out + "]";
    }
};

struct TruthOf {
    bool operator()(Value::Nothing) const { return false; }
    bool operator()(bool b) const { return b; }
    bool operator()(int64_t n) const { return n != 0; }
    bool operator()(double d) const { return d != 0; }
    bool operator()(const std::string& s) const { return !s.empty(); }
    bool operator()(const StringMap& m) const { return !m.empty(); }
    bool operator()(const QueryElement&) const { return true; }
    bool operator()(const Value::Elements& list) const { return !list->empty(); }
    bool operator()(Instant) const { return true; }
    bool operator()(Value::Root) const { return true; }
    bool operator()(const std::shared_ptr<const ValueMap>& map) const { return !map->empty(); }
};

}  // namespace

std::string_view type_name(const Value& value) noexcept {
    static constexpr std::string_view kNames[] = {
        "<nil>",
        "bool",
        "int",
        "float64",
        "string",
        "map[string]string",
        "template.sample",
        "template.queryResult",
        "*time.Time",
        "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; "
        "Value float64 }",
        "map[string]interface {}"};
    return kNames[value.v.index()];
}

bool is_true(const Value& value) noexcept { return std::visit(TruthOf{}, value.v); }

std::string to_text(const Value& value) { return std::visit(TextOf{}, value.v); }

std::string instant_text(store::TimeMs t_ms) {
    int64_t seconds = t_ms / 1000;
    int64_t ms = t_ms % 1000;
    if (ms < 0) {
        ms += 1000;
        --seconds;
    }
    const store::query::CalendarTime t = store::query::calendar_time(seconds);
    char text[80];
    std::snprintf(text, sizeof text, "%04lld-%02d-%02d %02d:%02d:%02d",
                  static_cast<long long>(t.year), t.month, t.day, t.hour, t.minute,
                  static_cast<int>(((seconds % 60) + 60) % 60));
    std::string out = text;
    if (ms != 0) {
        std::snprintf(text, sizeof text, ".%03d", static_cast<int>(ms));
        out += text;
        while (out.back() == '0') out.pop_back();
    }
    return out + " +0000 UTC";
}

}  // namespace glassgate::alert
