#include "proxy/router.h"

#include <algorithm>
#include <array>
#include <functional>
#include <unordered_map>

#include "base/text.h"
#include "http/path.h"
#include "proxy/plan.h"

namespace glassgate::proxy {
namespace {

struct Entry {
    uint32_t route;
    uint32_t pattern;
    MethodSet methods;
    std::vector<uint32_t> listeners;  // empty: all
    [[nodiscard]] bool takes(uint32_t listener) const {
        return listeners.empty() ||
               std::find(listeners.begin(), listeners.end(), listener) != listeners.end();
    }
};

// Looked up by string_view: a match makes no string.
struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
        return std::hash<std::string_view>{}(text);
    }
};
template <typename Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

// One path segment of the tree. Literal children are searched by name, then :param, then *.
// Most nodes of a large plan are leaves or have one kind of child: what is not there takes a
// pointer.
struct PathNode {
    using Literals = TextMap<std::unique_ptr<PathNode>>;
    std::unique_ptr<Literals> literals;
    std::unique_ptr<PathNode> parameter;
    std::vector<Entry> here;   // patterns that end here
    std::vector<Entry> below;  // "/*": everything from here down

    [[nodiscard]] const PathNode* literal(std::string_view segment) const {
        if (!literals) return nullptr;
        const auto found = literals->find(segment);
        return found == literals->end() ? nullptr : found->second.get();
    }
    [[nodiscard]] std::unique_ptr<PathNode>& literal_slot(std::string_view segment) {
        if (!literals) literals = std::make_unique<Literals>();
        return (*literals)[std::string(segment)];
    }
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
        if (const PathNode* child = node.literal(segment);
            child != nullptr && descend(*child, next, deeper, out))
            return true;
        if (node.parameter && !segment.empty() && descend(*node.parameter, next, deeper, out))
            return true;
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
            is_parameter(segment) ? node->parameter : node->literal_slot(segment);
        if (!child) child = std::make_unique<PathNode>();
        node = child.get();
        if (slash == std::string_view::npos) break;
        rest = rest.substr(slash + 1);
    }
    node->here.push_back(entry);
}

}  // namespace

struct Router::Tables {
    TextMap<PathNode> exact;
    TextMap<PathNode> suffixes;  // ".example.com"
    PathNode any;
    MethodSet methods = 0;  // of all routes
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
        return tables.suffixes[host.substr(1)];
    };
    for (uint32_t r = 0; r < routes.size(); ++r) {
        const RoutePlan& route = routes[r];
        if (route.api) continue;
        const auto methods = static_cast<MethodSet>(route.methods & ~method_bit(Method::connect));
        tables.methods |= methods;
        const std::vector<std::string> any{"*"};
        for (const std::string& host : route.hosts.empty() ? any : route.hosts)
            for (uint32_t p = 0; p < route.paths.size(); ++p)
                insert(tree_for(host), route.paths[p], {r, p, methods, route.listeners});
    }
    return router;
}

RouteMatch Router::match(uint32_t listener, std::string_view host, std::string_view path,
                         Method method) const noexcept {
    RouteMatch out;
    Search search{listener, method};
    if (method == Method::connect) {
        out.allowed = tables_->methods;
        return out;
    }
    if (host.ends_with('.')) host.remove_suffix(1);
    std::array<char, 256> lower;
    if (host.size() > lower.size()) return out;
    std::transform(host.begin(), host.end(), lower.begin(), to_lower);
    const std::string_view name(lower.data(), host.size());
    const auto in = [&](const PathNode& tree) {
        if (path == "*") return search.choose(tree.below, out);
        return path.starts_with('/') && search.descend(tree, path.substr(1), true, out);
    };
    if (const auto exact = tables_->exact.find(name);
        exact != tables_->exact.end() && in(exact->second))
        return out;
    if (!tables_->suffixes.empty()) {
        for (std::size_t dot = name.find('.', 1); dot != std::string_view::npos;
             dot = name.find('.', dot + 1))
            if (const auto found = tables_->suffixes.find(name.substr(dot));
                found != tables_->suffixes.end() && in(found->second))
                return out;
    }
    if (!in(tables_->any)) out.allowed = search.allowed;
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
        if (segment.find_first_of("?# ") != std::string_view::npos)
            return "a pattern has no '?', '#' or space";
        if (last) break;
        rest = rest.substr(slash + 1);
    }
    std::string normal;
    if (!http::normalize_path(pattern, normal)) return "a broken escape or '..' above the root";
    if (!normal.empty())
        return "never matches, because paths are normalised first; write " + normal;
    return {};
}

}  // namespace glassgate::proxy
