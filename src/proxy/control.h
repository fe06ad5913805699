// Control: what keeps the workers informed from outside: name resolution (c-ares), active health
// checks and the rotation of session ticket keys, on one thread ("control") with a loop of its own.
// Workers never wait for it; they are told results.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/event.h"
#include "proxy/plan.h"

namespace glassgate::proxy {

class Worker;

// Whom Control tells; all workers, as a rule. Called on the control thread.
class TargetBoard {
public:
    virtual ~TargetBoard() = default;
    // Port 0; replaces what was said of `host` before.
    virtual void set_addresses(const std::string& host,
                               const std::vector<sockaddr_storage>& addresses) = 0;
    // upstream_key: UpstreamPlan::state_key; target: TargetPlan::label. Must hold also for an
    // upstream that a worker builds later. Targets nobody has said anything of are healthy.
    virtual void set_healthy(const std::string& upstream_key, const std::string& target,
                             bool healthy) = 0;
};

class Control {
public:
    // Takes what happens here (dns_failed, dns_changed, target_unhealthy, target_healthy); called
    // on the control thread.
    using Events = std::function<void(const model::Event&)>;

    // `workers` outlive this. dns_servers: "127.0.0.1:5353,..." instead of resolv.conf's; empty:
    // resolv.conf's.
    static Result<std::unique_ptr<Control>> start(std::vector<Worker*> workers, Events events,
                                                  const std::string& dns_servers = {});
    static Result<std::unique_ptr<Control>> start(std::unique_ptr<TargetBoard> board, Events events,
                                                  const std::string& dns_servers = {});
    virtual ~Control() = default;  // stops the thread

    // Any thread but this one's. From now on the names and checks of `plan`. Returns when every
    // name of the plan that was not known before has been resolved or has failed once, at most
    // after `patience_ms`. Call it before the workers get the plan, so that the first request finds
    // addresses and avoids targets known to be unhealthy.
    //
    // A check lives on under an equal state_key and an equal HealthCheckPlan. Where only the rest
    // of the upstream has changed (another target was added), the verdict is taken over by the
    // target of the same upstream name, label and HealthCheckPlan. Else it starts anew, as healthy.
    virtual void apply(std::shared_ptr<const Plan> plan, uint32_t patience_ms) = 0;

    // Any thread. From now on these keys are rotated in their time, instead of those of the call
    // before.
    virtual void rotate(std::vector<std::shared_ptr<io::tls::TicketKeys>> keys) = 0;
};

}  // namespace glassgate::proxy
