// Lane: one destination's thread. It follows the log (tail.h), sends, notes what is acknowledged
// (in a file, so that a restart goes on there), and never makes anybody wait.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "audit/destination.h"
#include "audit/settings.h"
#include "audit/tail.h"

namespace glassgate::audit {

class Lane {
public:
    struct Told {
        std::function<void(uint64_t seq)> acknowledged;
        std::function<void(bool is_reachable, const std::string& why)> reachable;
    };
    // Begins at once. `first_seq`: where to begin when nothing is known of this destination.
    Lane(std::string url, std::string folder, TlsSettings tls, uint32_t timeout_ms,
         uint64_t first_seq, Told told);
    ~Lane();  // what is acknowledged by then is noted; waits for a call under way
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    // Any thread: the log is on disk up to `seq`; the newest checkpoint.
    void grown(uint64_t seq);
    void checkpoint(const std::string& line);
    // Waits until everything is there, or it cannot be in time. True: it is.
    bool flush(uint64_t timeout_ns);

    [[nodiscard]] const std::string& url() const noexcept { return url_; }
    [[nodiscard]] uint64_t acknowledged() const noexcept { return acknowledged_.load(); }
    [[nodiscard]] uint64_t sent_records() const noexcept { return sent_records_.load(); }
    [[nodiscard]] uint64_t checkpoint_wall_ns() const noexcept {
        return checkpoint_wall_ns_.load();
    }

private:
    void run();
    Status serve(Session& session);
    Status send_some(Session& session, bool& any);
    Status send_checkpoint(Session& session);
    void note_acknowledged(const Session& session);
    void read_position(uint64_t first_seq);
    void write_position();
    bool sleep(uint64_t ns);  // false: stopping

    const std::string url_, folder_, position_path_;
    const TlsSettings tls_;
    const uint32_t timeout_ms_;
    const Told told_;
    Tail tail_;
    std::atomic<uint64_t> limit_{0}, acknowledged_{0}, sent_records_{0}, checkpoint_wall_ns_{0};
    uint64_t written_position_ = 0, position_written_ns_ = 0;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::string checkpoint_;  // guarded: the newest, not yet sent
    std::string checkpoint_sent_;
    bool news_ = false, stopping_ = false;  // guarded
    bool idle_ = false;                     // guarded: everything sent and acknowledged
    std::thread thread_;
};

}  // namespace glassgate::audit
