#include "proxy/health_check.h"

#include <algorithm>

#include "base/clock.h"

namespace glassgate::proxy {
namespace {

constexpr uint64_t kUnresolvedNs = 100 * kNsPerMs;  // look again for an address

}  // namespace

bool HealthVerdict::count(bool passed, const HealthCheckPlan& plan) noexcept {
    if (passed == healthy_) {
        run_ = 0;
        return false;
    }
    if (++run_ < (healthy_ ? plan.unhealthy_threshold : plan.healthy_threshold)) return false;
    healthy_ = passed;
    run_ = 0;
    return true;
}

HealthCheck::HealthCheck(HealthEnv& env, Random& random, HealthTarget target, HealthVerdict verdict,
                         Addresses addresses, Changed changed)
    : loop_(env.loop),
      random_(random),
      probe_(env, std::move(target)),
      verdict_(verdict),
      addresses_(std::move(addresses)),
      changed_(std::move(changed)),
      due_(&on_due, this) {
    // The first one soon, but not all at once.
    const uint64_t spread_ns = plan().interval_ms * kNsPerMs / 10;
    loop_.timers().arm(due_, loop_.now_ns() + (spread_ns == 0 ? 0 : random_.below(spread_ns)));
}

HealthCheck::~HealthCheck() {
    ending_ = true;
    probe_.cancel();
}

void HealthCheck::on_due(void* raw) {
    auto* self = static_cast<HealthCheck*>(raw);
    self->running_.start(self->check());
}

void HealthCheck::schedule(uint64_t since_ns) noexcept {
    const double spread = 0.9 + 0.2 * random_.unit();
    const auto interval_ns =
        static_cast<uint64_t>(static_cast<double>(plan().interval_ms * kNsPerMs) * spread);
    loop_.timers().arm(due_, since_ns + interval_ns);
}

io::Task<void> HealthCheck::check() {
    const uint64_t since_ns = loop_.now_ns();
    const std::vector<sockaddr_storage> addresses = addresses_();
    if (addresses.empty()) {
        loop_.timers().arm(due_, since_ns + std::min(plan().interval_ms * kNsPerMs, kUnresolvedNs));
        co_return;
    }
    const sockaddr_storage& address = addresses[next_address_++ % addresses.size()];
    const CheckOutcome outcome =
        co_await probe_.ask(address, since_ns + plan().timeout_ms * kNsPerMs);
    if (ending_) co_return;
    if (verdict_.count(outcome.passed, plan())) changed_(verdict_.healthy(), outcome.reason);
    schedule(since_ns);
}

}  // namespace glassgate::proxy
