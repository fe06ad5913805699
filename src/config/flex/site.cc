#include "config/flex/site.h"

#include "config/flex/nodes.h"
#include "config/flex/service.h"
#include "config/flex/tls_policies.h"
#include "config/url.h"
#include "http/path.h"

namespace glassgate::config::flex {
namespace {

constexpr const char* kExample = "an address such as http://0.0.0.0:8081/orders";

}  // namespace

std::unique_ptr<Site> Site::read(const std::vector<Node>& nodes, const Environment& environment,
                                 Draft& draft) {
    auto site = std::make_unique<Site>();
    Diagnostics& diagnostics = draft.diagnostics;
    site->documents_ = Documents::read(nodes, diagnostics);
    site->settings_ = read_settings(site->documents_, environment, diagnostics);
    check_extensions(site->documents_, diagnostics);
    check_secrets(site->documents_, diagnostics);
    site->contracts_ = read_contracts(site->documents_, diagnostics);
    for (const Document& document : site->documents_.all())
        if (document.kind == Kind::api_instance) site->read_api(document, draft);
    site->bindings_ = read_bindings(site->documents_, diagnostics);
    for (const Binding& binding : site->bindings_) site->assign(binding, draft);
    site->check_bases(draft);
    if (site->settings_.drain_ms)
        draft.plan.drain_ms = static_cast<uint32_t>(std::min(*site->settings_.drain_ms, kHourMs));
    return site;
}

void Site::read_api(const Document& document, Draft& draft) {
    Api api;
    api.document = &document;
    api.id = qualified(document.space, document.name);
    api.address_at = document.at;
    Fields fields(*document.spec, draft.diagnostics, "spec of an ApiInstance");
    if (const Node* const address = fields.require("address")) read_address(*address, api, draft);
    api.services = fields.child("services");
    if (api.services != nullptr && api.services->kind != Node::Kind::map) {
        if (api.services->kind != Node::Kind::null)
            fields.mistake(api.services->position, "services is not a map",
                           "a map of names to services");
        api.services = nullptr;
    }
    (void)fields.has("policies");  // read with the bindings
    apis_.push_back(std::move(api));
}

void Site::read_address(const Node& node, Api& api, Draft& draft) const {
    api.address_at = node.position;
    const auto wrong = [&](const std::string& message, const char* expected = kExample) {
        draft.diagnostics.error(node.position, message, expected);
    };
    if (node.kind != Node::Kind::scalar) return wrong("address is not a text");
    const Result<Url> url = parse_url(node.scalar);
    if (!url) return wrong("address " + quote(node.scalar) + " " + url.error().message);
    if (url->scheme != "http" && url->scheme != "https")
        return wrong("address " + quote(node.scalar) + " is neither http nor https");
    std::string normal;
    std::string base = url->path;
    while (base.ends_with('/')) base.pop_back();
    if (!base.empty() && (!http::normalize_path(base, normal) || !normal.empty()))
        return wrong("the base path " + quote(base) + " is never asked for: paths are normalised",
                     "a plain path");
    api.scheme = url->scheme;
    api.host = url->host;
    api.port = url->port.value_or(url->scheme == "https" ? 443 : 80);
    api.base = std::move(base);
}

void Site::assign(const Binding& binding, Draft& draft) {
    for (const Document* const target : binding.targets) {
        if (target->kind == Kind::service) {
            of_service_[target].push_back(&binding);
            continue;
        }
        for (Api& api : apis_)
            if (api.document == target) assign_to_api(binding, api, draft);
    }
}

void Site::assign_to_api(const Binding& binding, Api& api, Draft& draft) {
    switch (binding.policy->role) {
        case PolicyRole::route:
            if (api.services != nullptr)
                draft.diagnostics.error(
                    binding.at,
                    "policy " + quote(binding.policy->name) + " on ApiInstance " + quote(api.id) +
                        ", which has services of its own in " + place(api.services->position),
                    "either services or route bindings");
            else
                api.routes.push_back(&binding);
            break;
        case PolicyRole::tls:
            if (api.scheme == "http")
                draft.diagnostics.error(binding.at,
                                        "policy tls on ApiInstance " + quote(api.id) +
                                            ", whose address is http, in " + place(api.address_at),
                                        "an https:// address");
            else if (api.tls != nullptr)
                draft.diagnostics.error(binding.at, "a second policy tls on ApiInstance " +
                                                        quote(api.id) + ", first in " +
                                                        place(api.tls->at));
            else
                api.tls = &binding;
            break;
        default:
            api.policies.push_back(&binding);
            break;
    }
}

// Two APIs on one port: which one a request is for must not depend on the order of files.
void Site::check_bases(Draft& draft) const {
    const auto below = [](const std::string& path, const std::string& base) {
        return path.starts_with(base) && (base.empty() || path[base.size()] == '/');
    };
    for (std::size_t i = 0; i < apis_.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            const Api& a = apis_[j];
            const Api& b = apis_[i];
            if (a.port != b.port || a.host != b.host || a.scheme.empty()) continue;
            const std::string both = "ApiInstances " + quote(a.id) + " and " + quote(b.id);
            if (a.scheme != b.scheme)
                draft.diagnostics.error(b.address_at,
                                        both + " share a port as " + a.scheme + " and " + b.scheme +
                                            ", first in " + place(a.address_at),
                                        "one scheme a port");
            if (a.base == b.base)
                draft.diagnostics.error(
                    b.address_at, both + " have the same address, first in " + place(a.address_at),
                    "different ports or base paths");
            else if (below(a.base, b.base) || below(b.base, a.base))
                draft.diagnostics.warning(
                    b.address_at, both + " have nested base paths, first in " +
                                      place(a.address_at) + ": requests go to the longer one");
        }
    }
}

