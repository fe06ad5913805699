// Administrative acts as audit records (PCI DSS 10.2.1.2), and the audit log's metrics.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "audit/auditor.h"
#include "config/load.h"
#include "telemetry/metrics/registry.h"

namespace glassgate::gateway {

[[nodiscard]] std::string audit_gateway_started(const config::Configuration& configuration,
                                                const std::vector<std::string>& paths);
[[nodiscard]] std::string audit_gateway_stopped();
// With the digests before and after, and a hash of the difference between the two plans in words
// (`glassgate check --explain`): who has both documents can compute it.
[[nodiscard]] std::string audit_config_applied(const config::Configuration& before,
                                               const config::Configuration& now,
                                               const std::vector<std::string>& paths);
[[nodiscard]] std::string audit_config_rejected(const std::string& reason, std::size_t errors,
                                                const std::vector<std::string>& paths);

// `with`: calls its argument if there is an audit log.
void export_audit(telemetry::MetricsRegistry& registry,
                  std::function<void(const std::function<void(const audit::Auditor&)>&)> with);

}  // namespace glassgate::gateway
