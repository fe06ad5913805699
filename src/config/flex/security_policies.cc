// Policies that say who may come in: cors, ip-allowlist, ip-blocklist, http-basic-authentication.
#include "config/flex/nodes.h"
#include "config/flex/translate.h"

namespace glassgate::config::flex {
namespace {

std::vector<NativePolicy> one(std::string name, const Position& at, Node settings) {
    std::vector<NativePolicy> out;
    out.push_back({std::move(name), at, std::move(settings)});
    return out;
}

void copy(Fields& from, std::string_view key, Node& to) {
    if (const Node* const node = from.child(key)) put(to, key, *node);
}

// allowedMethods: [{methodName: GET, isAllowed: true}].
Node methods_of(const Node& list, Diagnostics& diagnostics) {
    Node out = list_at(list.position);
    for (const Node& item : items_of(&list, "allowedMethods", diagnostics)) {
        Fields fields(item, diagnostics, "an allowed method");
        const Node* const name = fields.require("methodName");
        if (fields.boolean("isAllowed", true) && name != nullptr) out.items.push_back(*name);
    }
    return out;
}

Node origin_group(const Node& item, Diagnostics& diagnostics) {
    Node out = map_at(item.position);
    Fields fields(item, diagnostics, "an origin group of cors");
    (void)fields.text("originGroupName");
    copy(fields, "origins", out);
    copy(fields, "accessControlMaxAge", out);
    if (const Node* const methods = fields.child("allowedMethods"))
        put(out, "methods", methods_of(*methods, diagnostics));
    copy(fields, "headers", out);
    copy(fields, "exposedHeaders", out);
    return out;
}

// Which address counts: that of the peer, or what the proxy in front wrote down.
void put_hops(Fields& fields, Node& out) {
    const Node* const expression = fields.child("ipExpression");
    const std::string text = fields.text("ipExpression");
    if (expression == nullptr || text.empty()) return;
    const auto selector = parse_selector(text);
    const bool forwarded =
        selector && selector->kind == Selector::Kind::header &&
        (selector->name == "x-forwarded-for" || selector->name == "X-Forwarded-For");
    if (forwarded)
        put(out, "trustedHops", number_at(1, expression->position));
    else if (!selector || selector->kind != Selector::Kind::address)
        fields.mistake(expression->position, "ipExpression " + quote(text) + " is not supported",
                       "#[attributes.headers['x-forwarded-for']] or #[attributes.remoteAddress]");
}

std::vector<NativePolicy> ip_filter(std::string name, const Node& config, const Position& at,
                                    Diagnostics& diagnostics) {
    Fields fields(config, diagnostics, "config of " + name);
    Node out = map_at(fields.position());
    copy(fields, "ips", out);
    put_hops(fields, out);
    return one(std::move(name), at, std::move(out));
}

}  // namespace

std::vector<NativePolicy> translate_cors(const Node& config, const Position& at,
                                         Diagnostics& diagnostics) {
    Fields fields(config, diagnostics, "config of cors");
    const bool everybody = fields.boolean("publicResource", true);
    Node out = map_at(fields.position());
    copy(fields, "supportCredentials", out);
    const Node* const groups = fields.child("originGroups");
    Node list = list_at(groups != nullptr ? groups->position : at);
    for (const Node& item : items_of(groups, "originGroups", diagnostics))
        list.items.push_back(origin_group(item, diagnostics));
    if (everybody) {
        Node origins = list_at(at);
        origins.items.push_back(scalar_at("*", at));
        Node methods = list_at(at);
        for (const char* const method : {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"})
            methods.items.push_back(scalar_at(method, at));
        Node headers = list_at(at);
        headers.items.push_back(scalar_at("*", at));
        put(out, "origins", std::move(origins));
        put(out, "methods", std::move(methods));
        put(out, "headers", std::move(headers));
    } else {
        put(out, "originGroups", std::move(list));
    }
    return one("cors", at, std::move(out));
}

std::vector<NativePolicy> translate_ip_allowlist(const Node& config, const Position& at,
                                                 Diagnostics& diagnostics) {
    return ip_filter("ip-allowlist", config, at, diagnostics);
}

std::vector<NativePolicy> translate_ip_blocklist(const Node& config, const Position& at,
                                                 Diagnostics& diagnostics) {
    return ip_filter("ip-blocklist", config, at, diagnostics);
}

std::vector<NativePolicy> translate_basic_auth(const Node& config, const Position& at,
                                               Diagnostics& diagnostics) {
    Fields fields(config, diagnostics, "config of http-basic-authentication");
    Node out = map_at(fields.position());
    copy(fields, "username", out);
    copy(fields, "password", out);
    return one("basic-auth", at, std::move(out));
}

// Those whose settings our catalogue reads as Flex Gateway writes them.
std::vector<NativePolicy> translate_header_injection(const Node& config, const Position& at,
                                                     Diagnostics&) {
    return one("header-injection", at, config);
}
std::vector<NativePolicy> translate_header_removal(const Node& config, const Position& at,
                                                   Diagnostics&) {
    return one("header-removal", at, config);
}
std::vector<NativePolicy> translate_json_threat_protection(const Node& config, const Position& at,
                                                           Diagnostics&) {
    return one("json-threat-protection", at, config);
}
std::vector<NativePolicy> translate_access_block(const Node& config, const Position& at,
                                                 Diagnostics&) {
    return one("access-block", at, config);
}

// maximumRequests has a default there.
std::vector<NativePolicy> translate_spike_control(const Node& config, const Position& at,
                                                  Diagnostics&) {
    Node out = config;
    if (out.kind == Node::Kind::null) out = map_at(at);
    if (out.find("maximumRequests") == nullptr) put(out, "maximumRequests", number_at(1, at));
    return one("spike-control", at, std::move(out));
}

}  // namespace glassgate::config::flex
