// spec.listeners -> ListenerPlan.
#include "config/draft.h"
#include "config/http2.h"
#include "config/tls.h"
#include "config/url.h"
#include "http/message.h"
#include "io/socket.h"

namespace glassgate::config {
namespace {

using proxy::ListenerPlan;

constexpr std::string_view kDefaultAddress = "http://0.0.0.0:8080";
constexpr std::string_view kAddressExample = "an address such as http://0.0.0.0:8080";
constexpr uint64_t kMaxHeaderBytes = 64 * 1024;  // what a connection's buffer can hold
constexpr uint64_t kMaxBodyBytes = uint64_t{1} << 40;

void check_scheme(Fields& fields, const Url& url, const Position& at) {
    const Node* const tls = fields.child("tls");
    if (url.scheme == "https" && tls == nullptr)
        fields.mistake(at, "an https address without tls",
                       "tls: {certificates: [{certificate: site.pem, key: site.key}]}");
    if (url.scheme == "http" && tls != nullptr)
        fields.mistake(tls->position, "tls with an http address", "an https:// address");
}

void read_address(Fields& fields, ListenerPlan& listener) {
    const Node* const node = fields.child("address");
    const std::string text = fields.text("address", kDefaultAddress);
    const Position& at = node != nullptr ? node->position : fields.position();
    const Result<Url> url = parse_url(text);
    sockaddr_storage ignored{};
    if (url) check_scheme(fields, *url, at);
    if (!url) {
        fields.mistake(at, "address " + quote(text) + " " + url.error().message,
                       std::string(kAddressExample));
    } else if (url->scheme != "http" && url->scheme != "https") {
        fields.mistake(at, "address " + quote(text) + " is neither http nor https",
                       std::string(kAddressExample));
    } else if (!url->path.empty() && url->path != "/") {
        fields.mistake(at, "address " + quote(text) + " has a path: paths belong to routes",
                       std::string(kAddressExample));
    } else if (url->host != "*" && !io::parse_address(url->host, 0, ignored)) {
        fields.mistake(at, "address " + quote(text) + " has a name for a host",
                       "a numeric address, or * for all");
    } else {
        listener.address = url->host;
        listener.port = url->port.value_or(url->scheme == "https" ? 443 : 80);
    }
}

void read_limits(const Node* node, Draft& draft, ListenerPlan& listener) {
    Fields fields(or_empty(node), draft.diagnostics, "limits of listener " + quote(listener.name));
    http::HeadLimits& head = listener.limits;
    head.head_bytes = read_unsigned(fields, "headerBytes", head.head_bytes, 512, kMaxHeaderBytes);
    head.header_count =
        read_unsigned(fields, "headerCount", head.header_count, 1, http::kMaxHeaders);
    head.uri_bytes = read_unsigned(fields, "uriBytes", head.uri_bytes, 64, kMaxHeaderBytes);
    listener.body_bytes = read_unsigned(fields, "bodyBytes", listener.body_bytes, 0, kMaxBodyBytes);
    listener.connections =
        read_unsigned(fields, "connections", listener.connections, 1, 10'000'000);
    listener.requests_per_connection = read_unsigned(
        fields, "requestsPerConnection", listener.requests_per_connection, 0, 1'000'000'000);
}

void read_timeouts(const Node* node, Draft& draft, ListenerPlan& listener) {
    Fields fields(or_empty(node), draft.diagnostics,
                  "timeouts of listener " + quote(listener.name));
    listener.header_timeout_ms = read_ms(fields, "headerMs", listener.header_timeout_ms);
    listener.body_timeout_ms = read_ms(fields, "bodyMs", listener.body_timeout_ms);
    listener.idle_timeout_ms = read_ms(fields, "idleMs", listener.idle_timeout_ms, 24 * kHourMs);
    listener.write_timeout_ms = read_ms(fields, "writeMs", listener.write_timeout_ms);
}

AddressSet read_networks(Fields& fields, std::string_view key) {
    AddressSet set;
    const Node* const node = fields.child(key);
    const std::vector<std::string> texts = fields.texts(key);
    for (const std::string& text : texts)
        if (!set.add(text))
            fields.mistake(node->position, std::string(key) + " has " + quote(text),
                           "an address or network such as 10.0.0.0/8");
    return set;
}

void read_trust(const Node* node, Draft& draft, ListenerPlan& listener) {
    Fields fields(or_empty(node), draft.diagnostics, "trust of listener " + quote(listener.name));
    listener.trust_forwarded = read_networks(fields, "forwarded");
    listener.trust_request_id = read_networks(fields, "requestId");
    listener.trust_trace_context = read_networks(fields, "traceContext");
    // For trace context an empty set is everybody. A written empty list means nobody: a set of
    // the one address no peer has.
    const Node* const trace = fields.child("traceContext");
    if (trace != nullptr && trace->kind == Node::Kind::list && trace->items.empty())
        (void)listener.trust_trace_context.add("::");
}

void read_proxy_protocol(const Node* node, Draft& draft, ListenerPlan& listener) {
    if (node == nullptr) return;
    Fields fields(*node, draft.diagnostics, "proxyProtocol of listener " + quote(listener.name));
    const Node* const from = fields.require("from");
    listener.proxy_protocol_from = read_networks(fields, "from");
    if (from != nullptr &&
        (from->kind == Node::Kind::null || (from->kind == Node::Kind::list && from->items.empty())))
        fields.mistake(from->position, "from is empty: nobody would be believed",
                       "the networks of the proxies in front, such as 10.0.0.0/8");
}

void read_forwarding(Fields& fields, bool asks, ListenerPlan& listener) {
    using enum http::ClientCertForwarding;
    constexpr http::ClientCertForwarding kModes[] = {sanitize,     forward,        append_forward,
                                                     sanitize_set, always_forward, append_forward,
                                                     sanitize_set};
    listener.forward_client_cert = kModes[fields.choice(
        "forwardClientCert",
        {"sanitize", "forward", "append", "set", "always-forward", "appendForward", "sanitizeSet"},
        0)];
    const bool needs =
        listener.forward_client_cert != sanitize && listener.forward_client_cert != always_forward;
    if (needs && !asks)
        fields.diagnostics().warning(
            fields.child("forwardClientCert")->position,
            "nothing is forwarded: this listener asks no client for a certificate",
            "tls with clientCertificates");
}

std::string comparable(const std::string& address) { return address == "*" ? "0.0.0.0" : address; }

void check_unique(const ListenerPlan& listener, const Position& at, Draft& draft) {
    for (std::size_t i = 0; i < draft.plan.listeners.size(); ++i) {
        const ListenerPlan& other = draft.plan.listeners[i];
        if (other.name == listener.name)
            draft.diagnostics.error(at, "listener " + quote(listener.name) +
                                            " is defined twice, first in " +
                                            place(draft.listener_at[i]));
        const bool known = !listener.address.empty() && listener.port != 0;
        if (known && other.port == listener.port &&
            comparable(other.address) == comparable(listener.address))
            draft.diagnostics.error(at, "listeners " + quote(other.name) + " and " +
                                            quote(listener.name) + " have the same address " +
                                            host_and_port(listener.address, listener.port) +
                                            ", first in " + place(draft.listener_at[i]));
    }
}

void compile_listener(const Node& node, Draft& draft) {
    ListenerPlan listener;
    Fields fields(node, draft.diagnostics, "listener");
    read_address(fields, listener);
    listener.name = read_name(fields, "name", host_and_port(listener.address, listener.port));
    read_limits(fields.child("limits"), draft, listener);
    read_timeouts(fields.child("timeouts"), draft, listener);
    read_trust(fields.child("trust"), draft, listener);
    read_http2(fields.child("http2"), draft, listener);
    read_proxy_protocol(fields.child("proxyProtocol"), draft, listener);
    const Node* const tls = fields.child("tls");
    const bool asks = tls != nullptr && read_server_tls(*tls, draft, listener);
    read_forwarding(fields, asks, listener);
    fields.finish();
    if (node.kind == Node::Kind::map) check_unique(listener, node.position, draft);
    draft.names.listeners.push_back({listener.name});
    draft.plan.listeners.push_back(std::move(listener));
    draft.listener_at.push_back(node.position);
    draft.asks_for_certificates.push_back(asks ? 1 : 0);
}

}  // namespace

void compile_listeners(const Node* listeners, Draft& draft) {
    const std::vector<Node>& items = items_of(listeners, "listeners", draft.diagnostics);
    if (listeners != nullptr && listeners->kind == Node::Kind::list && items.empty())
        draft.diagnostics.error(listeners->position, "listeners is empty", "at least one listener");
    if (listeners == nullptr || listeners->kind == Node::Kind::null) {
        ListenerPlan listener;
        listener.name = "public";
        listener.address = "0.0.0.0";
        draft.names.listeners.push_back({listener.name});
        draft.plan.listeners.push_back(std::move(listener));
        draft.listener_at.emplace_back();
        draft.asks_for_certificates.push_back(0);
        return;
    }
    for (const Node& item : items) compile_listener(item, draft);
}

}  // namespace glassgate::config
