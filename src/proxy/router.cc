#include "proxy/router.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"
#include "proxy/plan.h"

namespace glassgate::proxy {
namespace {

struct Entry {
    uint32_t route;
    uint32_t pattern;
    MethodSet methods;
    std::vector<uint32_t> listeners;  // empty: all
    [[nodiscard]] bool takes(uint32_t listener) const {
        return listeners.empty() || std::find(listeners.begin(), listeners.end(), listener) != listeners.end();
    }
};

// One path segment of the tree. Literal children are searched by name, then :param, then *.
struct PathNode {
    std::map<std::string, std::unique_ptr<PathNode>, std::less<>> literal;
    std::unique_ptr<PathNode> parameter;
    std::vector<Entry> here;   // patterns that end here
    std::vector<Entry> below;  // "/*": everything from here down
};

bool is_parameter(std::string_view segment) {
    return segment.starts_with(':') || (segment.starts_with('{') && segment.ends_with('}'));
}

struct Search {
    uint32_t listener;
    Method method;
    MethodSet allowed = 0;

    bool choose(const std::vector<Entry>& entries, RouteMatch& out) {
        for (const bool named : {true, false}) {  // a route that names its listener comes first
            for (const Entry& entry : entries) {
                if (entry.listeners.empty() == named || !entry.takes(listener)) continue;
                if (entry.methods & method_bit(method)) {
                    out = {entry.route, entry.pattern, 0};
                    return true;
                }
                allowed |= entry.methods;
            }
        }
        return false;
    }

    // `rest` is what follows the '/' before the next segment.
    bool descend(const PathNode& node, std::string_view rest, bool more, RouteMatch& out) {
        if (!more) return choose(node.here, out) || choose(node.below, out);
        const std::size_t slash = rest.find('/');
        const std::string_view segment = rest.substr(0, slash);
        const bool deeper = slash != std::string_view::npos;
        const std::string_view next = deeper ? rest.substr(slash + 1) : std::string_view{};
        if (const auto child = node.literal.find(segment);
            child != node.literal.end() && descend(*child->second, next, deeper, out))
            return true;
        if (node.parameter && !segment.empty() && descend(*node.parameter, next, deeper, out)) return true;
        return choose(node.below, out);
    }
};

void insert(PathNode& root, std::string_view pattern, const Entry& entry) {
    PathNode* node = &root;
    if (pattern == "*") pattern = "/*";
    std::string_view rest = pattern.substr(1);
    while (true) {
        const std::size_t slash = rest.find('/');
        const std::string_view segment = rest.substr(0, slash);
        if (segment == "*") {
            node->below.push_back(entry);
            return;
        }
        std::unique_ptr<PathNode>& child =
            is_parameter(segment) ? node->parameter : node->literal[std::string(segment)];
        if (!child) child = std::make_unique<PathNode>();
        node = child.get();
        if (slash == std::string_view::npos) break;
        rest = rest.substr(slash + 1);
    }
    node->here.push_back(entry);
}

}  // namespace

struct Router::Tables {
    std::map<std::string, PathNode, std::less<>> exact;
    std::vector<std::pair<std::string, PathNode>> suffixes;  // ".example.com", longest first
    PathNode any;
};

Router::Router() : tables_(std::make_unique<Tables>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

Router Router::compile(const std::vector<RoutePlan>& routes) {
    Router router;
    Tables& tables = *router.tables_;
    const auto tree_for = [&](const std::string& host) -> PathNode& {
        if (host == "*") return tables.any;
        if (!host.starts_with("*.")) return tables.exact[host];
        const std::string suffix = host.substr(1);
        for (auto& [known, tree] : tables.suffixes)
            if (known == suffix) return tree;
        return tables.suffixes.emplace_back(suffix, PathNode{}).second;
    };
    for (uint32_t r = 0; r < routes.size(); ++r) {
        const RoutePlan& route = routes[r];
        const std::vector<std::string> any{"*"};
        for (const std::string& host : route.hosts.empty() ? any : route.hosts)
            for (uint32_t p = 0; p < route.paths.size(); ++p)
                insert(tree_for(host), route.paths[p], {r, p, route.methods, route.listeners});
    }
    std::stable_sort(tables.suffixes.begin(), tables.suffixes.end(),
                     [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
    return router;
}

RouteMatch Router::match(uint32_t listener, std::string_view host, std::string_view path,
                         Method method) const noexcept {
    RouteMatch out;
    Search search{listener, method};
    if (path.empty() || path[0] != '/') return out;
    const std::string_view rest = path.substr(1);
    std::array<char, 256> lower;
    if (host.size() > lower.size()) return out;
    std::transform(host.begin(), host.end(), lower.begin(), to_lower);
    const std::string_view name(lower.data(), host.size());
    if (const auto exact = tables_->exact.find(name);
        exact != tables_->exact.end() && search.descend(exact->second, rest, true, out))
        return out;
    for (const auto& [suffix, tree] : tables_->suffixes)
        if (name.size() > suffix.size() && name.ends_with(suffix) && search.descend(tree, rest, true, out)) return out;
    if (!search.descend(tables_->any, rest, true, out)) out.allowed = search.allowed;
    return out;
}

std::string Router::check_pattern(std::string_view pattern) {
    if (pattern == "*") return {};
    if (pattern.empty() || pattern[0] != '/') return "a path pattern starts with '/'";
    std::string_view rest = pattern.substr(1);
    while (true) {
        const std::size_t slash = rest.find('/');
        const std::string_view segment = rest.substr(0, slash);
        const bool last = slash == std::string_view::npos;
        if (segment.find('*') != std::string_view::npos && (segment != "*" || !last))
            return "'*' may only be the last segment of a pattern";
        if (segment == ":" || segment == "{}") return "a parameter needs a name";
        if (segment.starts_with('{') != segment.ends_with('}')) return "unbalanced brace";
        if (segment.find_first_of("?# ") != std::string_view::npos) return "a pattern has no '?', '#' or space";
        if (last) return {};
        rest = rest.substr(slash + 1);
    }
}

}  // namespace glassgate::proxy
