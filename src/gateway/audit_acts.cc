#include "gateway/audit_acts.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "audit/hash.h"
#include "config/explain.h"
#include "gateway/version.h"
#include "shared/audit_text.h"

namespace glassgate::gateway {
namespace {

using shared::append_audit_number;
using shared::append_audit_text;
using shared::begin_audit_record;
using telemetry::MetricType;
using telemetry::Sample;

constexpr std::size_t kText = 512;

std::string user_name(uid_t uid) {
    char buffer[4096];
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr)
        return found->pw_name;
    return std::to_string(uid);
}

// Who: the process cannot know who edited a file, but it can say whose it is.
void append_paths(std::string& body, const std::vector<std::string>& paths) {
    std::string text, owners;
    std::set<uid_t> seen;
    for (const std::string& path : paths) {
        text += (text.empty() ? "" : " ") + path;
        struct stat info{};
        if (::stat(path.c_str(), &info) == 0 && seen.insert(info.st_uid).second)
            owners += (owners.empty() ? "" : " ") + user_name(info.st_uid);
    }
    append_audit_text(body, "config.paths", text, kText);
    append_audit_text(body, "config.owners", owners, kText);
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

// Lines that are in the one and not in the other, "-" and "+", each sorted.
struct Difference {
    std::size_t removed = 0, added = 0;
    std::string text;
};
Difference difference(const std::string& before, const std::string& now) {
    auto old_lines = lines_of(before), new_lines = lines_of(now);
    std::sort(old_lines.begin(), old_lines.end());
    std::sort(new_lines.begin(), new_lines.end());
    std::vector<std::string> removed, added;
    std::set_difference(old_lines.begin(), old_lines.end(), new_lines.begin(), new_lines.end(),
                        std::back_inserter(removed));
    std::set_difference(new_lines.begin(), new_lines.end(), old_lines.begin(), old_lines.end(),
                        std::back_inserter(added));
    Difference found{removed.size(), added.size(), {}};
    for (const std::string& line : removed) found.text += "-" + line + "\n";
    for (const std::string& line : added) found.text += "+" + line + "\n";
    return found;
}

}  // namespace

std::string audit_gateway_started(const config::Configuration& configuration,
                                  const std::vector<std::string>& paths) {
    std::string body;
    begin_audit_record(body, "admin.gateway_started");
    append_audit_text(body, "gateway.version", std::string(version()), kText);
    append_audit_text(body, "process.user", user_name(::geteuid()), kText);
    append_audit_number(body, "process.pid", static_cast<uint64_t>(::getpid()));
    append_audit_text(body, "config.digest", configuration.digest, kText);
    append_paths(body, paths);
    return body;
}

std::string audit_gateway_stopped() {
    std::string body;
    begin_audit_record(body, "admin.gateway_stopped");
    append_audit_number(body, "process.pid", static_cast<uint64_t>(::getpid()));
    return body;
}

std::string audit_config_applied(const config::Configuration& before,
                                 const config::Configuration& now,
                                 const std::vector<std::string>& paths) {
    const Difference change = difference(config::explain(before), config::explain(now));
    std::string body;
    begin_audit_record(body, "admin.config_applied");
    append_audit_number(body, "config.generation", now.plan->generation);
    append_audit_text(body, "config.before", before.digest, kText);
    append_audit_text(body, "config.after", now.digest, kText);
    append_audit_text(body, "config.diff_sha256", audit::hex(audit::sha256(change.text)), kText);
    append_audit_number(body, "config.lines_removed", change.removed);
    append_audit_number(body, "config.lines_added", change.added);
    append_audit_text(body, "config.diff", change.text, 4096);
    append_paths(body, paths);
    return body;
}

std::string audit_config_rejected(const std::string& reason, std::size_t errors,
                                  const std::vector<std::string>& paths) {
    std::string body;
    begin_audit_record(body, "admin.config_rejected");
    append_audit_text(body, "event.outcome", "failure", kText);
    append_audit_text(body, "reason", reason, kText);
    append_audit_number(body, "errors", errors);
    append_paths(body, paths);
    return body;
}

void export_audit(telemetry::MetricsRegistry& registry,
                  std::function<void(const std::function<void(const audit::Auditor&)>&)> with) {
    const auto add = [&](std::string name, std::string help, MetricType type, auto value) {
        registry.add_external(
            {std::move(name), std::move(help), type, [with, value](std::vector<Sample>& out) {
                 with([&](const audit::Auditor& auditor) {
                     for (const auto& state : auditor.states())
                         out.push_back(
                             {{{"destination", state.url}}, static_cast<double>(value(state))});
                 });
             }});
    };
    using State = audit::Auditor::DestinationState;
    add("flex_audit_records_total", "Audit records written, by destination; local is the log.",
        MetricType::counter, [](const State& s) { return s.records; });
    add("flex_audit_refused_total",
        "Requests that could not be recorded, by the destination that was the reason.",
        MetricType::counter, [](const State& s) { return s.refused; });
    add("flex_audit_last_checkpoint_timestamp_seconds",
        "When the newest checkpoint there was signed, Unix time.", MetricType::gauge,
        [](const State& s) { return static_cast<double>(s.checkpoint_wall_ns) / 1e9; });
    add("flex_audit_lag_records", "Records in the log that a destination does not have yet.",
        MetricType::gauge, [](const State& s) { return s.lag; });
    registry.add_external({"flex_audit_available", "1 while the audit log can be written, else 0.",
                           MetricType::gauge, [with](std::vector<Sample>& out) {
                               with([&](const audit::Auditor& auditor) {
                                   out.push_back({{}, auditor.problem().empty() ? 1.0 : 0.0});
                               });
                           }});
    registry.add_external({"flex_audit_lost_total",
                           "Records no request waited for that found no room.", MetricType::counter,
                           [with](std::vector<Sample>& out) {
                               with([&](const audit::Auditor& auditor) {
                                   out.push_back({{}, static_cast<double>(auditor.lost())});
                               });
                           }});
}

}  // namespace glassgate::gateway