void Site::add_listeners(Draft& draft) {
    for (Api& api : apis_)
        if (!api.scheme.empty()) add_listener(api, draft);
}

// The port is another API's, or a Gateway document's listener, or a new one.
void Site::add_listener(Api& api, Draft& draft) {
    const auto any = [](const std::string& host) { return host == "*" ? "0.0.0.0" : host; };
    const auto& listeners = draft.plan.listeners;
    for (uint32_t i = 0; i < listeners.size(); ++i) {
        if (listeners[i].port != api.port || any(listeners[i].address) != any(api.host)) continue;
        api.listener = i;
        const bool over_tls = listeners[i].tls != nullptr;
        if (over_tls != (api.scheme == "https") && !listeners[i].only_apis)
            draft.diagnostics.error(api.address_at,
                                    "ApiInstance " + quote(api.id) + " is " + api.scheme +
                                        ", its port that of listener " + quote(listeners[i].name) +
                                        " in " + place(draft.listener_at[i]) + ", which is " +
                                        (over_tls ? "https" : "http"),
                                    "the same scheme");
        if (api.tls != nullptr && !listeners[i].only_apis)
            draft.diagnostics.error(api.tls->at,
                                    "policy tls on the port of listener " +
                                        quote(listeners[i].name) + ", which has its own",
                                    "one of them");
        return;
    }
    Node node = map_at(api.address_at);
    put(node, "address",
        scalar_at(api.scheme + "://" + host_and_port(api.host, api.port), api.address_at));
    const Binding* tls = nullptr;
    for (const Api& other : apis_) {
        if (other.port != api.port || other.host != api.host || other.tls == nullptr) continue;
        if (tls != nullptr && tls != other.tls)
            draft.diagnostics.error(other.tls->at,
                                    "a second policy tls for port " + std::to_string(api.port) +
                                        ", first in " + place(tls->at),
                                    "one for each port");
        else
            tls = other.tls;
    }
    if (tls != nullptr) put(node, "tls", listener_tls(*tls, documents_, draft.diagnostics));
    if (tls == nullptr && api.scheme == "https") {
        draft.diagnostics.error(api.address_at,
                                "ApiInstance " + quote(api.id) + " is https without a policy tls",
                                "a PolicyBinding with policyRef: {name: tls}");
        return;
    }
    Node timeouts = map_at(api.address_at);
    put(timeouts, "idleMs", number_at(settings_.client_idle_ms, api.address_at));
    put(node, "timeouts", std::move(timeouts));
    put(node, "forwardClientCert", scalar_at(settings_.forward_client_cert, api.address_at));
    if (settings_.proxy_protocol) {
        const Position& at = *settings_.proxy_protocol;
        Node from = list_at(at);
        from.items = {scalar_at("0.0.0.0/0", at), scalar_at("::/0", at)};
        Node proxy = map_at(at);
        put(proxy, "from", std::move(from));
        put(node, "proxyProtocol", std::move(proxy));
    }
    Node list = list_at(api.address_at);
    list.items.push_back(std::move(node));
    compile_listeners(&list, draft);
    api.listener = static_cast<uint32_t>(draft.plan.listeners.size() - 1);
    draft.plan.listeners.back().only_apis = true;
}

void Site::add_upstreams(Draft& draft) {
    std::vector<std::string> names;
    for (const proxy::UpstreamPlan& upstream : draft.plan.upstreams) names.push_back(upstream.name);
    const auto unique = [&](const std::string& base) {
        std::string name = base;
        for (int n = 2; std::find(names.begin(), names.end(), name) != names.end(); ++n)
            name = base + "#" + std::to_string(n);
        names.push_back(name);
        return name;
    };
    Node list = list_at({});
    const auto add = [&](Node node) {
        if (node.find("url") != nullptr) list.items.push_back(std::move(node));
    };
    for (const Document& document : documents_.all()) {
        if (document.kind != Kind::service) continue;
        Fields fields(*document.spec, draft.diagnostics, "spec of a Service");
        const std::string name = unique(qualified(document.space, document.name));
        service_upstreams_[&document] = name;
        add(upstream_node(name, document.at, fields.child("address"), of_service_[&document],
                          documents_, settings_, draft.diagnostics));
    }
    for (const Api& api : apis_) {
        if (api.services == nullptr) continue;
        for (std::size_t i = 0; i < api.services->entries.size(); ++i) {
            const auto& [name, service] = api.services->entries[i];
            Fields fields(service, draft.diagnostics, "service " + quote(name));
            (void)fields.has("routes");  // later
            const std::string upstream = unique(api.id + "." + name);
            inline_upstreams_[{api.document, name}] = upstream;
            add(upstream_node(upstream, api.services->key_positions[i], fields.child("address"), {},
                              documents_, settings_, draft.diagnostics));
        }
    }
    compile_upstreams(&list, draft);
}

std::optional<uint32_t> Site::upstream_of(const std::string& name, Draft& draft) const {
    const auto index = index_of(draft.plan.upstreams, &proxy::UpstreamPlan::name, name);
    if (!index) return std::nullopt;  // its address is wrong, and that is reported
    draft.upstream_used[*index] = 1;
    return static_cast<uint32_t>(*index);
}

}  // namespace glassgate::config::flex
