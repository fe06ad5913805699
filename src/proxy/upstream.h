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
#include "io/tls/handshake_limiter.h"
#include "io/tls/resumption_cache.h"
#include "model/recorder.h"
#include "proxy/h2_upstream.h"
#include "proxy/plan.h"
#include "shared/load_board.h"

namespace glassgate::proxy {

class Connection;

// An HTTP/1.1 connection to a target, in use by one exchange or idle in the pool.
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
    // The worker's, and outlives it.
    struct Env {
        io::Loop& loop;
        io::BufferPool& buffers;
        Random& random;
        model::Recorder& recorder;
        http::h2::Context& h2;
        io::tls::HandshakeLimiter& handshakes;
        io::tls::ResumptionCache& resumption;
        shared::LoadBoard* loads = nullptr;
    };
    Upstream(const Env& env, const UpstreamPlan& plan);
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
    // Limits over all workers. Each that was taken is given back, once.
    [[nodiscard]] bool take_request() noexcept;
    void give_request() noexcept;
    [[nodiscard]] bool take_retry_place() noexcept;
    void give_retry_place() noexcept;
    // Whether one more connection may be opened to `target`. True: end_connect is called when that
    // is done, whatever came of it.
    [[nodiscard]] bool begin_connect(uint32_t target) noexcept;
    void end_connect(bool connected) noexcept;
    // Connects, with TLS where the plan says so: one or the other, by the protocol agreed on.
    // *pending: the socket while that is under way, for who must cancel it. `client`: for whom (a
    // PROXY header says so).
    struct Opened {
        model::AttemptResult result = model::AttemptResult::response;  // else why not
        std::string detail;
        std::unique_ptr<UpstreamConnection> connection;
        H2Upstream* link = nullptr;
    };
    [[nodiscard]] io::Task<Opened> open(uint32_t target, io::Socket** pending,
                                        const Connection& client);

    // HTTP/2: a connection that takes another stream, or null.
    [[nodiscard]] H2Upstream* link(uint32_t target) noexcept;
    // Somebody connects, and what comes of it may be shared: wait rather than connect as well.
    [[nodiscard]] bool is_linking(uint32_t target) const noexcept {
        return targets_[target].linking;
    }
    [[nodiscard]] io::Task<model::AttemptResult> wait_for_link(uint32_t target, LinkWait& wait);
    void link_gone(H2Upstream& link) noexcept;
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
        std::vector<H2Upstream*> links;
        std::vector<LinkWait*> waiting;  // for the connect under way
        bool linking = false;
        bool speaks_http1 = false;  // as ALPN last said: connects need not wait for one another
    };
    [[nodiscard]] bool usable(const Target& target) const noexcept;
    uint32_t pick_round_robin(uint64_t excluded) noexcept;
    uint32_t pick_least_request(uint64_t excluded) noexcept;
    [[nodiscard]] static bool leads_to(const Target& target,
                                       const UpstreamConnection& connection) noexcept;
    [[nodiscard]] static bool leads_to(const Target& target, std::string_view address) noexcept;
    void eject(uint32_t target) noexcept;
    void readmit(uint32_t target) noexcept;
    static void on_idle_hangup(void* connection);
    static void on_sweep(void* self);
    void forget_idle(UpstreamConnection* connection) noexcept;

    [[nodiscard]] std::unique_ptr<UpstreamConnection> opened(uint32_t target, io::Socket socket);
    [[nodiscard]] H2Upstream* linked(uint32_t target, io::Socket socket);
    io::Task<Opened> open_here(uint32_t target, io::Socket** pending, const Connection& client);
    io::Task<io::IoStatus> send_proxy_header(io::Socket& socket, const Connection& client,
                                             uint64_t stall_ns);
    void end_linking(uint32_t target, model::AttemptResult result);

    void connection_opened(uint32_t target) noexcept;
    void connection_closed(uint32_t target) noexcept;

    Env env_;
    std::shared_ptr<shared::Load> load_;  // null: no limits
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
