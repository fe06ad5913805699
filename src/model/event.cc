#include "model/event.h"

#include <array>

namespace glassgate::model {
namespace {

struct Row {
    std::string_view name;
    Level level;
};
using enum Level;
constexpr std::array<Row, kEventKindCount> kEvents{{
    {"rate_limit_exceeded", error},
    {"upstream_timeout", error},
    {"upstream_failed", error},
    {"auth_failed", warn},
    {"circuit_breaker_open", warn},
    {"circuit_breaker_half_open", info},
    {"circuit_breaker_closed", info},
    {"target_unhealthy", warn},
    {"target_healthy", info},
    {"target_ejected", warn},
    {"target_returned", info},
    {"dns_failed", warn},
    {"dns_changed", info},
    {"rate_limit_config_updated", info},
    {"config_applied", info},
    {"config_rejected", error},
    {"error_rate_recovering", info},
    {"tls_handshake_failed", warn},
    {"connection_refused", warn},
    {"telemetry_lost", error},
    {"audit_unavailable", error},
    {"gateway_started", info},
    {"gateway_draining", info},
    {"gateway_stopped", info},
    {"log_write_failed", error},
}};
constexpr std::string_view kLevels[] = {"DEBUG", "INFO", "WARN", "ERROR"};

}  // namespace

std::string_view to_text(EventKind kind) noexcept {
    return kEvents[static_cast<std::size_t>(kind)].name;
}
std::string_view to_text(Level level) noexcept { return kLevels[static_cast<std::size_t>(level)]; }
Level default_level(EventKind kind) noexcept {
    return kEvents[static_cast<std::size_t>(kind)].level;
}

}  // namespace glassgate::model
