// Auditor: the thread that writes the audit log: takes records from the gate, commits them in
// groups, tells who waits, signs checkpoints, and goes on when the disk does again. With it the
// lanes of the destinations, one thread each, and one that compresses.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "audit/lane.h"
#include "audit/log.h"
#include "audit/settings.h"
#include "model/event.h"
#include "shared/audit_gate.h"

namespace glassgate::audit {

struct AuditorEnv {
    std::string gateway, version;
    shared::AuditGate* gate = nullptr;
    std::function<void(const model::Event&)> event;
};

class Auditor {
public:
    // Tries to open the log before it returns, so that requests find the gate open; goes on trying
    // when that fails.
    Auditor(Settings settings, AuditorEnv env);
    // The gate closes; what it holds is written; log.stopped; destinations get up to `flush_ms`.
    void stop(uint64_t flush_ms);
    ~Auditor();
    Auditor(const Auditor&) = delete;
    Auditor& operator=(const Auditor&) = delete;

    // Configuration's thread. Fails when what cannot change while it runs has changed.
    [[nodiscard]] Status check(const Settings& next) const;
    void reconfigure(const Settings& next);
    // Any thread: an administrative record ("type":"admin....",...).
    void administrative(std::string body);

    struct DestinationState {
        std::string url;  // "local" is the log itself
        uint64_t records = 0, refused = 0, checkpoint_wall_ns = 0;
        uint64_t lag = 0;  // records that are in the log and not there
    };
    [[nodiscard]] std::vector<DestinationState> states() const;
    [[nodiscard]] uint64_t lost() const noexcept { return env_.gate->lost_total(); }
    // Why nothing can be written now; empty: it can.
    [[nodiscard]] std::string problem() const;

private:
    void run();
    void one_round();
    void wait_for_work();
    bool open_log();
    void append_entries();
    bool commit();
    void settle();
    void fail(const std::string& reason);
    void resume();
    void housekeeping();
    struct Outage {
        uint64_t ns = 0, wall_ns = 0, refused = 0;  // since when; how many had been refused by then
        std::string reason;
    };
    [[nodiscard]] Outage begun_outage(const std::string& reason) const;
    void append_resumed(const Outage& outage);
    void watch_room();
    void take_access_notes();
    void tell_lanes();
    void start_lanes();
    void compress_in_background();

    Settings settings_;  // destinations and groupMs change; guarded by mutex_ then
    const AuditorEnv env_;
    shared::AuditGate& gate_;
    std::unique_ptr<Log> log_;  // the thread's own
    std::vector<shared::AuditGate::Entry> entries_;
    std::vector<std::string> note_paths_;  // of notes that are in what is being committed
    bool uncommitted_ = false, wants_sync_ = false;
    uint64_t housekept_ns_ = 0, synced_ns_ = 0;
    std::string last_checkpoint_;
    uint64_t last_segment_ = 0;

    Outage outage_;    // the log cannot be written; its ns 0: it can; guarded by mutex_
    Outage shortage_;  // the disk is filling up; the thread's own

    mutable std::mutex mutex_;
    std::vector<std::string> administrative_;   // guarded
    std::vector<std::unique_ptr<Lane>> lanes_;  // guarded
    std::atomic<uint64_t> group_ns_{0};
    std::atomic<uint64_t> records_{0}, checkpoint_wall_ns_{0}, durable_seq_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_, compressor_;
    std::atomic<bool> compressing_{false};
};

}  // namespace glassgate::audit
