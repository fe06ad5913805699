#include "policy/jwt_validation.h"

#include <algorithm>

#include "base/clock.h"
#include "base/text.h"
#include "policy/credentials.h"
#include "policy/doorbell.h"
#include "policy/jwt/settings.h"
#include "policy/jwt/token_cache.h"
#include "policy/pause.h"
#include "policy/services.h"
#include "policy/settings.h"

namespace glassgate::policy {
namespace {

using jwt::ClaimFault;
using jwt::JwksSource;
using jwt::Settings;

constexpr uint64_t kMaxPatienceMs = 5000;  // a request waits no longer for keys to come
constexpr std::size_t kMaxWaiting = 1000;  // per worker and route
constexpr std::size_t kMaxClientIdBytes = 256;

struct FoundToken {
    std::string_view text;
    bool ambiguous = false;  // two of them: the upstream might look at the other
};

FoundToken find_token(const jwt::TokenSource& source, const Request& request) {
    using Kind = jwt::TokenSource::Kind;
    if (source.kind == Kind::expression) return {source.expression->text(request)};
    if (source.kind == Kind::query) return {find_parameter(request.head->query, source.name)};
    FoundToken found;
    unsigned count = 0;
    for (const http::HeaderField& field : request.head->headers) {
        if (source.known != http::KnownHeader::other ? field.known != source.known
                                                     : !iequals(field.name, source.name))
            continue;
        if (count++ == 0) found.text = field.value;
    }
    found.ambiguous = count > 1;
    if (source.kind == Kind::header) return found;
    constexpr std::string_view kScheme = "bearer ";
    if (found.text.size() < kScheme.size() ||
        !iequals(found.text.substr(0, kScheme.size()), kScheme))
        return {};
    found.text = trim_ows(found.text.substr(kScheme.size()));
    return found;
}

std::string_view reason_of(jwt::TokenFault fault) noexcept {
    switch (fault) {
        case jwt::TokenFault::algorithm:
            return "algorithm_refused";
        case jwt::TokenFault::critical:
            return "critical_header";
        case jwt::TokenFault::malformed:
            break;
    }
    return "malformed_token";
}

std::string_view reason_of(ClaimFault fault) noexcept {
    switch (fault) {
        case ClaimFault::expired:
            return "token_expired";
        case ClaimFault::not_yet_valid:
            return "token_not_yet_valid";
        case ClaimFault::issuer:
            return "wrong_issuer";
        case ClaimFault::audience:
            return "wrong_audience";
        case ClaimFault::missing:
            return "missing_claim";
        case ClaimFault::unexpected:
            return "wrong_claim";
        case ClaimFault::none:
        case ClaimFault::malformed:
            break;
    }
    return "malformed_token";
}

class JwtValidation final : public Policy {
public:
    JwtValidation(const Settings& settings, const WorkerEnv& env)
        : settings_(settings), loop_(env.loop), cache_(settings.cached_tokens) {
        if (!settings_.jwks) return;
        source_ = env.services->jwks.source(*settings_.jwks);
        bell_ = std::make_shared<Doorbell>(*loop_);
        source_->listen(bell_, [room = room_](const JwksSource::News&) { room->wake_all(); });
    }
    ~JwtValidation() override {
        if (!source_) return;
        source_->forget(bell_.get());
        bell_->close();
    }
    JwtValidation(const JwtValidation&) = delete;
    JwtValidation& operator=(const JwtValidation&) = delete;

    Verdict on_request(Request& request) override {
        const FoundToken token = find_token(settings_.token, request);
        if (token.text.empty())
            return refuse(request, 400, "missing_token", "JWT Token is required.");
        if (token.ambiguous) return invalid(request, "malformed_token");
        take_fresh_keys();
        const uint64_t wall_s = wall_s_of(request);
        if (const jwt::Verified* const known = cache_.find(token.text, wall_s))
            return accept(request, *known);
        const Checked checked = check(token.text, wall_s);
        if (checked.verified != nullptr) return accept(request, *checked.verified);
        if (checked.wants_keys && source_ && room_->size() < kMaxWaiting && source_->ask())
            return Wait{};
        return refuse(request, checked);
    }

    // The keys it needs may come with the fetch that is under way.
    io::Task<Verdict> resume(Request& request) override {
        const uint64_t patience_ms = std::min<uint64_t>(settings_.jwks->timeout_ms, kMaxPatienceMs);
        {
            Pause pause(*loop_, request);
            room_->enter(pause);
            (void)co_await pause.until(loop_->now_ns() + patience_ms * kNsPerMs);
            room_->leave(pause);
        }
        take_fresh_keys();
        const FoundToken token = find_token(settings_.token, request);
        const Checked checked = check(token.text, wall_s_of(request));
        if (checked.verified != nullptr) co_return accept(request, *checked.verified);
        co_return refuse(request, checked);
    }

private:
    struct Checked {
        const jwt::Verified* verified = nullptr;
        std::string_view reason;
        bool wants_keys = false;  // other keys might prove it
    };

