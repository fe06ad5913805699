#include "proxy/api_table.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "proxy/plan.h"

namespace glassgate::proxy {

struct ApiTable::Api {
    struct Rule {
        uint32_t route;
        const RequestRule* rule;
    };
    std::string base;
    std::vector<Rule> rules;
    std::vector<std::shared_ptr<const ApiRoutePlan>> kept;  // whose rules these are
};

namespace {

// Looked up by string_view: a search makes no string.
struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
        return std::hash<std::string_view>{}(text);
    }
};

struct Port {
    std::unordered_map<std::string, ApiTable::Api, TextHash, std::equal_to<>> by_base;
    std::vector<std::size_t> lengths;  // of the bases, longest first
};

}  // namespace

struct ApiTable::Tables {
    std::vector<Port> ports;  // by listener
};

ApiTable::ApiTable() : tables_(std::make_unique<Tables>()) {}
ApiTable::~ApiTable() = default;
ApiTable::ApiTable(ApiTable&&) noexcept = default;
ApiTable& ApiTable::operator=(ApiTable&&) noexcept = default;

ApiTable ApiTable::compile(const std::vector<RoutePlan>& routes) {
    ApiTable table;
    std::vector<Port>& ports = table.tables_->ports;
    for (uint32_t r = 0; r < routes.size(); ++r) {
        const std::shared_ptr<const ApiRoutePlan>& plan = routes[r].api;
        if (!plan) continue;
        for (const uint32_t listener : routes[r].listeners) {
            if (ports.size() <= listener) ports.resize(listener + 1);
            Api& api = ports[listener].by_base[plan->base];
            api.base = plan->base;
            api.kept.push_back(plan);
            for (const RequestRule& rule : plan->rules) api.rules.push_back({r, &rule});
        }
    }
    for (Port& port : ports) {
        for (const auto& [base, api] : port.by_base) port.lengths.push_back(base.size());
        std::sort(port.lengths.begin(), port.lengths.end(), std::greater<>());
        port.lengths.erase(std::unique(port.lengths.begin(), port.lengths.end()),
                           port.lengths.end());
    }
    return table;
}

bool ApiTable::empty() const noexcept { return tables_->ports.empty(); }

const ApiTable::Api* ApiTable::find(uint32_t listener, std::string_view path) const noexcept {
    if (listener >= tables_->ports.size() || !path.starts_with('/')) return nullptr;
    const Port& port = tables_->ports[listener];
    for (const std::size_t length : port.lengths) {
        if (path.size() < length || (path.size() > length && path[length] != '/')) continue;
        const auto found = port.by_base.find(path.substr(0, length));
        if (found != port.by_base.end()) return &found->second;
    }
    return nullptr;
}

bool ApiTable::has_base(const Api& api) noexcept { return !api.base.empty(); }

ApiTable::Match ApiTable::match(const Api& api, std::string_view path,
                                const http::RequestHead& head) noexcept {
    Match out;
    const std::string_view below = below_base(path, api.base);
    if (head.method == Method::connect) return out;
    for (const Api::Rule& candidate : api.rules) {
        const RequestRule& rule = *candidate.rule;
        if (!rule.path.match(below, out.captures) || !rule.takes(head)) continue;
        out.route = candidate.route;
        out.pattern = rule.pattern;
        return out;
    }
    return out;
}

}  // namespace glassgate::proxy
