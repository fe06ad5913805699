#include "policy/stream_idle_timeout.h"

#include "policy/settings.h"

namespace glassgate::policy {
namespace {

class StreamIdleTimeout final : public Policy {
public:
    explicit StreamIdleTimeout(uint32_t timeout_ms) : timeout_ms_(timeout_ms) {}
    Verdict on_request(Request& request) override {
        request.stream_idle_timeout_ms = timeout_ms_;
        return Pass{};
    }

private:
    const uint32_t timeout_ms_;
};

class StreamIdleTimeoutPlan final : public PolicyPlan {
public:
    explicit StreamIdleTimeoutPlan(uint32_t timeout_ms) : timeout_ms_(timeout_ms) {}
    std::unique_ptr<Policy> instantiate(const WorkerEnv&) const override {
        return std::make_unique<StreamIdleTimeout>(timeout_ms_);
    }
    std::string summary() const override { return std::to_string(timeout_ms_) + " ms"; }

private:
    const uint32_t timeout_ms_;
};

std::unique_ptr<PolicyPlan> compile(const Node& settings, CompileContext& context) {
    const Mistakes mistakes(context.diagnostics);
    Fields fields(settings, context.diagnostics, "policy stream-idle-timeout");
    (void)fields.require("timeoutMs");
    const auto timeout_ms = static_cast<uint32_t>(fields.integer("timeoutMs", 1, 1, 3'600'000));
    fields.finish();
    if (mistakes.any()) return nullptr;
    return std::make_unique<StreamIdleTimeoutPlan>(timeout_ms);
}

constexpr std::string_view kReasons[] = {"pass"};
constexpr FieldDoc kFields[] = {
    {"timeoutMs", "integer, ms", "required", "Between two pieces of a response; 1 to 3600000."},
};
constexpr PolicyKind kKind{
    .name = "stream-idle-timeout",
    .category = "traffic",
    .doc =
        "Replaces the upstream's streamIdleTimeoutMs for this route, also for upgraded "
        "connections. A response that stalls so long is broken off: ending upstream_body_timeout.",
    .reasons = kReasons,
    .fields = kFields,
    .example = "- stream-idle-timeout: {timeoutMs: 5000}",
    .compile = &compile,
};

}  // namespace

const PolicyKind& stream_idle_timeout_kind() noexcept { return kKind; }

}  // namespace glassgate::policy