    [[nodiscard]] bool in_header() const noexcept {
        return settings_.token.kind == jwt::TokenSource::Kind::bearer ||
               settings_.token.kind == jwt::TokenSource::Kind::header;
    }
    [[nodiscard]] bool ever_had_keys() const noexcept {
        return !settings_.keys->empty() || fetched_ != nullptr;
    }

    static uint64_t wall_s_of(const Request& request) noexcept {
        const model::Exchange& e = *request.exchange;
        return (e.opened_wall_ns + (request.now_ns - e.opened_ns)) / kNsPerSecond;
    }

    void take_fresh_keys() {
        if (!source_) return;
        const uint64_t version = source_->version();
        if (version == version_) return;
        version_ = version;
        fetched_ = source_->keys();
        cache_.clear();  // a key that was taken back proves nothing any more
    }

    [[nodiscard]] jwt::Proof prove(const jwt::Token& token) const {
        jwt::Proof proof = jwt::prove(token, *settings_.keys);
        if (proof == jwt::Proof::good || fetched_ == nullptr) return proof;
        const jwt::Proof other = jwt::prove(token, *fetched_);
        if (other != jwt::Proof::unknown_key) proof = other;
        return proof;
    }

    Checked check(std::string_view text, uint64_t wall_s) {
        auto token = jwt::parse_token(text);
        if (!token) return {nullptr, reason_of(token.error())};
        if (!jwt::contains(settings_.algorithms, token->algorithm))
            return {nullptr, "algorithm_refused"};
        switch (prove(*token)) {
            case jwt::Proof::unknown_key:
                return {nullptr, "unknown_key", true};
            case jwt::Proof::bad:  // a key may have been replaced under the id it had
                return {nullptr, "bad_signature", true};
            case jwt::Proof::good:
                break;
        }
        const ClaimFault fault = jwt::check_claims(token->claims, settings_.rules, wall_s);
        if (fault != ClaimFault::none) return {nullptr, reason_of(fault)};
        jwt::Verified verified;
        verified.token = text;
        verified.good_until_s =
            jwt::good_until_s(token->claims, settings_.rules).value_or(UINT64_MAX);
        verified.claims = jwt::claim_texts(token->claims);
        return {cache_.put(std::move(verified)), {}};
    }

    Verdict accept(Request& request, const jwt::Verified& verified) {
        for (const auto& [name, value] : verified.claims) request.set_claim(name, value);
        if (!settings_.client_id_claim.empty()) {
            const std::string_view id = request.claim(settings_.client_id_claim);
            if (!id.empty() && id.size() <= kMaxClientIdBytes && is_clean_text(id))
                request.client_id = id;
        }
        for (const auto& [claim, header] : settings_.headers) {
            const std::string_view value = request.claim(claim);
            if (value.empty())  // what the client says there is not what the token says
                request.remove_upstream_header(header);
            else
                request.edit_upstream_header(header, value);
        }
        if (!settings_.forward_token && in_header())
            request.remove_upstream_header(settings_.token.name);
        return Pass{};
    }

    Verdict refuse(Request& request, const Checked& checked) {
        if (!checked.wants_keys || ever_had_keys()) return invalid(request, checked.reason);
        request.edit_response_header("Retry-After", "1");
        return Reply{503, "keys_unavailable", "Service Unavailable", model::Ending::policy_refused,
                     model::Origin::gateway};
    }
    static Verdict invalid(Request& request, std::string_view reason) {
        return refuse(request, 401, reason, "Invalid token.");
    }
    static Verdict refuse(Request& request, uint16_t status, std::string_view reason,
                          std::string_view message) {
        request.edit_response_header("WWW-Authenticate", "Bearer");
        return Reply{status, reason, message, model::Ending::auth_failed};
    }

