#include "config/explain_request.h"

#include "config/explain.h"
#include "config/url.h"
#include "http/path.h"
#include "proxy/route_choice.h"

namespace glassgate::config {
namespace {

using proxy::ListenerPlan;
using proxy::Plan;
using proxy::RoutePlan;

constexpr std::string_view kForm = "expected 'GET http://host:port/path'";

struct Asked {
    std::string method, authority, target;
    bool over_tls = false;
    uint16_t port = 80;
    std::string bytes;  // as sent
    http::RequestHead head;
    std::string path;  // normalised
};

Status read_head(Asked& asked, const std::vector<std::string>& headers) {
    asked.bytes =
        asked.method + " " + asked.target + " HTTP/1.1\r\nHost: " + asked.authority + "\r\n";
    for (const std::string& header : headers) asked.bytes += header + "\r\n";
    asked.bytes += "\r\n";
    std::size_t resume = 0;
    const http::ParseResult parsed =
        http::parse_request_head(asked.bytes, http::HeadLimits(), resume, asked.head);
    if (parsed.state != http::ParseState::complete || parsed.consumed != asked.bytes.size())
        return failure("not a request: " + std::string(parsed.state == http::ParseState::failed
                                                           ? http::to_text(parsed.error)
                                                           : "a line break in it"));
    if (!http::normalize_path(asked.head.path, asked.path))
        return failure("the path leaves the root or is not a path: answered 400");
    if (asked.path.empty()) asked.path = asked.head.path;
    return {};
}

Status read_request(std::string_view text, const std::vector<std::string>& headers, Asked& asked) {
    const std::size_t space = text.find(' ');
    if (space == 0 || space == std::string_view::npos)
        return failure("no method: " + std::string(kForm));
    asked.method = text.substr(0, space);
    const std::string_view rest = text.substr(space + 1);
    const std::size_t query = rest.find('?');
    const Result<Url> url = parse_url(rest.substr(0, query));
    if (!url) return failure(quote(rest) + " " + url.error().message + ": " + std::string(kForm));
    if (url->scheme != "http" && url->scheme != "https")
        return failure(quote(rest) + " is neither http nor https: " + std::string(kForm));
    asked.over_tls = url->scheme == "https";
    asked.port = url->port.value_or(asked.over_tls ? 443 : 80);
    asked.authority = host_and_port(url->host, asked.port);
    asked.target = url->path.empty() ? "/" : url->path;
    if (query != std::string_view::npos) asked.target += rest.substr(query);
    return read_head(asked, headers);
}

std::optional<uint32_t> find_listener(const Plan& plan, const Asked& asked) {
    for (uint32_t i = 0; i < plan.listeners.size(); ++i) {
        const ListenerPlan& listener = plan.listeners[i];
        if (listener.port == asked.port && (listener.tls != nullptr) == asked.over_tls) return i;
    }
    return std::nullopt;
}

std::string ports_text(const Plan& plan) {
    std::string out;
    for (const ListenerPlan& listener : plan.listeners)
        out += (out.empty() ? "" : ", ") + std::string(listener.tls ? "https" : "http") + " on " +
               std::to_string(listener.port);
    return out.empty() ? "there is no listener" : out;
}

std::string path_with_query(const std::string& path, const http::RequestHead& head) {
    return head.query.data() == nullptr || head.query.empty()
               ? path
               : path + "?" + std::string(head.query);
}

void upstream_text(const Plan& plan, uint32_t index, const std::string& path, const Asked& asked,
                   const std::string& share, std::string& out) {
    const proxy::UpstreamPlan& upstream = plan.upstreams[index];
    out += "upstream: " + upstream.name + share + "\n";
    for (const proxy::TargetPlan& target : upstream.targets)
        out += "  " + asked.method + (upstream.tls ? " https://" : " http://") + target.label +
               path_with_query(upstream.path_prefix + path, asked.head) + "\n";
}

void destinations_text(const Plan& plan, const RoutePlan& route, const proxy::Captures& captures,
                       const Asked& asked, std::string& out) {
    if (!route.api) {
        std::string path = asked.path;
        const std::string& prefix = route.strip_prefix;
        if (!prefix.empty() && path.starts_with(prefix) &&
            (path.size() == prefix.size() || path[prefix.size()] == '/'))
            path.erase(0, prefix.size());
        upstream_text(plan, route.upstream, path.empty() ? "/" : path, asked, "", out);
        return;
    }
    for (const proxy::DestinationPlan& to : route.api->destinations) {
        std::string path, normal;
        append_destination(path, to.path, proxy::below_base(asked.path, route.api->base), captures);
        const bool good = http::normalize_path(path, normal);
        if (!normal.empty()) path = normal;
        const std::string share = route.api->destinations.size() == 1
                                      ? ""
                                      : " for " + std::to_string(to.weight) + " of " +
                                            std::to_string(route.api->weights) + " requests";
        if (good)
            upstream_text(plan, to.upstream, path, asked, share, out);
        else
            out += "no upstream: the rewritten path " + quote(path) + " is none; answered 400\n";
    }
}

void policies_text(const RoutePlan& route, const Asked& asked, std::string& out) {
    std::size_t number = 0;
    for (const proxy::RoutePolicyPlan& policy : route.policies) {
        const std::string summary = policy.plan ? policy.plan->summary() : std::string();
        const std::string name =
            std::string(policy.kind->name) + (summary.empty() ? "" : " " + summary);
        if (is_meant(route, policy, asked.path, asked.head))
            out += "policy " + std::to_string(++number) + ": " + name + "\n";
        else
            out += "not run: " + name + ", whose rules do not take this request\n";
    }
    if (route.policies.empty()) out += "policies: none\n";
}

}  // namespace

Result<std::string> explain_request(const Configuration& configuration, std::string_view request,
                                    const std::vector<std::string>& headers) {
    Asked asked;
    TRY_STATUS(read_request(request, headers, asked));
    const Plan& plan = *configuration.plan;
    const std::optional<uint32_t> listener = find_listener(plan, asked);
    if (!listener)
        return failure("nothing listens for " + std::string(asked.over_tls ? "https" : "http") +
                       " on port " + std::to_string(asked.port) + ": " + ports_text(plan));
    std::string out = "listener: " + plan.listeners[*listener].name + "\n";
    if (asked.path != asked.head.path) out += "path: " + asked.path + "\n";
    const proxy::RouteChoice choice = proxy::choose_route(plan, *listener, asked.path, asked.head);
    if (!choice.match.found()) {
        const MethodSet allowed = choice.match.allowed;
        out += allowed == 0
                   ? "route: none; answered 404\n"
                   : "route: none for this method; answered 405, Allow: " + methods_text(allowed) +
                         "\n";
        return out;
    }
    const RoutePlan& route = plan.routes[choice.match.route];
    const std::string& api = plan.names->routes[choice.match.route].api;
    if (route.api)
        out += "api: " + api + (route.api->base.empty() ? "" : ", base " + route.api->base) + "\n";
    out += "route: " + route.id + ", path " + route.paths[choice.match.pattern] + "\n";
    for (std::size_t i = 0; i < choice.captures.count; ++i)
        out += "captured: " + quote(choice.captures.texts[i]) + "\n";
    policies_text(route, asked, out);
    destinations_text(plan, route, choice.captures, asked, out);
    return out;
}

}  // namespace glassgate::config
