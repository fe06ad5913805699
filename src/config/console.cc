// spec.console -> ConsoleSettings.
#include <re2/re2.h>

#include "config/draft.h"
#include "config/password_hash.h"
#include "io/socket.h"

namespace glassgate::config {
namespace {

void read_hash(Fields& fields, std::string_view key, std::string& into,
               std::string (*problem_with)(std::string_view)) {
    if (!fields.has(key)) return;
    into = fields.text(key);
    const std::string problem = problem_with(into);
    if (!problem.empty())
        fields.mistake(fields.child(key)->position, std::string(key) + " is " + problem,
                       "what `glassgate password` prints");
}

void read_credential(const Node& node, Draft& draft) {
    auto& all = draft.console.credentials;
    Fields fields(node, draft.diagnostics, "credential");
    ConsoleCredential credential;
    (void)fields.require("name");
    credential.name = read_name(fields, "name", {});
    credential.role = fields.choice("role", {"viewer", "operator"}, 0) == 0
                          ? ConsoleRole::viewer
                          : ConsoleRole::operator_;
    read_hash(fields, "password", credential.password, problem_with_password_hash);
    read_hash(fields, "token", credential.token, problem_with_token_hash);
    if (credential.password.empty() == credential.token.empty())
        fields.mistake(node.position, "a credential has a password or a token", "one of them");
    if (credential.name.find(':') != std::string::npos)
        fields.mistake(node.position, "name " + quote(credential.name) + " has a colon",
                       "a name without one: HTTP Basic has no way to send it");
    if (index_of(all, &ConsoleCredential::name, credential.name))
        fields.mistake(node.position, "name " + quote(credential.name) + " stands twice",
                       "each name once");
    all.push_back(std::move(credential));
}

void read_address(Fields& fields, ConsoleSettings& console) {
    console.address = fields.text("address", console.address);
    const Node* const address = fields.child("address");
    sockaddr_storage parsed{};
    const bool numeric = console.address == "*" || io::parse_address(console.address, 0, parsed);
    const Position& at = address != nullptr ? address->position : fields.position();
    if (!numeric)
        fields.mistake(at, "address is " + quote(console.address),
                       "a numeric address such as 127.0.0.1, or * for all");
    else if (console.enabled && console.credentials.empty() && !is_loopback(console.address))
        fields.mistake(at,
                       "the console would listen on " + console.address + " and let everybody in",
                       "credentials, or a loopback address such as 127.0.0.1");
}

// Neither a listener's port nor the metrics'.
void check_port(Fields& fields, Draft& draft) {
    const ConsoleSettings& console = draft.console;
    const Node* const node = fields.child("port");
    const Position& at = node != nullptr ? node->position : fields.position();
    // Who does not ask for a console does not lose a port to it: then there is none.
    if (!console.required || !console.enabled || console.port == 0) return;
    const auto overlap = [&](const std::string& address, uint16_t port) {
        const auto all = [](const std::string& a) {
            return a == "*" || a == "::" || a == "0.0.0.0";
        };
        return port == console.port &&
               (address == console.address || all(address) || all(console.address));
    };
    const telemetry::MetricsSettings& metrics = draft.telemetry.metrics;
    if (metrics.enabled && overlap(metrics.address, metrics.port))
        fields.mistake(at, "the console's port is that of the metrics", "another port");
    for (const proxy::ListenerPlan& listener : draft.plan.listeners)
        if (overlap(listener.address, listener.port))
            fields.mistake(at, "the console's port is that of listener " + quote(listener.name),
                           "another port");
}

}  // namespace

void compile_console(const Node* node, Draft& draft) {
    ConsoleSettings& console = draft.console;
    Fields fields(or_empty(node), draft.diagnostics, "console");
    console.required = node != nullptr && node->kind == Node::Kind::map;
    console.enabled = fields.boolean("enabled", console.enabled);
    const Node* const credentials = fields.child("credentials");
    for (const Node& item : items_of(credentials, "credentials", draft.diagnostics))
        read_credential(item, draft);
    read_address(fields, console);
    console.port = read_unsigned(fields, "port", console.port, 0, 65535);
    console.hosts = fields.texts("hosts");
    console.cors_origin = fields.text("corsOrigin", console.cors_origin);
    if (const re2::RE2 pattern(console.cors_origin, re2::RE2::Quiet); !pattern.ok())
        fields.mistake(fields.child("corsOrigin")->position, "corsOrigin: " + pattern.error(),
                       "a regular expression of RE2");
    check_port(fields, draft);
}

}  // namespace glassgate::config
