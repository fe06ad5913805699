#include "policy/basic_auth.h"

#include <openssl/crypto.h>

#include <array>
#include <map>

#include "base/clock.h"
#include "base/text.h"
#include "policy/credentials.h"
#include "policy/passwords.h"
#include "policy/pause.h"
#include "policy/services.h"
#include "policy/settings.h"
#include "shared/sip_hash.h"

namespace glassgate::policy {
namespace {

constexpr std::size_t kMaxPasswordBytes = 512;  // crypt's own limit
constexpr uint64_t kPatienceMs = 10'000;
constexpr uint64_t kRememberRefusalMs = 10'000;

struct Settings {
    std::map<std::string, std::string, std::less<>> hashes;  // by user
    std::map<std::string, std::string, std::less<>> plain;   // by user: text of the configuration
    std::string challenge;
    std::string nobodys_hash;  // compared with when the user is unknown: that takes as long
    uint32_t cache_ms = 0;
    bool forward = false;
};

// What comparisons came to, by a keyed hash of name and password. 4096 places; a newer verdict
// takes the place of an older one.
class Verdicts {
public:
    enum class Known : uint8_t { no, good, bad };

    [[nodiscard]] shared::Hash128 key(std::string_view user, std::string_view password) const {
        std::string both;
        both.reserve(user.size() + password.size() + 1);
        both.append(user).push_back('\0');
        both.append(password);
        const shared::Hash128 hash = shared::sip_hash_128(key_, both);
        OPENSSL_cleanse(both.data(), both.size());
        return hash;
    }
    [[nodiscard]] Known find(const shared::Hash128& key, uint64_t now_ms) const noexcept {
        const Place& place = places_[key.low % places_.size()];
        if (place.key != key || now_ms >= place.until_ms) return Known::no;
        return place.good ? Known::good : Known::bad;
    }
    void put(const shared::Hash128& key, bool good, uint64_t until_ms) noexcept {
        places_[key.low % places_.size()] = {key, until_ms, good};
    }

private:
    struct Place {
        shared::Hash128 key;
        uint64_t until_ms = 0;
        bool good = false;
    };
    const shared::SipKey key_ = shared::SipKey::random();
    std::vector<Place> places_{4096};
};

class BasicAuth final : public Policy {
public:
    BasicAuth(const Settings& settings, const WorkerEnv& env)
        : settings_(settings), loop_(env.loop), services_(env.services) {
        if (loop_ != nullptr) bell_ = std::make_shared<Doorbell>(*loop_);
    }
    ~BasicAuth() override {
        if (bell_) bell_->close();
    }
    BasicAuth(const BasicAuth&) = delete;
    BasicAuth& operator=(const BasicAuth&) = delete;

    Verdict on_request(Request& request) override {
        const BasicCredentials given = credentials_of(request);
        if (!given.present) return refuse(request, "missing_credentials");
        if (given.malformed || given.password.size() > kMaxPasswordBytes ||
            given.password.find('\0') != std::string_view::npos || !is_clean_text(given.user))
            return refuse(request, "bad_credentials");
        if (const auto plain = settings_.plain.find(given.user); plain != settings_.plain.end())
            return equal(plain->second, given.password) ? admit(request, given)
                                                        : refuse(request, "bad_credentials");
        if (settings_.hashes.empty()) return refuse(request, "bad_credentials");
        switch (
            verdicts_.find(verdicts_.key(given.user, given.password), request.now_ns / kNsPerMs)) {
            case Verdicts::Known::good:
                return admit(request, given);
            case Verdicts::Known::bad:
                return refuse(request, "bad_credentials");
            case Verdicts::Known::no:
                break;
        }
        return Wait{};
    }

