#include "alert/notify/routing.h"

#include <algorithm>

#include "store/query/string_literal.h"

namespace glassgate::alert {
namespace {

std::string matchers_key(const LabelMatchers& matchers) {
    std::string out = "{";
    for (const LabelMatcher& matcher : matchers) {
        if (out.size() > 1) out += ",";
        out += matcher.to_text();
    }
    return out + "}";
}

void collect(const Route& route, const std::string& parent_key, const store::Labels& labels,
             std::vector<RouteMatch>& out) {
    if (!all_match(route.matchers, labels)) return;
    const std::string key =
        parent_key + (parent_key.empty() ? "" : "/") + matchers_key(route.matchers);
    const std::size_t before = out.size();
    for (const Route& child : route.routes) {
        const std::size_t count = out.size();
        collect(child, key, labels, out);
        if (out.size() > count && !child.goes_on) break;
    }
    if (out.size() == before) out.push_back({&route, key});
}

}  // namespace

std::vector<RouteMatch> match_routes(const Route& root, const store::Labels& labels) {
    std::vector<RouteMatch> out;
    if (!root.receiver.empty()) collect(root, "", labels, out);
    return out;
}

store::Labels group_labels(const Route& route, const store::Labels& labels) {
    if (route.group_by_all) return labels;
    store::Labels out;
    for (const store::Label& label : labels)
        if (std::find(route.group_by.begin(), route.group_by.end(), label.name) !=
            route.group_by.end())
            out.push_back(label);
    return out;
}

std::string labels_key(const store::Labels& labels) {
    std::string out = "{";
    for (const store::Label& label : labels) {
        if (out.size() > 1) out += ", ";
        out += label.name + "=" + store::query::quoted(label.value);
    }
    return out + "}";
}

}  // namespace glassgate::alert
