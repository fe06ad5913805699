#include "audit/watching_recorder.h"

#include <algorithm>

#include "base/clock.h"
#include "shared/audit_text.h"

namespace glassgate::audit {
namespace {

// Whoever fails to log in more often than that could fill the disk, and so stop audited routes.
// What is above is counted in the next record of the kind.
constexpr uint32_t kPerSecond = 200;

bool is_refused(model::ConnectionEnding ending) noexcept {
    return ending == model::ConnectionEnding::tls_handshake_failed ||
           ending == model::ConnectionEnding::proxy_protocol_error;
}

bool has_own_record(const model::Exchange& exchange) noexcept {
    return std::any_of(exchange.policies.begin(), exchange.policies.end(),
                       [&](const model::PolicyStep& step) {
                           return exchange.names->policies[step.policy].kind == "audit-log";
                       });
}

}  // namespace

bool WatchingRecorder::may_record(uint64_t now_ns) noexcept {
    if (!enabled_.load(std::memory_order_relaxed)) return false;
    if (const uint64_t second = now_ns / kNsPerSecond; second != second_) {
        second_ = second;
        in_second_ = 0;
    }
    if (in_second_ < kPerSecond) {
        ++in_second_;
        return true;
    }
    ++suppressed_;
    return false;
}

void WatchingRecorder::offer(std::string body, uint64_t now_ns) {
    if (suppressed_ != 0) shared::append_audit_number(body, "suppressed", suppressed_);
    if (gate_.offer(worker_, body, now_ns)) suppressed_ = 0;
}

void WatchingRecorder::connection_closed(const model::Connection& connection) noexcept {
    inner_.connection_closed(connection);
    if (!is_refused(connection.ending) || !may_record(connection.closed_ns)) return;
    offer(shared::audit_connection(connection), connection.closed_ns);
}

void WatchingRecorder::exchange_closed(const model::Exchange& exchange) noexcept {
    inner_.exchange_closed(exchange);
    if (exchange.ending != model::Ending::auth_failed || !exchange.final) return;
    if (has_own_record(exchange) || !may_record(exchange.closed_ns)) return;
    offer(shared::audit_auth_failure(exchange), exchange.closed_ns);
}

}  // namespace glassgate::audit
