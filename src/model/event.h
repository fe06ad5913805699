// Event: something happened that is not a request: a plan was applied, a circuit opened, a sink is
// losing. The set is closed; the names are a contract (the `event` key of a log line).
//
// rate_limit_exceeded, upstream_timeout and auth_failed are not raised by anybody: they are
// projections of exchanges that ended so.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "base/inline_vector.h"

namespace glassgate::model {

enum class EventKind : uint8_t {
    rate_limit_exceeded,
    upstream_timeout,
    upstream_failed,
    auth_failed,  // from exchanges
    circuit_breaker_open,
    circuit_breaker_half_open,
    circuit_breaker_closed,
    target_unhealthy,
    target_healthy,
    target_ejected,
    target_returned,
    dns_failed,
    dns_changed,
    rate_limit_config_updated,
    config_applied,
    config_rejected,
    error_rate_recovering,
    tls_handshake_failed,
    connection_refused,
    telemetry_lost,
    audit_unavailable,
    gateway_started,
    gateway_draining,
    gateway_stopped,
    log_write_failed,
};
inline constexpr std::size_t kEventKindCount =
    static_cast<std::size_t>(EventKind::log_write_failed) + 1;
enum class Level : uint8_t { debug, info, warn, error };

[[nodiscard]] std::string_view to_text(EventKind kind) noexcept;
[[nodiscard]] std::string_view to_text(Level level) noexcept;  // "INFO"
[[nodiscard]] Level default_level(EventKind kind) noexcept;

// One key of an event line: `consecutive_failures=5`, `route=product-catalog`.
struct EventAttribute {
    std::string_view key;  // static storage
    bool is_number = false;
    int64_t number = 0;
    uint16_t offset = 0, length = 0;  // into Event::text
};

struct Event {
    EventKind kind = EventKind::config_applied;
    Level level = Level::info;
    uint64_t wall_ns = 0;
    uint64_t count = 1;  // how many this line stands for (coalesced floods)
    InlineVector<EventAttribute, 10> attributes;
    uint16_t text_size = 0;
    char text[512];

    Event() = default;
    Event(EventKind k, uint64_t at_wall_ns) noexcept
        : kind(k), level(default_level(k)), wall_ns(at_wall_ns) {}

    // Text that does not fit is cut. `key` must have static storage.
    Event& with(std::string_view key, std::string_view value) noexcept {
        const std::size_t room = sizeof text - text_size;
        const std::size_t length = value.size() < room ? value.size() : room;
        std::memcpy(text + text_size, value.data(), length);
        attributes.push_back({key, false, 0, text_size, static_cast<uint16_t>(length)});
        text_size = static_cast<uint16_t>(text_size + length);
        return *this;
    }
    Event& with(std::string_view key, int64_t number) noexcept {
        attributes.push_back({key, true, number, 0, 0});
        return *this;
    }
    [[nodiscard]] std::string_view str(const EventAttribute& a) const noexcept {
        return {text + a.offset, a.length};
    }
};
static_assert(std::is_trivially_copyable_v<Event>);

}  // namespace glassgate::model
