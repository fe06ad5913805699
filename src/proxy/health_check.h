// Active health checks: one small question now and then to each target of an upstream that wants
// it.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "io/task.h"
#include "proxy/health_probe.h"
#include "proxy/plan.h"

namespace glassgate::proxy {

// What the outcomes of checks make of a target. Healthy until proven otherwise.
class HealthVerdict {
public:
    // Counts one outcome; true when the verdict changes by it.
    bool count(bool passed, const HealthCheckPlan& plan) noexcept;
    [[nodiscard]] bool healthy() const noexcept { return healthy_; }
    // Thresholds have changed: the verdict stays, counting starts anew.
    void restart() noexcept { run_ = 0; }

private:
    bool healthy_ = true;
    uint32_t run_ = 0;  // outcomes in a row that speak against the verdict
};

// The checks of one target, on the loop's thread, from construction to destruction. A target with
// several addresses is asked at each in turn. The next check starts an interval (give or take a
// tenth, so that many gateways do not march in step) after the start of the last, but not before
// its end.
class HealthCheck {
public:
    // The target's addresses, with its port; may be empty while the name is unresolved, and then no
    // check takes place.
    using Addresses = std::function<std::vector<sockaddr_storage>()>;
    using Changed = std::function<void(bool healthy, const std::string& reason)>;

    HealthCheck(HealthEnv& env, Random& random, HealthTarget target, HealthVerdict verdict,
                Addresses addresses, Changed changed);
    ~HealthCheck();  // a check under way is dropped
    HealthCheck(const HealthCheck&) = delete;
    HealthCheck& operator=(const HealthCheck&) = delete;

    [[nodiscard]] const HealthCheckPlan& plan() const noexcept { return probe_.target().plan; }
    [[nodiscard]] const HealthVerdict& verdict() const noexcept { return verdict_; }

private:
    io::Task<void> check();
    void schedule(uint64_t since_ns) noexcept;
    static void on_due(void* self);

    io::Loop& loop_;
    Random& random_;
    HealthProbe probe_;
    HealthVerdict verdict_;
    Addresses addresses_;
    Changed changed_;
    std::size_t next_address_ = 0;
    bool ending_ = false;
    io::Timer due_;
    io::Joinable running_;
};

}  // namespace glassgate::proxy
