#include "policy/json_threat_protection.h"

#include "base/text.h"
#include "policy/json_scanner.h"
#include "policy/per_request.h"
#include "policy/settings.h"

namespace glassgate::policy {
namespace {

using Fault = JsonScanner::Fault;

struct Settings {
    JsonLimits limits;
    bool any_type = false;
};

// application/json, text/json, application/problem+json ...
bool is_json(std::string_view content_type) noexcept {
    const std::string_view type = trim_ows(content_type.substr(0, content_type.find(';')));
    const std::size_t slash = type.find('/');
    if (slash == std::string_view::npos) return false;
    const std::string_view subtype = type.substr(slash + 1);
    return iequals(subtype, "json") ||
           (subtype.size() > 5 && iequals(subtype.substr(subtype.size() - 5), "+json"));
}

std::string_view reason_of(Fault fault) noexcept {
    switch (fault) {
        case Fault::depth:
            return "too_deep";
        case Fault::entries:
            return "too_many_entries";
        case Fault::name_length:
            return "name_too_long";
        case Fault::elements:
            return "too_many_elements";
        case Fault::string_length:
            return "string_too_long";
        case Fault::none:
        case Fault::malformed:
            break;
    }
    return "malformed_json";
}

class JsonThreatProtection final : public Policy {
public:
    explicit JsonThreatProtection(const Settings& settings) : settings_(settings) {}

    Verdict on_request(Request& request) override {
        const http::RequestHead& head = *request.head;
        if (head.body == http::BodyKind::none) return Pass{};
        if (settings_.any_type ||
            is_json(http::find(head.headers, http::KnownHeader::content_type)))
            scanners_.add(request, JsonScanner(settings_.limits));
        return Pass{};
    }
    bool reads_request_body() const noexcept override { return true; }
    std::optional<Reply> on_request_body(Request& request, std::string_view piece,
                                         bool last) override {
        JsonScanner* const scanner = scanners_.find(request);
        if (scanner == nullptr) return std::nullopt;
        Fault fault = scanner->feed(piece);
        if (last) fault = scanner->finish();
        if (fault == Fault::none) return std::nullopt;
        return Reply{400, reason_of(fault), "Bad Request"};
    }
    void on_finished(const Request& request, const model::Exchange&) override {
        scanners_.remove(request);
    }

private:
    const Settings& settings_;  // the plan's, which outlives its instances
    PerRequest<JsonScanner> scanners_;
};

class JsonThreatProtectionPlan final : public PolicyPlan {
public:
    explicit JsonThreatProtectionPlan(const Settings& settings) : settings_(settings) {}
    std::unique_ptr<Policy> instantiate(const WorkerEnv&) const override {
        return std::make_unique<JsonThreatProtection>(settings_);
    }

private:
    const Settings settings_;
};

std::unique_ptr<PolicyPlan> compile(const Node& node, CompileContext& context) {
    const Mistakes mistakes(context.diagnostics);
    Fields fields(node, context.diagnostics, "policy json-threat-protection");
    // -1 is Flex's word for "no limit", and so are its numbers' names.
    const auto limit = [&](std::string_view key, int64_t fallback) {
        const int64_t value = fields.integer(key, fallback, -1, 1'000'000'000);
        return value < 0 ? JsonLimits::kNone : static_cast<uint32_t>(value);
    };
    Settings settings;
    settings.limits.depth = limit("maxContainerDepth", 32);
    settings.limits.entries = limit("maxObjectEntryCount", -1);
    settings.limits.name_length = limit("maxObjectEntryNameLength", -1);
    settings.limits.elements = limit("maxArrayElementCount", -1);
    settings.limits.string_length = limit("maxStringValueLength", -1);
    settings.any_type = fields.boolean("anyContentType", false);
    fields.finish();
    if (mistakes.any()) return nullptr;
    return std::make_unique<JsonThreatProtectionPlan>(settings);
}

constexpr std::string_view kReasons[] = {
    "pass",          "malformed_json",    "too_deep",       "too_many_entries",
    "name_too_long", "too_many_elements", "string_too_long"};
constexpr FieldDoc kFields[] = {
    {"maxContainerDepth", "integer", "32", "Objects and arrays within one another; -1: no limit."},
    {"maxObjectEntryCount", "integer", "-1", "Members of one object."},
    {"maxObjectEntryNameLength", "integer", "-1", "Characters of a member's name."},
    {"maxArrayElementCount", "integer", "-1", "Elements of one array."},
    {"maxStringValueLength", "integer", "-1", "Characters of a string; an escape is one."},
    {"anyContentType", "boolean", "false",
     "Look at every body, not only at those whose Content-Type is JSON (application/json, +json)."},
};
constexpr PolicyKind kKind{
    .name = "json-threat-protection",
    .category = "security",
    .doc =
        "Refuses request bodies that are not JSON (RFC 8259) or go beyond limits: 400. The body is "
        "looked at as it passes and kept nowhere: nothing goes upstream before it has been looked "
        "at, and a body that has come as a whole is looked at as a whole. An upstream that has the "
        "beginning of a long one sees it broken off.",
    .reasons = kReasons,
    .fields = kFields,
    .example =
        "- json-threat-protection:\n"
        "    maxContainerDepth: 8\n"
        "    maxArrayElementCount: 1000\n"
        "    maxStringValueLength: 10000",
    .compile = &compile,
};

}  // namespace

const PolicyKind& json_threat_protection_kind() noexcept { return kKind; }

}  // namespace glassgate::policy