    const Settings& settings_;  // the plan's, which outlives its instances
    io::Loop* const loop_;
    jwt::TokenCache cache_;
    std::shared_ptr<JwksSource> source_;  // null: no URL
    std::shared_ptr<Doorbell> bell_;
    // Shared with the doorbell's work, which may come when the policy is gone.
    const std::shared_ptr<WaitingRoom> room_ = std::make_shared<WaitingRoom>();
    uint64_t version_ = 0;
    jwt::Keys fetched_;  // null: never any
};

class JwtValidationPlan final : public PolicyPlan {
public:
    explicit JwtValidationPlan(Settings settings) : settings_(std::move(settings)) {}
    std::unique_ptr<Policy> instantiate(const WorkerEnv& env) const override {
        return std::make_unique<JwtValidation>(settings_, env);
    }
    std::string summary() const override {
        if (settings_.jwks) return "keys of " + settings_.jwks->url;
        return std::to_string(settings_.keys->size()) + " keys";
    }

private:
    const Settings settings_;
};

std::unique_ptr<PolicyPlan> compile(const Node& node, CompileContext& context) {
    const Mistakes mistakes(context.diagnostics);
    Settings settings = jwt::read_settings(node, context.diagnostics);
    if (mistakes.any()) return nullptr;
    return std::make_unique<JwtValidationPlan>(std::move(settings));
}

constexpr std::string_view kReasons[] = {
    "pass",           "missing_token", "malformed_token", "algorithm_refused",   "critical_header",
    "unknown_key",    "bad_signature", "token_expired",   "token_not_yet_valid", "wrong_issuer",
    "wrong_audience", "missing_claim", "wrong_claim",     "keys_unavailable"};
constexpr FieldDoc kFields[] = {
    {"keys", "list", "none",
     "Keys of the configuration, each a map with one of pem (a public key or certificate), secret "
     "(text), secretBase64, jwks (a JSON Web Key Set as text); id: the kid it answers to. From a "
     "file: pem: {fromFile: PATH}. A secret is at least as long as its hash (32 bytes for HS256), "
     "an RSA key at least 2048 bits."},
    {"jwksUrl", "URL", "none",
     "A JSON Web Key Set, fetched in the background. It keeps what it has when the server fails. "
     "Secrets in it are not used. Without any key yet, requests wait for the fetch under way, 5 s "
     "at most, and get 503 if it fails."},
    {"jwksRefreshSeconds", "integer, s", "300",
     "Fetched again so often; 10 to 86400. A token with an unknown kid has it fetched at once, "
     "every 5 s at most, and waits for that. After a failure: 1, 2, 4 ... 60 s."},
    {"jwksTimeoutMs", "integer, ms", "10000", "Of one fetch; 100 to 60000."},
    {"jwksCa", "PEM", "the system's", "Whom to trust for an https URL."},
    {"algorithms", "list", "all that fit the keys",
     "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512. "
     "A key works only with algorithms of its own kind, whatever the token says; none is always "
     "refused."},
    {"token", "map", "{bearer: true}",
     "Where it stands: bearer: true (Authorization: Bearer ...), header: NAME, query: NAME, "
     "or expression: \"#[...]\"."},
    {"issuer", "text or list", "any", "iss is one of these."},
    {"audience", "text or list", "any", "aud is or contains one of these."},
    {"requiredClaims", "list", "[exp]",
     "Claims that must be there. A dotted name leads into objects: realm_access.roles. exp and nbf "
     "are checked wherever they stand."},
    {"expectedClaims", "map", "none",
     "Claim: value, or a list of values of which one must match; a claim that is a list matches "
     "by any of its items."},
    {"clockSkewSeconds", "integer, s", "30", "Tolerance for exp and nbf; 0 to 600."},
    {"clientId", "text", "none", "The claim that becomes client.id, for example azp."},
    {"claimHeaders", "map", "none",
     "Claim: header. Sent upstream; what the client sent under that name is removed, also when "
     "the token has no such claim."},
    {"forwardToken", "boolean", "true", "Whether the token's header goes upstream."},
    {"cachedTokens", "integer", "1000",
     "Verified tokens remembered per worker and route until they expire; 0 to 100000."},
};
constexpr PolicyKind kKind{
    .name = "jwt-validation",
    .category = "security",
    .doc =
        "Admits requests with a signed JSON Web Token: signature, issuer, audience, times and "
        "claims. Its claims become the log fields jwt.NAME and keys of rate-limit. No token: 400; "
        "a bad one: 401; no keys yet: 503. Tokens with a crit header, with none for an algorithm, "
        "encrypted, longer than 16 KiB or in two headers are refused.",
    .reasons = kReasons,
    .fields = kFields,
    .example =
        "- jwt-validation:\n"
        "    jwksUrl: https://idp.example.com/.well-known/jwks.json\n"
        "    issuer: https://idp.example.com/\n"
        "    audience: orders\n"
        "    expectedClaims: {org_id: [acme, globex]}\n"
        "    clientId: azp",
    .compile = &compile,
};

}  // namespace

const PolicyKind& jwt_validation_kind() noexcept { return kKind; }

}  // namespace glassgate::policy
