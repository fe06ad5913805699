#include "policy/api_key.h"

#include <openssl/evp.h>

#include <array>
#include <cstring>
#include <unordered_map>

#include "base/text.h"
#include "http/chars.h"
#include "policy/credentials.h"
#include "policy/settings.h"

namespace glassgate::policy {
namespace {

// Keys are known by their SHA-256: what is looked up says nothing of the key by the time it takes,
// and the configuration need not contain any.
using Digest = std::array<uint8_t, 32>;
struct DigestHash {
    std::size_t operator()(const Digest& digest) const noexcept {
        std::size_t hash = 0;
        std::memcpy(&hash, digest.data(), sizeof hash);
        return hash;
    }
};

Digest digest_of(std::string_view text) noexcept {
    static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    Digest digest{};
    EVP_Digest(text.data(), text.size(), digest.data(), nullptr, kSha256, nullptr);
    return digest;
}

struct Client {
    std::string id, name;
};
struct Settings {
    bool in_query = false;
    std::string name = "X-API-Key";  // of the header or the query parameter
    bool forward = false;
    std::unordered_map<Digest, Client, DigestHash> clients;
};

class ApiKey final : public Policy {
public:
    explicit ApiKey(const Settings& settings) : settings_(settings) {}

    Verdict on_request(Request& request) override {
        const std::string_view key = settings_.in_query
                                         ? in_query(request)
                                         : http::find(request.head->headers, settings_.name);
        if (key.empty()) return refuse(request, "missing_key");
        const auto client = settings_.clients.find(digest_of(key));
        if (client == settings_.clients.end()) return refuse(request, "unknown_key");
        request.client_id = client->second.id;
        if (!client->second.name.empty()) request.client_name = client->second.name;
        if (!settings_.forward && !settings_.in_query)
            request.remove_upstream_header(settings_.name);
        return Pass{};
    }

private:
    std::string_view in_query(const Request& request) const {
        return decode_form(find_parameter(request.head->query, settings_.name), *request.arena)
            .value_or(std::string_view());
    }
    static Reply refuse(Request& request, std::string_view reason) {
        request.edit_response_header("WWW-Authenticate", "ApiKey");
        return {401, reason, "Unauthorized", model::Ending::auth_failed};
    }
    const Settings& settings_;  // the plan's, which outlives its instances
};

class ApiKeyPlan final : public PolicyPlan {
public:
    explicit ApiKeyPlan(Settings settings) : settings_(std::move(settings)) {}
    std::unique_ptr<Policy> instantiate(const WorkerEnv&) const override {
        return std::make_unique<ApiKey>(settings_);
    }
    std::string summary() const override {
        return std::to_string(settings_.clients.size()) + " keys";
    }

private:
    const Settings settings_;
};

// ---- settings
// -------------------------------------------------------------------------------------

constexpr std::size_t kMinKeyBytes = 16;

std::optional<Digest> read_hex(std::string_view text) {
    Digest digest{};
    if (text.size() != 2 * digest.size()) return std::nullopt;
    for (std::size_t i = 0; i < digest.size(); ++i) {
        const char* const at = text.data() + 2 * i;
        if (std::from_chars(at, at + 2, digest[i], 16).ptr != at + 2) return std::nullopt;
    }
    return digest;
}

void read_client(const Node& item, Diagnostics& diagnostics, Settings& settings) {
    Fields fields(item, diagnostics, "a key of api-key");
    const Node* const plain = fields.child("key");
    const Node* const hashed = fields.child("sha256");
    Client client{fields.text("client"), fields.text("name")};
    if (fields.require("client") != nullptr && (client.id.empty() || client.id.size() > 256))
        fields.mistake(fields.child("client")->position, "client is " + quote(client.id),
                       "1 to 256 bytes");
    if ((plain != nullptr) == (hashed != nullptr)) {
        if (item.kind == Node::Kind::map)
            fields.mistake(item.position, "a key that is not one of the two kinds",
                           "one of key or sha256");
        return;
    }
    std::optional<Digest> digest;
    if (plain != nullptr) {
        const std::string key = fields.text("key");
        if (key.size() < kMinKeyBytes)
            fields.mistake(plain->position, "a key of " + std::to_string(key.size()) + " bytes",
                           "at least 16, so that it cannot be guessed");
        digest = digest_of(key);
    } else if (digest = read_hex(fields.text("sha256")); !digest) {
        fields.mistake(hashed->position, "sha256 is not a hash", "64 hexadecimal digits");
        return;
    }
    if (!settings.clients.emplace(*digest, std::move(client)).second)
        fields.mistake(item.position, "the same key twice");
}

std::unique_ptr<PolicyPlan> compile(const Node& node, CompileContext& context) {
    const Mistakes mistakes(context.diagnostics);
    Fields fields(node, context.diagnostics, "policy api-key");
    Settings settings;
    const Node* const header = fields.child("header");
    const Node* const query = fields.child("query");
    settings.in_query = query != nullptr;
    if (header != nullptr && query != nullptr)
        fields.mistake(query->position, "a key in a header and in the query", "one of them");
    else if (header != nullptr || query != nullptr)
        settings.name = fields.text(settings.in_query ? "query" : "header");
    if (settings.name.empty() || (!settings.in_query && !http::all(settings.name, http::kToken)))
        fields.mistake((settings.in_query ? query : header)->position,
                       "the key's place is " + quote(settings.name), "a name");
    settings.forward = fields.boolean("forwardKey", false);
    if (const Node* const keys = fields.require("keys")) {
        if (keys->kind != Node::Kind::list || keys->items.empty())
            fields.mistake(keys->position, "keys is not a list of keys",
                           "a list of maps with key or sha256, and client");
        for (const Node& item : keys->items) read_client(item, context.diagnostics, settings);
    }
    fields.finish();
    if (mistakes.any()) return nullptr;
    return std::make_unique<ApiKeyPlan>(std::move(settings));
}

constexpr std::string_view kReasons[] = {"pass", "missing_key", "unknown_key"};
constexpr FieldDoc kFields[] = {
    {"keys", "list", "required",
     "Maps of client (becomes client.id), name (client.name; optional) and the key: key: TEXT of "
     "at least 16 bytes, or sha256: 64 hexadecimal digits of its hash."},
    {"header", "text", "X-API-Key", "The header with the key."},
    {"query", "text", "none", "Instead of a header: the query parameter with the key."},
    {"forwardKey", "boolean", "false", "Whether the header goes upstream."},
};
constexpr PolicyKind kKind{
    .name = "api-key",
    .category = "security",
    .doc =
        "Admits requests with a known key and tells whose it is. Keys are compared by their "
        "SHA-256. No key or another one: 401.",
    .reasons = kReasons,
    .fields = kFields,
    .example =
        "- api-key:\n"
        "    keys:\n"
        "      - {client: mobile, key: {fromFile: keys/mobile}}\n"
        "      - {client: web, sha256: "
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}",
    .compile = &compile,
};

}  // namespace

const PolicyKind& api_key_kind() noexcept { return kKind; }

}  // namespace glassgate::policy
