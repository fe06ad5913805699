#include "policy/access_block.h"

#include "policy/settings.h"

namespace glassgate::policy {
namespace {

struct Settings {
    uint16_t status = 403;
    std::string message;
};

class AccessBlock final : public Policy {
public:
    explicit AccessBlock(const Settings& settings) : settings_(settings) {}
    Verdict on_request(Request&) override {
        return Reply{settings_.status, "access_blocked", settings_.message};
    }

private:
    const Settings& settings_;  // the plan's, which outlives its instances
};

class AccessBlockPlan final : public PolicyPlan {
public:
    explicit AccessBlockPlan(Settings settings) : settings_(std::move(settings)) {}
    std::unique_ptr<Policy> instantiate(const WorkerEnv&) const override {
        return std::make_unique<AccessBlock>(settings_);
    }
    std::string summary() const override { return std::to_string(settings_.status); }

private:
    const Settings settings_;
};

std::unique_ptr<PolicyPlan> compile(const Node& node, CompileContext& context) {
    const Mistakes mistakes(context.diagnostics);
    Fields fields(node, context.diagnostics, "policy access-block");
    Settings settings;
    settings.status = static_cast<uint16_t>(fields.integer("status", 403, 400, 599));
    settings.message = fields.text("message", "Forbidden");
    fields.finish();
    if (mistakes.any()) return nullptr;
    return std::make_unique<AccessBlockPlan>(std::move(settings));
}

constexpr std::string_view kReasons[] = {"pass", "access_blocked"};
constexpr FieldDoc kFields[] = {
    {"status", "integer", "403", "What is answered; 400 to 599."},
    {"message", "text", "Forbidden", "The answer's {\"error\": ...}."},
};
constexpr PolicyKind kKind{
    .name = "access-block",
    .category = "security",
    .doc =
        "Refuses every request that comes so far: for a path that must not be reached from here, "
        "or an API that is closed for a while (status: 503).",
    .reasons = kReasons,
    .fields = kFields,
    .example = "- access-block: {status: 404, message: Not Found}",
    .compile = &compile,
};

}  // namespace

const PolicyKind& access_block_kind() noexcept { return kKind; }

}  // namespace glassgate::policy
