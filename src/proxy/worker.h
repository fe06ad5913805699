// Worker: one thread that owns everything a request touches: its loop, its listening sockets, its
// instances of the policies, its upstream connections. Nothing here is shared with other workers.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "http/h2/context.h"
#include "http/h2/field_list.h"
#include "io/buffer.h"
#include "io/socket.h"
#include "io/tls/handshake_limiter.h"
#include "io/tls/resumption_cache.h"
#include "model/recorder.h"
#include "policy/policy.h"
#include "proxy/plan.h"
#include "proxy/upstream.h"

namespace glassgate::shared {
class LoadBoard;
}

namespace glassgate::proxy {

class Connection;
struct ExchangeState;

// A plan as one worker runs it. Alive until the worker's last exchange under it has closed.
struct ActivePlan {
    std::shared_ptr<const Plan> plan;
    std::vector<std::vector<std::unique_ptr<policy::Policy>>> policies;  // per route, chain order
    std::vector<char> reads_body;  // per route: whether one of its policies does
    // Per route: the policy that vouches for it, and its place in the chain; null: none.
    struct Voucher {
        policy::Policy* policy = nullptr;
        std::size_t index = 0;
    };
    std::vector<Voucher> vouchers;
    std::vector<std::shared_ptr<Upstream>> upstreams;  // per plan index
    model::Recorder* recorder = nullptr;
    ~ActivePlan();  // tells the recorder that the generation has retired here
};

class Worker {
public:
    struct Shared {
        shared::QuotaLedger* quotas = nullptr;
        shared::BreakerBoard* breakers = nullptr;
        policy::Services* services = nullptr;
        shared::LoadBoard* loads = nullptr;
        shared::AuditGate* audit = nullptr;
    };
    static Result<std::unique_ptr<Worker>> create(unsigned index, model::Recorder& recorder,
                                                  Shared shared);
    ~Worker();

    void start();  // its thread
    // Control thread. A plan takes effect in two steps, so that either all workers have it or none:
    // prepare opens what must be opened and may fail; commit cannot. Both return when done.
    Status prepare(std::shared_ptr<const Plan> plan);
    void commit();
    void abandon();  // undoes prepare
    // Any thread. Stops accepting, closes idle connections, lets open exchanges finish.
    void drain();
    // Control thread. After drain: true when no connection is left.
    [[nodiscard]] bool drained() const noexcept { return connections_open_.load() == 0; }
    // Control thread. Cuts off what is left, waits until it has ended and ends the thread.
    void stop();

    // Any thread: results of name resolution and active health checks.
    void set_addresses(std::string host, std::vector<sockaddr_storage> addresses);
    void set_healthy(std::string upstream_key, std::string target, bool healthy);

    // The port a listener of port 0 got; control thread, after apply.
    [[nodiscard]] uint16_t port(const std::string& listener) const;

    // For the exchanges of this worker, on its thread.
    [[nodiscard]] io::Loop& loop() noexcept { return *loop_; }
    [[nodiscard]] io::BufferPool& buffers() noexcept { return buffers_; }
    [[nodiscard]] model::Recorder& recorder() noexcept { return recorder_; }
    [[nodiscard]] Random& random() noexcept { return random_; }
    [[nodiscard]] const std::shared_ptr<ActivePlan>& active() const noexcept { return active_; }
    [[nodiscard]] bool draining() const noexcept { return draining_; }
    [[nodiscard]] bool stopping() const noexcept { return stopping_; }
    [[nodiscard]] std::string_view http_date();
    [[nodiscard]] std::unique_ptr<ExchangeState> take_exchange();
    void give_exchange(std::unique_ptr<ExchangeState> state);
    void connection_closed(Connection* connection) noexcept;
    [[nodiscard]] http::h2::Context& h2() noexcept { return h2_; }
    [[nodiscard]] io::tls::HandshakeLimiter& handshakes() noexcept { return handshakes_; }
    // To build heads in; for as long as nobody waits.
    [[nodiscard]] http::h2::FieldList& fields() noexcept { return fields_; }

private:
    Worker(unsigned index, std::unique_ptr<io::Loop> loop, model::Recorder& recorder,
           Shared shared);
    struct Listening : std::enable_shared_from_this<Listening> {
        Worker* worker = nullptr;
        std::string key;  // name, address and port as configured
        std::string name;
        uint32_t index = 0;    // in the active plan
        uint32_t open = 0;     // connections
        bool removed = false;  // not in the active plan any more: its connections end
        std::unique_ptr<io::Acceptor> acceptor;
    };
    friend class Connection;

    // A plan that is prepared but not in effect: its listeners, in its order.
    struct Prepared {
        std::shared_ptr<const Plan> plan;
        std::vector<std::shared_ptr<Listening>> listening;
    };
    Result<Prepared> prepare_here(std::shared_ptr<const Plan> plan);
    Status check_port_is_ours(const ListenerPlan& listener);
    void commit_here();
    void stop_here();
    void run_on_loop(const std::function<void()>& work);  // and wait for it
    std::shared_ptr<ActivePlan> instantiate(const std::shared_ptr<const Plan>& plan);
    void drain_here();
    void end_connections(const Listening* only, bool at_once);
    static void on_accept(void* listening, int fd, const sockaddr_storage& peer);

    unsigned index_;
    std::unique_ptr<io::Loop> loop_;
    model::Recorder& recorder_;
    Shared shared_;
    Random random_;
    io::BufferPool buffers_;
    http::h2::Context h2_{buffers_};
    http::h2::FieldList fields_;
    io::tls::HandshakeLimiter handshakes_;
    io::tls::ResumptionCache resumption_;
    std::shared_ptr<ActivePlan> active_;
    std::map<std::string, std::vector<sockaddr_storage>> resolved_;
    std::vector<std::shared_ptr<Listening>> listening_;
    std::unordered_set<Connection*> connections_;
    std::vector<std::unique_ptr<ExchangeState>> free_exchanges_;
    std::string date_;
    uint64_t date_second_ = 0;
    bool draining_ = false;
    bool stopping_ = false;
    Prepared prepared_;
    std::set<std::pair<std::string, std::string>> unhealthy_;  // upstream key, target label
    std::atomic<std::size_t> connections_open_{0};
    std::thread thread_;
};

}  // namespace glassgate::proxy
