#include "policy/spike_control.h"

#include <algorithm>
#include <charconv>

#include "base/clock.h"
#include "policy/pause.h"
#include "policy/settings.h"
#include "shared/quota_ledger.h"

namespace glassgate::policy {
namespace {

using shared::QuotaDecision;
using shared::QuotaTerms;

struct Settings {
    QuotaTerms terms;
    uint32_t delay_ms = 0;
    uint32_t attempts = 0;
    uint32_t queue = 0;  // per worker
    bool expose_headers = false;
    std::string state_key;
};

void set_number(Request& request, std::string_view name, uint64_t value) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    request.edit_response_header(name, {digits, end});
}

class SpikeControl final : public Policy {
public:
    SpikeControl(const Settings& settings, const WorkerEnv& env)
        : settings_(settings), loop_(env.loop), space_(env.quotas->space(settings.state_key, 1)) {}

    Verdict on_request(Request& request) override {
        const QuotaDecision quota = take(request, request.now_ns);
        if (quota.admitted) return Pass{};
        if (waiting_ >= settings_.queue || settings_.attempts == 0) return refuse(request, quota);
        return Wait{};
    }

    // Tries again after each delay.
    io::Task<Verdict> resume(Request& request) override {
        ++waiting_;
        QuotaDecision quota;
        Pause::End end = Pause::End::timeout;
        for (uint32_t i = 0; i < settings_.attempts && !quota.admitted; ++i) {
            Pause pause(*loop_, request);
            end = co_await pause.until(loop_->now_ns() + settings_.delay_ms * kNsPerMs);
            if (end == Pause::End::cancelled) break;
            quota = take(request, loop_->now_ns());
        }
        --waiting_;
        if (quota.admitted || end == Pause::End::cancelled) co_return Pass{};
        co_return refuse(request, quota);
    }

private:
    QuotaDecision take(Request& request, uint64_t now_ns) {
        static constexpr std::string_view kEverybody = "route";
        const QuotaDecision quota =
            space_->take(space_->key(shared::QuotaSubject::named, kEverybody), settings_.terms,
                         now_ns / kNsPerMs);
        if (settings_.expose_headers) {
            set_number(request, "x-ratelimit-limit", settings_.terms.limit);
            set_number(request, "x-ratelimit-remaining", quota.remaining);
            set_number(request, "x-ratelimit-reset", quota.reset_ms);
        }
        return quota;
    }
    Verdict refuse(Request& request, const QuotaDecision& quota) const {
        set_number(request, "Retry-After", std::max<uint64_t>((quota.reset_ms + 999) / 1000, 1));
        request.exchange->quota_limit = settings_.terms.limit;
        request.exchange->quota_current = quota.current;
        request.exchange->quota_period_s =
            static_cast<uint32_t>((settings_.terms.period_ms + 999) / 1000);
        return Reply{429, "spike_refused", "Too Many Requests", model::Ending::rate_limited};
    }

    const Settings& settings_;  // the plan's, which outlives its instances
    io::Loop* const loop_;
    const std::shared_ptr<shared::QuotaSpace> space_;
    uint32_t waiting_ = 0;
};

class SpikeControlPlan final : public PolicyPlan {
public:
    explicit SpikeControlPlan(Settings settings) : settings_(std::move(settings)) {}
    std::unique_ptr<Policy> instantiate(const WorkerEnv& env) const override {
        return std::make_unique<SpikeControl>(settings_, env);
    }
    std::string summary() const override {
        return std::to_string(settings_.terms.limit) + " in " +
               std::to_string(settings_.terms.period_ms) + " ms";
    }

private:
    const Settings settings_;
};

std::unique_ptr<PolicyPlan> compile(const Node& node, CompileContext& context) {
    const Mistakes mistakes(context.diagnostics);
    Fields fields(node, context.diagnostics, "policy spike-control");
    const auto number = [&](std::string_view key, int64_t fallback, int64_t min, int64_t max) {
        return static_cast<uint32_t>(fields.integer(key, fallback, min, max));
    };
    Settings settings;
    (void)fields.require("maximumRequests");
    settings.terms.limit = number("maximumRequests", 1, 1, QuotaTerms::kMaxLimit);
    settings.terms.period_ms = number("timePeriodInMilliseconds", 1000, 10, 3'600'000);
    settings.delay_ms = number("delayTimeInMillis", 1000, 1, 10'000);
    settings.attempts = number("delayAttempts", 1, 0, 10);
    settings.queue = number("queuingLimit", 0, 0, 100'000);
    settings.expose_headers = fields.boolean("exposeHeaders", false);
    settings.state_key = context.state_key;
    fields.finish();
    if (mistakes.any()) return nullptr;
    return std::make_unique<SpikeControlPlan>(std::move(settings));
}

constexpr std::string_view kReasons[] = {"pass", "spike_refused"};
constexpr FieldDoc kFields[] = {
    {"maximumRequests", "integer", "required", "So many in each period, over all workers."},
    {"timePeriodInMilliseconds", "integer, ms", "1000",
     "A period begins with the first request after the one before; 10 to 3600000."},
    {"queuingLimit", "integer", "0",
     "So many requests wait at most, per worker; 0: none, all above the maximum are refused."},
    {"delayTimeInMillis", "integer, ms", "1000",
     "How long a request waits before it is tried again; 1 to 10000."},
    {"delayAttempts", "integer", "1", "How often it is tried again; 0 to 10."},
    {"exposeHeaders", "boolean", "false",
     "Sends x-ratelimit-limit, x-ratelimit-remaining and x-ratelimit-reset."},
};
constexpr PolicyKind kKind{
    .name = "spike-control",
    .category = "traffic",
    .doc =
        "Smooths bursts: requests above the maximum wait and are tried again, up to a limit; what "
        "still does not fit gets 429. Counts all requests of the route together. The settings are "
        "Flex's.",
    .reasons = kReasons,
    .fields = kFields,
    .example =
        "- spike-control:\n"
        "    maximumRequests: 100\n"
        "    timePeriodInMilliseconds: 1000\n"
        "    delayTimeInMillis: 200\n"
        "    delayAttempts: 5\n"
        "    queuingLimit: 500",
    .compile = &compile,
};

}  // namespace

const PolicyKind& spike_control_kind() noexcept { return kKind; }

}  // namespace glassgate::policy
