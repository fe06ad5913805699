#include "policy/header_edits.h"

#include <re2/re2.h>

#include <array>

#include "base/text.h"
#include "http/chars.h"
#include "policy/settings.h"

namespace glassgate::policy {
namespace {

bool is_name(std::string_view text) { return !text.empty() && http::all(text, http::kToken); }

// The gateway's own: who changes them changes where a message ends or who it is for.
bool is_framing(std::string_view name) {
    constexpr std::string_view kFraming[] = {"content-length", "transfer-encoding", "connection",
                                             "host",           "upgrade",           "te",
                                             "trailer",        "keep-alive"};
    return std::any_of(std::begin(kFraming), std::end(kFraming),
                       [&](std::string_view framing) { return iequals(framing, name); });
}

constexpr std::string_view kNameForm =
    "the name of a header that is not one of the message's framing";

// ---- header-injection

struct Field {
    std::string name, value;
};
struct Injected {
    std::vector<Field> request, response;
};

class HeaderInjection final : public Policy {
public:
    explicit HeaderInjection(const Injected& fields) : fields_(fields) {}
    Verdict on_request(Request& request) override {
        for (const Field& f : fields_.request) request.edit_upstream_header(f.name, f.value);
        return Pass{};
    }
    void on_response(Request& request, const Response&) override {
        for (const Field& f : fields_.response) request.edit_response_header(f.name, f.value);
    }

private:
    const Injected& fields_;  // the plan's, which outlives its instances
};

class HeaderInjectionPlan final : public PolicyPlan {
public:
    explicit HeaderInjectionPlan(Injected fields) : fields_(std::move(fields)) {}
    std::unique_ptr<Policy> instantiate(const WorkerEnv&) const override {
        return std::make_unique<HeaderInjection>(fields_);
    }

private:
    const Injected fields_;
};

void add_field(Fields& fields, const Position& at, std::string name, const Node& value,
               std::vector<Field>& out) {
    if (!is_name(name) || is_framing(name)) {
        fields.mistake(at, "header is " + quote(name), std::string(kNameForm));
    } else if (value.kind != Node::Kind::scalar || !http::all(value.scalar, http::kValue)) {
        fields.mistake(value.position, "header " + quote(name) + " has no value that can be sent",
                       "text without control characters");
    } else {
        out.push_back({std::move(name), value.scalar});
    }
}

// {Name: value}, or as Flex has it: [{key: Name, value: value}].
std::vector<Field> read_fields(Fields& fields, std::string_view key) {
    std::vector<Field> out;
    const Node* const node = fields.child(key);
    if (node == nullptr) return out;
    if (node->kind == Node::Kind::map) {
        for (std::size_t i = 0; i < node->entries.size(); ++i)
            add_field(fields, node->key_positions[i], node->entries[i].first,
                      node->entries[i].second, out);
        return out;
    }
    if (node->kind != Node::Kind::list) {
        fields.mistake(node->position, std::string(key) + " is not a map of headers",
                       "{Name: value}");
        return out;
    }
    for (const Node& item : node->items) {
        Fields pair(item, fields.diagnostics(), "a header of " + std::string(key));
        const Node* const value = pair.require("value");
        if (pair.require("key") != nullptr && value != nullptr)
            add_field(fields, item.position, pair.text("key"), *value, out);
    }
    return out;
}

// `first`, or Flex's name for it.
std::string_view spelled(Fields& fields, std::string_view first, std::string_view flex) {
    if (!fields.has(flex)) return first;
    if (fields.has(first))
        fields.mistake(fields.child(flex)->position,
                       std::string(flex) + " and " + std::string(first) + " are the same",
                       "one of them");
    return flex;
}

std::unique_ptr<PolicyPlan> compile_injection(const Node& node, CompileContext& context) {
    const Mistakes mistakes(context.diagnostics);
    Fields fields(node, context.diagnostics, "policy header-injection");
    Injected injected;
    injected.request = read_fields(fields, spelled(fields, "request", "inboundHeaders"));
    injected.response = read_fields(fields, spelled(fields, "response", "outboundHeaders"));
    fields.finish();
    if (mistakes.any()) return nullptr;
    return std::make_unique<HeaderInjectionPlan>(std::move(injected));
}

// ---- header-removal

struct Removed {
    std::vector<std::string> names;
    std::unique_ptr<RE2> pattern;  // of further ones; null: none

    [[nodiscard]] bool matches(const http::HeaderField& field) const {
        return pattern != nullptr && !is_framing(field.name) &&
               RE2::FullMatch(re2::StringPiece(field.name.data(), field.name.size()), *pattern);
    }
};

class HeaderRemoval final : public Policy {
public:
    HeaderRemoval(const Removed& request, const Removed& response)
        : from_request_(request), from_response_(response) {}

