// AuditGate: where workers hand audit records to the one thread that writes them, and learn whether
// a request may go on: before it is forwarded (is there room for its records?) and before it is
// answered (are they on the disk?).
//
// Proof.
// - Room: `outstanding_` is the sum of all reservations not yet written; `room_` is how many bytes
//   are sure to find space on the disk. A reservation is taken by compare-and-swap only if the sum
//   stays within the room. The writer, having written records, first stores the smaller room and
//   then gives their reservations back, so at no time is more admitted than there is room for; and
//   a record never takes more than its reservation.
// - Records: each worker has a slot of its own behind a lock that only it and the writer take; the
//   writer takes what is there by a swap. Tickets count the records of a slot.
// - Waiting: `durable` of a slot is stored by the writer before it looks whether somebody waits;
//   a waiter says that it waits before it looks at `durable`; both with sequential consistency. So
//   at least one of them sees the other, and no wake-up is lost. Waiters are a list only their
//   worker touches: the writer only asks the worker's thread to look.
// - Destinations: one counter each, stored by its lane, never going back.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace glassgate::shared {

enum class AuditDurability : uint8_t {
    async,         // when it comes to it
    group,         // with the next group commit; the reply waits for it
    before_reply,  // at once; the reply waits for it
};

// Which destinations outside must have a record before its reply goes out, and how many of them.
struct AuditQuorum {
    uint32_t destinations = 0;  // bits
    uint32_t needed = 0;
};

class AuditGate {
public:
    static constexpr std::size_t kMaxDestinations = 16;
    // What a record takes besides its body.
    static constexpr uint64_t kRecordOverhead = 256;
    // How long the writer may be at one commit before requests are refused.
    static constexpr uint64_t kStallNs = 2'000'000'000;

    explicit AuditGate(unsigned workers);
    AuditGate(const AuditGate&) = delete;
    AuditGate& operator=(const AuditGate&) = delete;

    // ---- configuration's thread

    // Before the worker's thread starts. `post` runs what it is given on that thread; any thread.
    void attach(unsigned worker, std::function<void(std::function<void()>)> post);
    // The index of a destination, by its URL; kMaxDestinations when there is no place for another.
    [[nodiscard]] uint32_t destination(std::string_view url);
    [[nodiscard]] std::vector<std::string> destinations() const;

    // ---- workers: `worker` is the caller's own

    enum class Admission : uint8_t { granted, closed, full, stalled };
    [[nodiscard]] Admission reserve(uint64_t bytes, uint64_t now_ns) noexcept;
    void release(uint64_t bytes) noexcept;
    // A record: what follows its time ("type":"NAME",...). `reserved`: what is given up for it, at
    // least its size and kRecordOverhead. Returns its ticket.
    uint64_t submit(unsigned worker, std::string_view body, uint64_t reserved,
                    AuditDurability durability);
    // One that no request waits for: reserves for itself. False: there was no room; it is counted.
    bool offer(unsigned worker, std::string_view body, uint64_t now_ns);
    [[nodiscard]] bool settled(unsigned worker, uint64_t ticket, const AuditQuorum& quorum);
    // Enough of them answer? (Whether they do is their lanes' word.)
    [[nodiscard]] bool reachable(const AuditQuorum& quorum) const noexcept;
    // A request was not served, because of destination `index`; kMaxDestinations: the local log.
    void count_refused(uint32_t index) noexcept;

    struct Waiter {
        uint64_t ticket = 0;
        AuditQuorum quorum;
        void (*wake)(void* context) = nullptr;
        void* context = nullptr;
    };
    // From then until it is woken (once) or leaves. True: settled already, and not kept.
    [[nodiscard]] bool wait(unsigned worker, Waiter* waiter);
    void leave(unsigned worker, Waiter* waiter) noexcept;

    // ---- the writer

    struct Entry {
        std::string body;
        uint64_t reserved = 0;
        unsigned worker = 0;
        uint64_t ticket = 0;
        AuditDurability durability = AuditDurability::async;
    };
    // Everybody's records, those of a worker in their order. Does not wait.
    void take(std::vector<Entry>& entries);
    // Until there is a record, or (`urgent`) one with before_reply, or wake(), or `timeout_ns`.
    void await_entries(bool urgent, uint64_t timeout_ns);
    void wake_writer();
    void set_room(uint64_t bytes) noexcept { room_.store(bytes); }
    void open(bool is_open) noexcept { open_.store(is_open); }
    [[nodiscard]] bool is_open() const noexcept { return open_.load(); }
    void commit_began(uint64_t now_ns) noexcept { commit_began_ns_.store(now_ns); }  // 0: it ended
    // The records up to `ticket` of the worker are on disk; the last of them is record `seq`.
    void durable(unsigned worker, uint64_t ticket, uint64_t seq);
    void give_back(uint64_t reserved) noexcept { release(reserved); }
    // Asks the workers where somebody waits to look.
    void wake_workers();
    [[nodiscard]] uint64_t take_lost() noexcept { return lost_.exchange(0); }

    // ---- lanes

    void acknowledged(uint32_t destination, uint64_t seq);
    void set_reachable(uint32_t destination, bool is_reachable) noexcept;

    // ---- metrics; any thread

    [[nodiscard]] uint64_t refused(uint32_t index) const noexcept {
        return refused_[index].load(std::memory_order_relaxed);
    }
    [[nodiscard]] uint64_t acknowledged_seq(uint32_t destination) const noexcept {
        return destinations_[destination].acknowledged.load();
    }
    [[nodiscard]] uint64_t lost_total() const noexcept { return lost_total_.load(); }

private:
    struct Batch {
        uint64_t ticket, seq;
    };
    struct alignas(64) Slot {
        std::mutex mutex;
        std::vector<Entry> entries;  // guarded
        std::deque<Batch> batches;   // guarded: durable, not yet everywhere
        uint64_t submitted = 0;      // its worker's
        std::atomic<uint64_t> durable{0};
        std::atomic<bool> waited{false};
        std::vector<Waiter*> waiters;  // its worker's
        std::function<void(std::function<void()>)> post;
    };
    struct alignas(64) Destination {
        std::atomic<uint64_t> acknowledged{0};
        std::atomic<bool> reachable{false};
        std::string url;  // guarded by names_mutex_
    };
    void look(unsigned worker);

    std::vector<std::unique_ptr<Slot>> slots_;
    alignas(64) std::atomic<uint64_t> outstanding_{0};
    alignas(64) std::atomic<uint64_t> room_{0};
    std::atomic<bool> open_{false};
    std::atomic<uint64_t> commit_began_ns_{0};
    std::atomic<uint64_t> lost_{0}, lost_total_{0};
    std::array<std::atomic<uint64_t>, kMaxDestinations + 1> refused_{};
    std::array<Destination, kMaxDestinations> destinations_;
    mutable std::mutex names_mutex_;
    std::size_t destination_count_ = 0;  // guarded by names_mutex_

    std::mutex sleep_mutex_;
    std::condition_variable sleep_;
    std::atomic<uint64_t> pending_{0}, urgent_{0};
    bool woken_ = false;  // guarded by sleep_mutex_
};

}  // namespace glassgate::shared
