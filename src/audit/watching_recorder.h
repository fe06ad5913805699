// WatchingRecorder: stands before a worker's recorder, hands everything on, and sees to it that
// failed authentication is in the audit log wherever it happens: refused handshakes, and requests
// refused on routes without an audit-log (those with one write their own records).
#pragma once

#include <memory>
#include <string>

#include "model/recorder.h"
#include "shared/audit_gate.h"

namespace glassgate::audit {

class WatchingRecorder final : public model::Recorder {
public:
    // `gate` may be opened and closed at any time; while there is no audit log it is closed, and
    // `enabled` says that nothing is to be recorded (or counted as lost).
    WatchingRecorder(model::Recorder& inner, shared::AuditGate& gate, unsigned worker,
                     const std::atomic<bool>& enabled)
        : inner_(inner), gate_(gate), worker_(worker), enabled_(enabled) {}

    void plan_applied(std::shared_ptr<const model::PlanNames> names) override {
        inner_.plan_applied(std::move(names));
    }
    void plan_retired(uint64_t generation) override { inner_.plan_retired(generation); }
    void connection_opened(uint32_t listener) noexcept override {
        inner_.connection_opened(listener);
    }
    void connection_closed(const model::Connection& connection) noexcept override;
    void exchange_opened(uint32_t listener) noexcept override { inner_.exchange_opened(listener); }
    void exchange_closed(const model::Exchange& exchange) noexcept override;
    void event(const model::Event& event) noexcept override { inner_.event(event); }
    void upstream_connections_changed(std::string_view upstream, int delta) noexcept override {
        inner_.upstream_connections_changed(upstream, delta);
    }

private:
    [[nodiscard]] bool may_record(uint64_t now_ns) noexcept;
    void offer(std::string body, uint64_t now_ns);

    model::Recorder& inner_;
    shared::AuditGate& gate_;
    const unsigned worker_;
    const std::atomic<bool>& enabled_;
    uint64_t second_ = 0;      // of the limit
    uint32_t in_second_ = 0;   // recorded in it
    uint64_t suppressed_ = 0;  // since the last one recorded
};

}  // namespace glassgate::audit
