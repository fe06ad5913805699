#include "policy/client_id.h"

#include "http/chars.h"
#include "policy/credentials.h"
#include "policy/settings.h"

namespace glassgate::policy {
namespace {

// Longer ids would bloat logs, labels and tables; nobody's real id is longer.
constexpr std::size_t kMaxIdBytes = 256;

struct Source {
    enum class Kind : uint8_t { header, query, basic };
    Kind kind = Kind::header;
    std::string name;
    http::KnownHeader known = http::KnownHeader::other;

    static Source of_header(const std::string& name) {
        return {Kind::header, name, http::known_header(name)};
    }
};

struct Settings {
    std::vector<Source> sources;
    std::optional<Source> name;  // a header
    bool required = false;
    std::string challenge;  // WWW-Authenticate
};

struct Found {
    bool malformed = false;
    std::string_view id;  // empty: this source says nothing
};

std::string_view header_value(const Source& source, const Request& request) {
    return source.known != http::KnownHeader::other
               ? http::find(request.head->headers, source.known)
               : http::find(request.head->headers, source.name);
}

Found look_at(const Source& source, const Request& request) {
    switch (source.kind) {
        case Source::Kind::header:
            return {false, header_value(source, request)};
        case Source::Kind::query: {
            const std::string_view encoded = find_parameter(request.head->query, source.name);
            const auto decoded = decode_form(encoded, *request.arena);
            return {!decoded, decoded.value_or(std::string_view())};
        }
        case Source::Kind::basic:
            break;
    }
    const BasicUser basic = basic_user(
        http::find(request.head->headers, http::KnownHeader::authorization), *request.arena);
    return {basic.malformed, basic.user};
}

class ClientId final : public Policy {
public:
    explicit ClientId(const Settings& settings) : settings_(settings) {}

