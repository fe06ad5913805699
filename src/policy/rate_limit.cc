#include "policy/rate_limit.h"

#include <algorithm>
#include <charconv>

#include "base/clock.h"
#include "base/text.h"
#include "http/chars.h"
#include "policy/rate.h"
#include "policy/settings.h"
#include "shared/quota_ledger.h"

namespace glassgate::policy {
namespace {

using shared::QuotaDecision;
using shared::QuotaSubject;
using shared::QuotaTerms;

// What a request is counted under.
struct KeySource {
    enum class Kind : uint8_t { client_id, address, route, header, claim, expression };
    Kind kind = Kind::client_id;
    std::string name;  // of the header or the claim
    http::KnownHeader known = http::KnownHeader::other;
    std::optional<Expression> expression = std::nullopt;
};

struct Settings {
    KeySource key;
    std::vector<Rate> rates;  // by period, the shortest first; no period twice
    bool expose_headers = true;
    std::size_t max_keys = 0;
    std::string state_key;
};

std::string_view number_text(uint64_t value, char (&digits)[20]) noexcept {
    return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

void set_number(Request& request, std::string_view name, uint64_t value) {
    char digits[20];
    request.edit_response_header(name, number_text(value, digits));
}

// One of the windows that a request is counted in.
struct Window {
    QuotaTerms terms;
    std::shared_ptr<shared::QuotaSpace> space;
};

class RateLimit final : public Policy {
public:
    RateLimit(const Settings& settings, std::vector<Window> windows)
        : key_(settings.key),
          expose_headers_(settings.expose_headers),
          windows_(std::move(windows)) {}

    // The shortest window first: a burst that it refuses costs nothing in the longer ones. What a
    // longer one refuses has been counted in the shorter ones, which will be over before it.
    Verdict on_request(Request& request) override {
        const Window* tightest = nullptr;
        QuotaDecision least;
        for (const Window& window : windows_) {
            const QuotaDecision quota = window.space->take(key_of(request, *window.space),
                                                           window.terms, request.now_ns / kNsPerMs);
            if (tightest == nullptr || !quota.admitted || quota.remaining < least.remaining) {
                tightest = &window;
                least = quota;
            }
            if (!quota.admitted) break;
        }
        if (expose_headers_) {
            set_number(request, "x-ratelimit-limit", tightest->terms.limit);
            set_number(request, "x-ratelimit-remaining", least.remaining);
            set_number(request, "x-ratelimit-reset", least.reset_ms);
        }
        return least.admitted ? Verdict(Pass{}) : refuse(request, tightest->terms, least);
    }

private:
    static Verdict refuse(Request& request, const QuotaTerms& terms, const QuotaDecision& quota) {
        set_number(request, "Retry-After", std::max<uint64_t>((quota.reset_ms + 999) / 1000, 1));
        request.exchange->quota_limit = terms.limit;
        request.exchange->quota_current = quota.current;
        request.exchange->quota_period_s = static_cast<uint32_t>((terms.period_ms + 999) / 1000);
        return Reply{429, "rate_limited", "Too Many Requests", model::Ending::rate_limited};
    }
    shared::Hash128 key_of(const Request& request, const shared::QuotaSpace& space) const {
        const std::string_view text = key_text(request);
        if (text.empty() && key_.kind != KeySource::Kind::route)
            return space.key(QuotaSubject::address, request.client_address);
        return space.key(QuotaSubject::named, text);
    }
    std::string_view key_text(const Request& request) const {
        switch (key_.kind) {
            case KeySource::Kind::client_id:
                return request.client_id;
            case KeySource::Kind::header:
                return key_.known != http::KnownHeader::other
                           ? http::find(request.head->headers, key_.known)
                           : http::find(request.head->headers, key_.name);
            case KeySource::Kind::claim:
                return request.claim(key_.name);
            case KeySource::Kind::expression:
                return key_.expression->text(request);
            case KeySource::Kind::address:  // the same as the fallback
            case KeySource::Kind::route:
                break;
        }
        return {};
    }

    const KeySource key_;
    const bool expose_headers_;
    const std::vector<Window> windows_;
};

class RateLimitPlan final : public PolicyPlan {
public:
    explicit RateLimitPlan(Settings settings) : settings_(std::move(settings)) {}
    std::unique_ptr<Policy> instantiate(const WorkerEnv& env) const override {
        std::vector<Window> windows;
        for (const Rate& rate : settings_.rates) {
            // A single limit may change its period and keeps its counts.
            std::string key = settings_.state_key;
            if (settings_.rates.size() > 1) key += "#" + std::to_string(rate.period_ms);
            windows.push_back(
                {{rate.requests, rate.period_ms}, env.quotas->space(key, settings_.max_keys)});
        }
        return std::make_unique<RateLimit>(settings_, std::move(windows));
    }
    std::string summary() const override {
        std::string text;
        for (const Rate& rate : settings_.rates)
            text += (text.empty() ? "" : ", ") + rate_text(rate);
        return text;
    }

private:
    const Settings settings_;
};

// ---- settings
// -------------------------------------------------------------------------------------

constexpr std::size_t kMaxRates = 8;
constexpr std::string_view kKeyForm =
    "client.id, address, route, header:NAME, jwt.CLAIM or an expression #[...]";

KeySource read_key(Fields& fields) {
    const std::string text = fields.text("key", "client.id");
    const std::string_view view = text;
    using enum KeySource::Kind;
    if (view == "client.id") return {client_id, {}, {}};
    if (view == "address") return {address, {}, {}};
    if (view == "route") return {route, {}, {}};
    if (Expression::is_one(view))
        return {expression, {}, {}, read_expression(*fields.child("key"), fields.diagnostics())};
    if (view.starts_with("header:")) {
        const std::string name(trim_ows(view.substr(7)));
        if (!name.empty() && http::all(name, http::kToken))
            return {header, name, http::known_header(name)};
    }
    if (view.starts_with("jwt.") && view.size() > 4)
        return {claim, std::string(view.substr(4)), {}};
    const std::vector<std::string_view> names{"client.id", "address", "route"};
    const Node* const node = fields.child("key");
    fields.diagnostics().error(node != nullptr ? node->position : fields.position(),
                               "key is " + quote(text), std::string(kKeyForm),
                               std::string(nearest_name(text, names)));
    return {};
}

Rate read_rate_map(const Node& node, Fields& fields) {
    Fields map(node, fields.diagnostics(), "limit");
    Rate rate{1, 1000};
    if (map.require("requests") != nullptr)
        rate.requests =
            static_cast<uint64_t>(map.integer("requests", 1, 1, int64_t{QuotaTerms::kMaxLimit}));
    if (map.require("periodMs") != nullptr)
        rate.period_ms = static_cast<uint64_t>(
            map.integer("periodMs", 1000, 10, int64_t{QuotaTerms::kMaxPeriodMs}));
    return rate;
}

Rate read_rate(const Node& node, Fields& fields) {
    if (node.kind == Node::Kind::map) return read_rate_map(node, fields);
    if (node.kind == Node::Kind::scalar) {
        const std::optional<Rate> rate = parse_rate(node.scalar);
        if (rate && rate->requests >= 1 && rate->requests <= QuotaTerms::kMaxLimit) return *rate;
        if (rate) {
            fields.mistake(node.position, "limit is " + quote(node.scalar),
                           "1 to " + std::to_string(QuotaTerms::kMaxLimit) + " requests");
            return {};
        }
        fields.mistake(node.position, "limit is " + quote(node.scalar), std::string(kRateForm));
        return {};
    }
    fields.mistake(node.position,
                   "limit is " + std::string(node.kind == Node::Kind::list ? "a list" : "empty"),
                   std::string(kRateForm));
    return {};
}

// `limit`, or several `limits`.
std::vector<Rate> read_rates(Fields& fields) {
    const Node* const one = fields.child("limit");
    const Node* const several = fields.child("limits");
    if (one != nullptr && several != nullptr)
        fields.mistake(several->position, "limit and limits", "one of them");
    if (one != nullptr) return {read_rate(*one, fields)};
    if (several == nullptr) {
        if (fields.node().kind == Node::Kind::map || fields.node().kind == Node::Kind::null)
            fields.mistake(fields.position(), "policy rate-limit has no key 'limit'",
                           std::string(kRateForm));
        return {};
    }
    if (several->kind != Node::Kind::list || several->items.empty() ||
        several->items.size() > kMaxRates) {
        fields.mistake(several->position, "limits is not a list of 1 to 8 rates",
                       "[10/s, 1000/hour]");
        return {};
    }
    std::vector<Rate> rates;
    for (const Node& item : several->items) {
        rates.push_back(read_rate(item, fields));
        const auto same_period = [&](const Rate& r) {
            return r.period_ms == rates.back().period_ms;
        };
        if (rates.back().period_ms != 0 &&
            std::count_if(rates.begin(), rates.end(), same_period) > 1)
            fields.mistake(item.position, "two limits for the same period");
    }
    std::sort(rates.begin(), rates.end(),
              [](const Rate& a, const Rate& b) { return a.period_ms < b.period_ms; });
    return rates;
}

std::unique_ptr<PolicyPlan> compile(const Node& node, CompileContext& context) {
    const Mistakes mistakes(context.diagnostics);
    Fields fields(node, context.diagnostics, "policy rate-limit");
    Settings settings;
    settings.key = read_key(fields);
    settings.rates = read_rates(fields);
    settings.expose_headers = fields.boolean("exposeHeaders", true);
    settings.max_keys = static_cast<std::size_t>(fields.integer("maxKeys", 100'000, 1, 10'000'000));
    if (settings.key.kind == KeySource::Kind::route) settings.max_keys = 1;
    settings.state_key = context.state_key;
    fields.finish();
    if (mistakes.any()) return nullptr;
    return std::make_unique<RateLimitPlan>(std::move(settings));
}

constexpr std::string_view kReasons[] = {"pass", "rate_limited"};
constexpr FieldDoc kFields[] = {
    {"limit", "rate", "required",
     "N/s, N/sec, N/second, N/min, N/minute, N/h, N/hour or N/day; or {requests: N, periodMs: M} "
     "with a period from 10 ms to 31 days. N is 1 to 60000000."},
    {"limits", "list", "none",
     "Instead of limit: up to 8 rates of different periods, all of which must admit the request: "
     "[10/s, 1000/hour]. The x-ratelimit headers tell of the one with the least left."},
    {"key", "text", "client.id",
     "What is counted separately: client.id (see client-id), address, header:NAME, jwt.CLAIM, "
     "route (all requests together), or an expression such as \"#[attributes.headers['a'] ++ "
     "attributes.method]\". A request without the value is counted under its address, "
     "apart from any client that calls itself like that."},
    {"exposeHeaders", "boolean", "true",
     "Sends x-ratelimit-limit, x-ratelimit-remaining and x-ratelimit-reset (ms until the window "
     "ends) with every response. Retry-After (seconds) is always sent on 429."},
    {"maxKeys", "integer", "100000",
     "At most so many keys are told apart at a time; 1 to 10000000. The requests of further keys "
     "share one window until another one ends. A key takes about 60 bytes."},
};
constexpr PolicyKind kKind{
    .name = "rate-limit",
    .category = "traffic",
    .doc =
        "Admits so many requests per period and key, exactly, over all workers. A window begins "
        "with the first request of its key and lasts one period; refused requests do not extend "
        "it. Counts survive a reload, which may change the limit. Above the limit: 429. Of "
        "several rate limits on a route, the last one that ran fills the x-ratelimit headers.",
    .reasons = kReasons,
    .fields = kFields,
    .example = "- rate-limit: {key: client.id, limit: 100/min}",
    .compile = &compile,
};

}  // namespace

const PolicyKind& rate_limit_kind() noexcept { return kKind; }

}  // namespace glassgate::policy
