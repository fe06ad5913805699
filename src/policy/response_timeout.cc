#include "policy/response_timeout.h"

#include "policy/settings.h"

namespace glassgate::policy {
namespace {

class ResponseTimeout final : public Policy {
public:
    explicit ResponseTimeout(uint32_t timeout_ms) : timeout_ms_(timeout_ms) {}
    Verdict on_request(Request& request) override {
        request.response_timeout_ms = timeout_ms_;
        return Pass{};
    }

private:
    const uint32_t timeout_ms_;
};

class ResponseTimeoutPlan final : public PolicyPlan {
public:
    explicit ResponseTimeoutPlan(uint32_t timeout_ms) : timeout_ms_(timeout_ms) {}
    std::unique_ptr<Policy> instantiate(const WorkerEnv&) const override {
        return std::make_unique<ResponseTimeout>(timeout_ms_);
    }
    std::string summary() const override { return std::to_string(timeout_ms_) + " ms"; }

private:
    const uint32_t timeout_ms_;
};

std::unique_ptr<PolicyPlan> compile(const Node& settings, CompileContext& context) {
    const Mistakes mistakes(context.diagnostics);
    Fields fields(settings, context.diagnostics, "policy response-timeout");
    (void)fields.require("timeoutMs");
    const auto timeout_ms = static_cast<uint32_t>(fields.integer("timeoutMs", 1, 1, 3'600'000));
    fields.finish();
    if (mistakes.any()) return nullptr;
    return std::make_unique<ResponseTimeoutPlan>(timeout_ms);
}

constexpr std::string_view kReasons[] = {"pass"};
constexpr FieldDoc kFields[] = {
    {"timeoutMs", "integer, ms", "required",
     "From the request sent to the response head received, per attempt; 1 to 3600000."},
};
constexpr PolicyKind kKind{
    .name = "response-timeout",
    .category = "traffic",
    .doc =
        "Replaces the upstream's timeoutMs for this route. An upstream that has not begun its "
        "response by then is given up: 504 with ending upstream_timeout.",
    .reasons = kReasons,
    .fields = kFields,
    .example = "- response-timeout: {timeoutMs: 5000}",
    .compile = &compile,
};

}  // namespace

const PolicyKind& response_timeout_kind() noexcept { return kKind; }

}  // namespace glassgate::policy