    Verdict on_request(Request& request) override {
        for (const std::string& name : from_request_.names) request.remove_upstream_header(name);
        if (from_request_.pattern != nullptr)
            for (const http::HeaderField& field : request.head->headers)
                if (from_request_.matches(field)) request.remove_upstream_header(field.name);
        return Pass{};
    }
    void on_response(Request& request, const Response& response) override {
        if (response.head == nullptr) return;  // the gateway's own answer says what it must
        for (const std::string& name : from_response_.names) request.remove_response_header(name);
        if (from_response_.pattern == nullptr) return;
        for (const http::HeaderField& field : response.head->headers)
            if (from_response_.matches(field)) request.remove_response_header(field.name);
    }

private:
    const Removed& from_request_;  // the plan's, which outlives its instances
    const Removed& from_response_;
};

class HeaderRemovalPlan final : public PolicyPlan {
public:
    HeaderRemovalPlan(Removed request, Removed response)
        : request_(std::move(request)), response_(std::move(response)) {}
    std::unique_ptr<Policy> instantiate(const WorkerEnv&) const override {
        return std::make_unique<HeaderRemoval>(request_, response_);
    }

private:
    const Removed request_, response_;
};

// Names; what is none is a regular expression (RE2) of a whole name, in any case.
Removed read_removed(Fields& fields, std::string_view key) {
    Removed removed;
    std::string pattern;
    for (const std::string& text : fields.texts(key)) {
        const Position& at = fields.child(key)->position;
        if (is_framing(text)) {
            fields.mistake(at, std::string(key) + " has " + quote(text), std::string(kNameForm));
        } else if (is_name(text) && text.find_first_of("*+^|.") == std::string::npos) {
            removed.names.push_back(text);
        } else if (const RE2 expression(text, RE2::Quiet); text.empty() || !expression.ok()) {
            fields.mistake(at,
                           std::string(key) + " has " + quote(text) +
                               (text.empty() ? "" : ": " + expression.error()),
                           "the name of a header or a regular expression");
        } else {
            pattern.append(pattern.empty() ? "(?i)(?:" : "|(?:").append(text).append(")");
        }
    }
    if (!pattern.empty()) removed.pattern = std::make_unique<RE2>(pattern, RE2::Quiet);
    return removed;
}

std::unique_ptr<PolicyPlan> compile_removal(const Node& node, CompileContext& context) {
    const Mistakes mistakes(context.diagnostics);
    Fields fields(node, context.diagnostics, "policy header-removal");
    Removed request = read_removed(fields, spelled(fields, "request", "inboundHeaders"));
    Removed response = read_removed(fields, spelled(fields, "response", "outboundHeaders"));
    fields.finish();
    if (mistakes.any()) return nullptr;
    return std::make_unique<HeaderRemovalPlan>(std::move(request), std::move(response));
}

constexpr std::string_view kReasons[] = {"pass"};
constexpr FieldDoc kInjectionFields[] = {
    {"request", "map", "none",
     "Name: value, sent upstream in place of what the client sent under that name. Flex's "
     "inboundHeaders ([{key, value}]) is the same."},
    {"response", "map", "none",
     "Name: value, sent to the client, also on the gateway's own answers. Flex: outboundHeaders."},
};
constexpr FieldDoc kRemovalFields[] = {
    {"request", "list", "none",
     "Names, or regular expressions (RE2) of whole names, in any case: x-internal-.*. Flex: "
     "inboundHeaders."},
    {"response", "list", "none", "The same, of what the upstream answered. Flex: outboundHeaders."},
};
constexpr PolicyKind kInjection{
    .name = "header-injection",
    .category = "transformation",
    .doc = "Sets headers of requests and responses. Those of a message's framing stay.",
    .reasons = kReasons,
    .fields = kInjectionFields,
    .example =
        "- header-injection:\n"
        "    request: {X-Zone: edge}\n"
        "    response: {Strict-Transport-Security: max-age=31536000}",
    .compile = &compile_injection,
};
constexpr PolicyKind kRemoval{
    .name = "header-removal",
    .category = "transformation",
    .doc = "Removes headers from requests and responses. Those of a message's framing stay.",
    .reasons = kReasons,
    .fields = kRemovalFields,
    .example = "- header-removal: {request: [X-Debug, x-internal-.*], response: [Server]}",
    .compile = &compile_removal,
};

}  // namespace

const PolicyKind& header_injection_kind() noexcept { return kInjection; }
const PolicyKind& header_removal_kind() noexcept { return kRemoval; }

}  // namespace glassgate::policy
