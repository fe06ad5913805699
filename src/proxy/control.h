// Control: what keeps the workers informed from outside: name resolution (c-ares) and active health
// checks, on one thread with a loop of its own. Workers never wait for it; they are told results.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "model/recorder.h"
#include "proxy/plan.h"
#include "proxy/worker.h"

namespace glassgate::proxy {

class Control {
public:
    // `events` takes what happens here (dns_failed, dns_changed, target_unhealthy, target_healthy);
    // called on the control thread. `workers` outlive this.
    static Result<std::unique_ptr<Control>> start(std::vector<Worker*> workers,
                                                  std::function<void(const model::Event&)> events);
    virtual ~Control() = default;  // stops the thread

    // Any thread. From now on the names and checks of `plan`. Returns when every name of the plan
    // that was not known before has been resolved or has failed once, at most after `patience_ms`.
    // Call it before the workers get the plan, so that the first request finds addresses.
    virtual void apply(std::shared_ptr<const Plan> plan, uint32_t patience_ms) = 0;
};

}  // namespace glassgate::proxy