    io::Task<Verdict> resume(Request& request) override {
        const BasicCredentials given = credentials_of(request);
        const auto user = settings_.hashes.find(given.user);
        const bool known = user != settings_.hashes.end();
        auto job = std::make_shared<Passwords::Job>();
        job->password = given.password;
        job->hash = known ? user->second : settings_.nobodys_hash;
        job->bell = bell_;
        {
            Pause pause(*loop_, request);
            job->told = [&pause] { pause.wake(); };
            if (!services_->passwords.ask(job)) co_return busy(request);
            (void)co_await pause.until(loop_->now_ns() + kPatienceMs * kNsPerMs);
            job->told = nullptr;
            job->wanted = false;
        }
        if (!job->done) co_return busy(request);
        const bool good = known && job->good;
        const uint64_t now_ms = loop_->now_ns() / kNsPerMs;
        verdicts_.put(verdicts_.key(given.user, given.password), good,
                      now_ms + (good ? settings_.cache_ms : kRememberRefusalMs));
        if (good) co_return admit(request, given);
        co_return refuse(request, "bad_credentials");
    }

private:
    static BasicCredentials credentials_of(const Request& request) {
        return basic_credentials(
            http::find(request.head->headers, http::KnownHeader::authorization), *request.arena);
    }
    static bool equal(std::string_view a, std::string_view b) noexcept {
        return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
    }
    Verdict admit(Request& request, const BasicCredentials& given) const {
        request.client_id = given.user;
        if (!settings_.forward) request.remove_upstream_header("Authorization");
        return Pass{};
    }
    Verdict refuse(Request& request, std::string_view reason) const {
        request.edit_response_header("WWW-Authenticate", settings_.challenge);
        return Reply{401, reason, "Unauthorized", model::Ending::auth_failed};
    }
    // Too many passwords to compare.
    static Verdict busy(Request& request) {
        request.edit_response_header("Retry-After", "1");
        return Reply{503, "busy", "Service Unavailable", model::Ending::policy_refused,
                     model::Origin::gateway};
    }

    const Settings& settings_;  // the plan's, which outlives its instances
    io::Loop* const loop_;
    Services* const services_;
    std::shared_ptr<Doorbell> bell_;
    Verdicts verdicts_;
};

class BasicAuthPlan final : public PolicyPlan {
public:
    explicit BasicAuthPlan(Settings settings) : settings_(std::move(settings)) {}
    std::unique_ptr<Policy> instantiate(const WorkerEnv& env) const override {
        return std::make_unique<BasicAuth>(settings_, env);
    }
    std::string summary() const override {
        return std::to_string(settings_.hashes.size() + settings_.plain.size()) + " users";
    }

private:
    const Settings settings_;
};

// ---- settings
// -------------------------------------------------------------------------------------

constexpr std::string_view kHashForm =
    "a hash of bcrypt, sha512-crypt, sha256-crypt, scrypt or yescrypt";

void add_hash(Fields& fields, const Position& at, std::string_view user, std::string_view hash,
              Settings& settings) {
    if (user.empty() || user.size() > 256 || !is_clean_text(user))
        fields.mistake(at, "user is " + quote(user), "1 to 256 bytes without ':'");
    else if (!is_password_hash(hash))  // not quoted: it may be the password
        fields.mistake(at, "the hash of user " + quote(user) + " is none that is used here",
                       std::string(kHashForm));
    else if (settings.plain.contains(user) || !settings.hashes.emplace(user, hash).second)
        fields.mistake(at, "user " + quote(user) + " stands here twice");
}

// Lines of "user:hash", as htpasswd writes them; '#' begins a comment.
void read_htpasswd(Fields& fields, Settings& settings) {
    const Node* const node = fields.child("htpasswd");
    if (node == nullptr) return;
    const std::string text = fields.text("htpasswd");
    std::string_view rest = text;
    std::size_t number = 0;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        ++number;
        if (line.ends_with('\r')) line.remove_suffix(1);
        line = trim_ows(line);
        if (line.empty() || line.starts_with('#')) continue;
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos)
            fields.mistake(node->position,
                           "htpasswd has no user and hash in line " + std::to_string(number),
                           "user:hash");
        else
            add_hash(fields, node->position, line.substr(0, colon), line.substr(colon + 1),
                     settings);
    }
}