    Verdict on_request(Request& request) override {
        if (settings_.name) {
            const std::string_view name = header_value(*settings_.name, request);
            if (is_clean_text(name)) request.client_name = name.substr(0, whole_characters(name));
        }
        for (const Source& source : settings_.sources) {
            const Found found = look_at(source, request);
            if (found.malformed || found.id.size() > kMaxIdBytes || !is_clean_text(found.id))
                return refuse(request, "invalid_client_id", "Client ID is not valid");
            if (found.id.empty()) continue;
            request.client_id = found.id;
            return Pass{};
        }
        if (!settings_.required) return Pass{};
        return refuse(request, "missing_client_id", "Client ID is not present");
    }

private:
    Reply refuse(Request& request, std::string_view reason, std::string_view message) const {
        request.edit_response_header("WWW-Authenticate", settings_.challenge);
        return {401, reason, message, model::Ending::auth_failed};
    }
    // At most kMaxIdBytes, not cut within a character.
    static std::size_t whole_characters(std::string_view text) noexcept {
        if (text.size() <= kMaxIdBytes) return text.size();
        std::size_t size = kMaxIdBytes;
        while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
        return size;
    }
    const Settings& settings_;  // the plan's, which outlives its instances
};

class ClientIdPlan final : public PolicyPlan {
public:
    explicit ClientIdPlan(Settings settings) : settings_(std::move(settings)) {}
    std::unique_ptr<Policy> instantiate(const WorkerEnv&) const override {
        return std::make_unique<ClientId>(settings_);
    }
    std::string summary() const override { return settings_.required ? "required" : "optional"; }

private:
    const Settings settings_;
};

// ---- settings
// -------------------------------------------------------------------------------------

constexpr std::string_view kSourceForm = "'header: NAME', 'query: NAME' or 'basic: true'";

std::optional<Source> header_source(const std::string& name, const Position& at, Fields& fields) {
    if (!name.empty() && http::all(name, http::kToken)) return Source::of_header(name);
    fields.mistake(at, "header is " + quote(name), "the name of a header");
    return std::nullopt;
}

std::optional<Source> read_source(const Node& item, Diagnostics& diagnostics) {
    Fields fields(item, diagnostics, "a source of client-id");
    const Node* const header = fields.child("header");
    const Node* const query = fields.child("query");
    const Node* const basic = fields.child("basic");
    if ((header != nullptr) + (query != nullptr) + (basic != nullptr) != 1) {
        if (item.kind == Node::Kind::map)
            fields.mistake(item.position, "a source that is not one of the three kinds",
                           std::string(kSourceForm));
        return std::nullopt;
    }
    if (header != nullptr) return header_source(fields.text("header"), header->position, fields);
    if (query != nullptr) {
        const std::string name = fields.text("query");
        if (!name.empty()) return Source{Source::Kind::query, name, {}};
        if (query->kind == Node::Kind::scalar)
            fields.mistake(query->position, "query is empty", "the name of a query parameter");
        return std::nullopt;
    }
    if (fields.boolean("basic", true)) return Source{Source::Kind::basic, {}, {}};
    return std::nullopt;  // "basic: false" is no source
}

std::vector<Source> read_sources(Fields& fields) {
    const Node* const node = fields.child("sources");
    if (node == nullptr) return {Source::of_header("client_id")};
    if (node->kind != Node::Kind::list || node->items.empty()) {
        fields.mistake(node->position, "sources is not a list of sources",
                       "a list of " + std::string(kSourceForm));
        return {};
    }
    const Mistakes mistakes(fields.diagnostics());
    std::vector<Source> sources;
    for (const Node& item : node->items)
        if (std::optional<Source> source = read_source(item, fields.diagnostics()))
            sources.push_back(std::move(*source));
    if (sources.empty() && !mistakes.any())
        fields.mistake(node->position, "sources names no source", std::string(kSourceForm));
    return sources;
}

// As Flex's client-id-enforcement: the Basic challenge only where Basic would be accepted.
std::string challenge(const Settings& settings, std::string_view gateway) {
    for (const Source& source : settings.sources) {
        if (source.kind != Source::Kind::basic) continue;
        std::string text = "Basic realm=\"";
        for (const char c : gateway) {
            if (c == '"' || c == '\\') text += '\\';
            if (http::is(c, http::kValue)) text += c;
        }
        return text + "\"";
    }
    return "Client-ID-Enforcement";
}

std::unique_ptr<PolicyPlan> compile(const Node& node, CompileContext& context) {
    const Mistakes mistakes(context.diagnostics);
    Fields fields(node, context.diagnostics, "policy client-id");
    Settings settings;
    settings.sources = read_sources(fields);
    settings.required = fields.boolean("required", false);
    if (const Node* const name = fields.child("nameHeader"))
        settings.name = header_source(fields.text("nameHeader"), name->position, fields);
    settings.challenge = challenge(settings, context.gateway);
    fields.finish();
    if (mistakes.any()) return nullptr;
    return std::make_unique<ClientIdPlan>(std::move(settings));
}

constexpr std::string_view kReasons[] = {"pass", "missing_client_id", "invalid_client_id"};
constexpr FieldDoc kFields[] = {
    {"sources", "list", "[{header: client_id}]",
     "Where to look, in this order: header: NAME, query: NAME (percent-decoded), basic: true (the "
     "user of Basic credentials; the password is not looked at). The first that is present and not "
     "empty wins."},
    {"required", "boolean", "false", "Refuse requests in which no source is present (401)."},
    {"nameHeader", "text", "none",
     "A header whose value becomes the log field client.name, cut after 256 bytes."},
};
constexpr PolicyKind kKind{
    .name = "client-id",
    .category = "security",
    .doc =
        "Says who is calling: sets client.id for the policies after it, logs and metrics. It "
        "identifies, it does not authenticate. An id that is longer than 256 bytes, not UTF-8, "
        "badly encoded or contains control characters is refused (401), required or not.",
    .reasons = kReasons,
    .fields = kFields,
    .example =
        "- client-id:\n"
        "    sources: [{header: client_id}, {query: client_id}, {basic: true}]\n"
        "    required: true\n"
        "    nameHeader: user-agent",
    .compile = &compile,
};

}  // namespace

const PolicyKind& client_id_kind() noexcept { return kKind; }

}  // namespace glassgate::policy
