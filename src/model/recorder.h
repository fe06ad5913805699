// Recorder: where the data plane hands over its facts. The only meeting point of the data plane
// and the observation plane; neither includes the other.
//
// One Recorder per worker; every method is called on that worker's thread, must not block, must
// not allocate in steady state and cannot fail. What the recorder cannot keep it counts.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "model/connection.h"
#include "model/event.h"
#include "model/exchange.h"
#include "model/names.h"

namespace glassgate::model {

class Recorder {
public:
    virtual ~Recorder() = default;

    // A plan takes effect on this worker: its names will appear in records from now on.
    virtual void plan_applied(std::shared_ptr<const PlanNames> names) = 0;
    // The last exchange of that generation on this worker has been closed (and recorded).
    virtual void plan_retired(uint64_t generation) = 0;

    // `listener`: index in the newest plan applied here.
    virtual void connection_opened(uint32_t listener) noexcept = 0;
    // The connection may be older than every plan alive; its listener_name says which one it was.
    virtual void connection_closed(const Connection& connection) noexcept = 0;

    virtual void exchange_opened(uint32_t listener) noexcept = 0;
    // Called exactly once for each exchange_opened with exchange.final set; may be called before
    // that with final == false for long streams.
    virtual void exchange_closed(const Exchange& exchange) noexcept = 0;

    virtual void event(const Event& event) noexcept = 0;

    // Live gauge: a connection to the upstream of that name came or went. By name, since it may
    // have been opened under a plan that has retired meanwhile.
    virtual void upstream_connections_changed(std::string_view upstream, int delta) noexcept = 0;
};

// For tests and tools that need no telemetry, or only a part of it.
class NullRecorder : public Recorder {
public:
    void plan_applied(std::shared_ptr<const PlanNames>) override {}
    void plan_retired(uint64_t) override {}
    void connection_opened(uint32_t) noexcept override {}
    void connection_closed(const Connection&) noexcept override {}
    void exchange_opened(uint32_t) noexcept override {}
    void exchange_closed(const Exchange&) noexcept override {}
    void event(const Event&) noexcept override {}
    void upstream_connections_changed(std::string_view, int) noexcept override {}
};

}  // namespace glassgate::model
