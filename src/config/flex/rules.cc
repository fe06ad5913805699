#include "config/flex/rules.h"

#include "config/draft.h"
#include "http/chars.h"

namespace glassgate::config::flex {
namespace {

using proxy::PathPattern;
using proxy::RequestRule;

PathPattern read_pattern(const Node& node, std::string_view what, PathPattern::Case letters,
                         Diagnostics& diagnostics) {
    if (node.kind != Node::Kind::scalar) {
        diagnostics.error(node.position, std::string(what) + " is not a text",
                          "a regular expression (RE2)");
        return {};
    }
    auto compiled = PathPattern::compile(node.scalar, letters);
    if (compiled) return std::move(*compiled);
    diagnostics.error(
        node.position,
        std::string(what) + " " + quote(node.scalar) + ": " + compiled.error().message,
        "a regular expression (RE2)");
    return {};
}

PathPattern read_pattern(Fields& fields, std::string_view key, Diagnostics& diagnostics,
                         PathPattern::Case letters = PathPattern::Case::sensitive) {
    const Node* const node = fields.child(key);
    return node == nullptr ? PathPattern() : read_pattern(*node, key, letters, diagnostics);
}

bool begins_with_base(const std::string& pattern, const std::string& base) {
    if (base.empty()) return false;
    std::string_view rest = pattern;
    while (rest.starts_with('^') || rest.starts_with('(')) rest.remove_prefix(1);
    if (!rest.starts_with(base)) return false;
    rest.remove_prefix(base.size());
    return rest.empty() || std::string_view("/().[?*$|\\").find(rest[0]) != std::string_view::npos;
}

void check_path(const Node& node, const std::string& base, Diagnostics& diagnostics) {
    const std::string& path = node.scalar;
    const std::size_t first = path.find_first_not_of("^(");
    const char c = first == std::string::npos ? '/' : path[first];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter)
        diagnostics.error(node.position,
                          "path " + quote(path) + " takes no path: all begin with '/'",
                          "a regular expression such as /products(/.*)?");
    if (begins_with_base(path, base))
        diagnostics.warning(node.position,
                            "path " + quote(path) + " repeats the API's base " + quote(base) +
                                ", below which it is looked for: it takes " + quote(base + base) +
                                "...",
                            "the path without the base");
}

std::vector<std::pair<std::string, PathPattern>> read_headers(const Node* node,
                                                              Diagnostics& diagnostics) {
    std::vector<std::pair<std::string, PathPattern>> out;
    if (node == nullptr) return out;
    if (node->kind != Node::Kind::map && node->kind != Node::Kind::null)
        diagnostics.error(node->position, "headers is not a map",
                          "a map of header names to regular expressions");
    for (std::size_t i = 0; i < node->entries.size(); ++i) {
        const auto& [name, value] = node->entries[i];
        if (name.empty() || !http::all(name, http::kToken)) {
            diagnostics.error(node->key_positions[i], "header " + quote(name),
                              "the name of a header");
            continue;
        }
        out.emplace_back(
            name, read_pattern(value, "header " + name, PathPattern::Case::sensitive, diagnostics));
    }
    return out;
}

RequestRule read_rule(const Node& node, const std::string& base, Diagnostics& diagnostics) {
    RequestRule rule;
    Fields fields(node, diagnostics, "rule");
    rule.path = read_pattern(fields, "path", diagnostics);
    if (const Node* const path = fields.child("path"); path && path->kind == Node::Kind::scalar)
        check_path(*path, base, diagnostics);
    rule.methods = read_pattern(fields, "methods", diagnostics);
    rule.host = read_pattern(fields, "host", diagnostics, PathPattern::Case::insensitive);
    rule.headers = read_headers(fields.child("headers"), diagnostics);
    rule.compile_methods();
    if (rule.method_set == 0)
        diagnostics.warning(fields.child("methods")->position,
                            "methods " + quote(rule.methods.text()) +
                                " takes none of the methods known by name, which are upper case",
                            "such as GET|HEAD");
    return rule;
}

}  // namespace

std::vector<RequestRule> read_rules(const Node* rules, const std::string& base,
                                    Diagnostics& diagnostics) {
    std::vector<RequestRule> out;
    for (const Node& item : items_of(rules, "rules", diagnostics))
        out.push_back(read_rule(item, base, diagnostics));
    return out;
}

}  // namespace glassgate::config::flex