void read_users(Fields& fields, Settings& settings) {
    const Node* const users = fields.child("users");
    if (users == nullptr) return;
    if (users->kind != Node::Kind::map) {
        fields.mistake(users->position, "users is not a map", "user: hash");
        return;
    }
    for (std::size_t i = 0; i < users->entries.size(); ++i) {
        const auto& [user, hash] = users->entries[i];
        add_hash(fields, users->key_positions[i], user,
                 hash.kind == Node::Kind::scalar ? hash.scalar : std::string(), settings);
    }
}

std::string challenge_of(std::string_view realm) {
    std::string text = "Basic realm=\"";
    for (const char c : realm) {
        if (c == '"' || c == '\\') text += '\\';
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) text += c;
    }
    return text + "\", charset=\"UTF-8\"";
}

std::unique_ptr<PolicyPlan> compile(const Node& node, CompileContext& context) {
    const Mistakes mistakes(context.diagnostics);
    Fields fields(node, context.diagnostics, "policy basic-auth");
    Settings settings;
    if (fields.has("username") || fields.has("password")) {
        (void)fields.require("username"), (void)fields.require("password");
        settings.plain.emplace(fields.text("username"), fields.text("password"));
    }
    read_users(fields, settings);
    read_htpasswd(fields, settings);
    settings.challenge = challenge_of(fields.text("realm", context.gateway));
    settings.cache_ms =
        static_cast<uint32_t>(fields.integer("cacheSeconds", 300, 1, 86'400) * 1000);
    settings.forward = fields.boolean("forwardCredentials", false);
    if (!settings.hashes.empty()) settings.nobodys_hash = settings.hashes.begin()->second;
    if (!mistakes.any() && settings.hashes.empty() && settings.plain.empty())
        fields.mistake(fields.position(), "policy basic-auth has no users",
                       "users, htpasswd, or username and password");
    fields.finish();
    if (mistakes.any()) return nullptr;
    return std::make_unique<BasicAuthPlan>(std::move(settings));
}

constexpr std::string_view kReasons[] = {"pass", "missing_credentials", "bad_credentials", "busy"};
constexpr FieldDoc kFields[] = {
    {"users", "map", "none",
     "User: hash. Hashes of bcrypt, sha512-crypt, sha256-crypt, scrypt or yescrypt. In YAML a $ "
     "before a letter is written $$."},
    {"htpasswd", "text", "none",
     "Lines user:hash as htpasswd -B writes them, best from a file: {fromFile: PATH}."},
    {"username", "text", "none", "With password: a user whose password stands here as it is."},
    {"password", "text", "none", "Best from a file: {fromFile: PATH}."},
    {"realm", "text", "the gateway's name", "In the challenge."},
    {"cacheSeconds", "integer, s", "300",
     "How long a password that was right is not compared again, per worker; 1 to 86400. One that "
     "was wrong is remembered for 10 s."},
    {"forwardCredentials", "boolean", "false", "Whether Authorization goes upstream."},
};
constexpr PolicyKind kKind{
    .name = "basic-auth",
    .category = "security",
    .doc =
        "Admits requests with a user's name and password; the user becomes client.id. Hashes are "
        "compared on a thread of their own, one at a time, while only the request waits (10 s at "
        "most); when more than 64 wait, further ones get 503. An unknown user takes as long as a "
        "known one. Anything else: 401.",
    .reasons = kReasons,
    .fields = kFields,
    .example = "- basic-auth: {htpasswd: {fromFile: users.htpasswd}, realm: orders}",
    .compile = &compile,
};

}  // namespace

const PolicyKind& basic_auth_kind() noexcept { return kKind; }

}  // namespace glassgate::policy
