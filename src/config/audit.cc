// spec.telemetry.audit, and what the audit-log policies of the routes ask for -> audit::Settings.
#include "config/draft.h"
#include "policy/audit_log.h"

namespace glassgate::config {
namespace {

using audit::Settings;

constexpr uint64_t kMiB = 1u << 20;

void read_tls(const Node* node, Draft& draft) {
    audit::TlsSettings& tls = draft.audit.tls;
    Fields fields(or_empty(node), draft.diagnostics, "tls of audit");
    tls.authorities = fields.text("ca");
    tls.certificate = fields.text("certificate");
    tls.key = fields.text("key");
    tls.server_name = fields.text("serverName");
    if (tls.certificate.empty() != tls.key.empty())
        fields.mistake(fields.position(), "certificate and key belong together", "both or neither");
}

// The destinations of all routes, each once: every one gets the whole log.
void add_destinations_of_routes(Draft& draft) {
    Settings& audit = draft.audit;
    for (const proxy::RoutePlan& route : draft.plan.routes)
        for (const proxy::RoutePolicyPlan& policy : route.policies) {
            if (policy.plan == nullptr || !policy.kind->vouches) continue;
            audit.enabled = true;
            for (const std::string& url : policy::audit_destinations(*policy.plan))
                if (std::find(audit.destinations.begin(), audit.destinations.end(), url) ==
                    audit.destinations.end())
                    audit.destinations.push_back(url);
        }
}

}  // namespace

void compile_audit(const Node* node, Draft& draft) {
    Settings& audit = draft.audit;
    Fields fields(or_empty(node), draft.diagnostics, "audit");
    audit.enabled = node != nullptr && node->kind == Node::Kind::map;
    audit.folder = fields.text("directory", audit.folder);
    const std::size_t slash = audit.folder.rfind('/');
    const std::string parent = slash == std::string::npos ? "" : audit.folder.substr(0, slash + 1);
    audit.key = fields.text("key", parent + "audit-signing-key.pem");
    {
        Fields checkpoint(or_empty(fields.child("checkpoint")), draft.diagnostics, "checkpoint");
        audit.checkpoint_records =
            read_unsigned(checkpoint, "records", audit.checkpoint_records, 1, 1'000'000);
        audit.checkpoint_ms = read_ms(checkpoint, "ms", audit.checkpoint_ms);
    }
    {
        Fields segment(or_empty(fields.child("segment")), draft.diagnostics, "segment");
        audit.segment_bytes =
            read_unsigned(segment, "bytes", audit.segment_bytes, 64 * 1024, uint64_t{1} << 40);
        audit.segment_hours = read_unsigned(segment, "hours", audit.segment_hours, 1, 24 * 366);
    }
    audit.room_bytes = read_unsigned(fields, "roomBytes", audit.room_bytes, 64 * 1024, 1024 * kMiB);
    audit.group_ms = read_unsigned(fields, "groupMs", audit.group_ms, 0, 1000);
    audit.compress = fields.boolean("compress", audit.compress);
    audit.send_timeout_ms = read_ms(fields, "sendTimeoutMs", audit.send_timeout_ms, 60'000);
    read_tls(fields.child("tls"), draft);
    if (audit.folder.empty())
        fields.mistake(fields.position(), "directory is empty", "the path of a folder");
    add_destinations_of_routes(draft);
}

}  // namespace glassgate::config
