// The few DataWeave expressions that select one value of a request.
#include "base/text.h"
#include "config/flex/translate.h"

namespace glassgate::config::flex {
namespace {

bool take(std::string_view& text, std::string_view token) {
    if (!text.starts_with(token)) return false;
    text.remove_prefix(token.size());
    return true;
}

// "['name']", ["name"], ".name" or .'name' and nothing behind it; empty: something else.
std::string index_name(std::string_view rest) {
    const bool bracket = take(rest, "[");
    if (!bracket && !take(rest, ".")) return {};
    if (bracket) {
        if (!rest.ends_with(']')) return {};
        rest.remove_suffix(1);
        rest = trim_ows(rest);
    }
    const bool quoted =
        rest.size() > 1 && (rest[0] == '\'' || rest[0] == '"') && rest.back() == rest[0];
    if (quoted)
        rest = rest.substr(1, rest.size() - 2);
    else if (bracket)
        return {};
    const std::string_view allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const std::size_t end = rest.find_first_not_of(quoted ? std::string(allowed) + ".:/" : allowed);
    return end == std::string_view::npos ? std::string(rest) : std::string();
}

}  // namespace

std::optional<Selector> parse_selector(std::string_view expression) {
    std::string_view text = trim_ows(expression);
    if (!take(text, "#[") || !text.ends_with(']')) return std::nullopt;
    text.remove_suffix(1);
    text = trim_ows(text);
    using enum Selector::Kind;
    if (text == "authentication.clientId") return Selector{client_id, {}};
    if (text == "attributes.remoteAddress") return Selector{address, {}};
    if (text == "attributes.method") return Selector{method, {}};
    if (text == "attributes.requestPath") return Selector{path, {}};
    Selector out;
    if (take(text, "attributes.headers"))
        out.kind = header;
    else if (take(text, "attributes.queryParams"))
        out.kind = query;
    else if (take(text, "authentication.properties.claims") || take(text, "vars.claimSet"))
        out.kind = claim;
    else
        return std::nullopt;
    out.name = index_name(text);
    if (out.name.empty()) return std::nullopt;
    return out;
}

}  // namespace glassgate::config::flex
