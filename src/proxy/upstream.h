// Upstream: one worker's view of a named group of targets: which one gets the next request, its
// pooled connections, and what passive observation says about its health. Single-threaded.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "io/buffer.h"
#include "io/socket.h"
#include "model/recorder.h"
#include "proxy/plan.h"

namespace glassgate::proxy {

// A connection to a target, in use by one exchange or idle in the pool.
struct UpstreamConnection {
    UpstreamConnection(io::Socket s, io::BufferPool& buffers, uint32_t t)
        : socket(std::move(s)), buffer(buffers), target(t) {}
    io::Socket socket;
    io::Buffer buffer;
    uint32_t target;
    uint64_t idle_since_ns = 0;
    bool reused = false;
    class Upstream* pool = nullptr;  // while idle: who to tell when the peer hangs up
    char address[56] = {};           // "10.0.0.7:3000"
    uint64_t addresses_version = 0;  // of the target's addresses, when this one was seen among them
};

class Upstream {
public:
    Upstream(io::Loop& loop, io::BufferPool& buffers, Random& random, model::Recorder& recorder,
             const UpstreamPlan& plan);
    ~Upstream();
    Upstream(const Upstream&) = delete;
    Upstream& operator=(const Upstream&) = delete;

    // A plan with the same state_key takes over: settings change, connections and health stay.
    void adopt(const UpstreamPlan& plan);

    [[nodiscard]] const UpstreamPlan& plan() const noexcept { return plan_; }

    enum class Pick : uint8_t { ok, none_healthy, unresolved };
    // The target for the next attempt; targets in `tried` (bit per index) only if no other is left.
    Pick pick(uint64_t tried, uint32_t& target) noexcept;

    // A pooled connection that looks alive, or null.
    std::unique_ptr<UpstreamConnection> take_idle(uint32_t target) noexcept;
    // Whether one more connection may be opened to `target`.
    [[nodiscard]] bool may_connect(uint32_t target) const noexcept;
    // *pending: the socket while it connects, for who must cancel it.
    [[nodiscard]] io::Task<io::Connected> connect(uint32_t target, io::Socket** pending);
    std::unique_ptr<UpstreamConnection> opened(uint32_t target, io::Socket socket);
    void give_back(std::unique_ptr<UpstreamConnection> connection);  // reusable
    void drop(std::unique_ptr<UpstreamConnection> connection);       // not reusable

    // Bookkeeping around an attempt (least-request, outlier detection).
    void attempt_started(uint32_t target) noexcept { ++targets_[target].active; }
    void attempt_finished(uint32_t target, bool failed) noexcept;

    // Retry budget: a share of the requests of the last ten seconds, with a floor.
    void count_request() noexcept;
    [[nodiscard]] bool take_retry() noexcept;

    void set_addresses(const std::string& host, const std::vector<sockaddr_storage>& addresses);
    void set_healthy(const std::string& label, bool healthy) noexcept;

private:
    struct Target {
        std::vector<sockaddr_storage> addresses;
        uint64_t addresses_version = 0;  // grows when a name resolves to others
        std::size_t next_address = 0;
        uint32_t active = 0;    // attempts under way
        uint32_t open = 0;      // connections, idle or not
        int64_t credit = 0;     // smooth weighted round robin
        uint32_t failures = 0;  // consecutive
        uint64_t ejected_until_ns = 0;
        bool healthy = true;                                    // by active checks
        std::vector<std::unique_ptr<UpstreamConnection>> idle;  // last in, first out
    };
    [[nodiscard]] bool usable(const Target& target) const noexcept;
    uint32_t pick_round_robin(uint64_t excluded) noexcept;
    uint32_t pick_least_request(uint64_t excluded) noexcept;
    [[nodiscard]] static bool leads_to(const Target& target,
                                       const UpstreamConnection& connection) noexcept;
    void eject(uint32_t target) noexcept;
    void readmit(uint32_t target) noexcept;
    static void on_idle_hangup(void* connection);
    static void on_sweep(void* self);
    void forget_idle(UpstreamConnection* connection) noexcept;

    io::Loop& loop_;
    io::BufferPool& buffers_;
    Random& random_;
    model::Recorder& recorder_;
    UpstreamPlan plan_;
    std::vector<Target> targets_;
    io::Timer sweep_timer_;

    static constexpr std::size_t kBudgetSlots = 10;  // one second each
    struct BudgetSlot {
        uint64_t second = 0;
        uint32_t requests = 0, retries = 0;
    };
    BudgetSlot budget_[kBudgetSlots];
    BudgetSlot& budget_slot() noexcept;
};

}  // namespace glassgate::proxy
