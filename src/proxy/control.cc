#include "proxy/control.h"

#include <netinet/in.h>
#include <pthread.h>

#include <chrono>
#include <future>
#include <map>
#include <thread>

#include "base/check.h"
#include "base/clock.h"
#include "base/thread_name.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "proxy/health_check.h"
#include "proxy/name_refresh.h"
#include "proxy/ticket_rotation.h"
#include "proxy/worker.h"

namespace glassgate::proxy {
namespace {

class AllWorkers final : public TargetBoard {
public:
    explicit AllWorkers(std::vector<Worker*> workers) : workers_(std::move(workers)) {}
    void set_addresses(const std::string& host,
                       const std::vector<sockaddr_storage>& addresses) override {
        for (Worker* worker : workers_) worker->set_addresses(host, addresses);
    }
    void set_healthy(const std::string& upstream_key, const std::string& target,
                     bool healthy) override {
        for (Worker* worker : workers_) worker->set_healthy(upstream_key, target, healthy);
    }

private:
    std::vector<Worker*> workers_;
};

bool is_name(const TargetPlan& target) noexcept {
    sockaddr_storage ignored;
    return !io::parse_address(target.host, target.port, ignored);
}

std::map<std::string, uint32_t> names_of(const Plan& plan) {
    std::map<std::string, uint32_t> names;
    for (const UpstreamPlan& upstream : plan.upstreams)
        for (const TargetPlan& target : upstream.targets) {
            if (!is_name(target)) continue;
            const auto [at, added] = names.emplace(target.host, upstream.dns_refresh_ms);
            if (!added) at->second = std::min(at->second, upstream.dns_refresh_ms);
        }
    return names;
}

void set_port(sockaddr_storage& address, uint16_t port) noexcept {
    if (address.ss_family == AF_INET6)
        reinterpret_cast<sockaddr_in6&>(address).sin6_port = htons(port);
    else
        reinterpret_cast<sockaddr_in&>(address).sin_port = htons(port);
}

class RunningControl final : public Control {
public:
    RunningControl(std::unique_ptr<io::Loop> loop, std::unique_ptr<TargetBoard> board,
                   Events events)
        : loop_(std::move(loop)), board_(std::move(board)), events_(std::move(events)) {}
    ~RunningControl() override;
    Status open(const std::string& dns_servers);
    void apply(std::shared_ptr<const Plan> plan, uint32_t patience_ms) override;
    void rotate(TicketRotation::Keys keys) override {
        loop_->post([this, keys = std::move(keys)] { tickets_.follow(keys); });
    }

private:
    struct Checked {
        std::string upstream, target;  // name and label
        std::unique_ptr<HealthCheck> check;
    };
    using Key = std::pair<std::string, std::string>;  // state_key, label
    using Checks = std::map<Key, Checked>;

    void apply_here(const Plan& plan, std::function<void()> answered);
    void follow_checks(const Plan& plan);
    Checked begin_check(const UpstreamPlan& upstream, const TargetPlan& target);
    [[nodiscard]] HealthVerdict known_verdict(const UpstreamPlan& upstream,
                                              const TargetPlan& target) const;
    [[nodiscard]] Addresses addresses_of(const TargetPlan& target) const;
    void verdict_changed(const Key& key, const std::string& upstream, bool healthy,
                         const std::string& reason);

    std::unique_ptr<io::Loop> loop_;
    std::unique_ptr<TargetBoard> board_;
    Events events_;
    Random random_;
    HealthEnv health_{*loop_};
    TicketRotation tickets_{*loop_};
    std::unique_ptr<NameRefresh> names_;
    Checks checks_;
    std::thread thread_;
};

Status RunningControl::open(const std::string& dns_servers) {
    auto resolver = TRY(io::Resolver::create(*loop_, dns_servers));
    names_ = std::make_unique<NameRefresh>(
        *loop_, random_, std::move(resolver),
        [this](const std::string& host, const Addresses& addresses) {
            board_->set_addresses(host, addresses);
        },
        events_);
    thread_ = std::thread([this] {
        name_this_thread("control");
        loop_->run();
    });
    return {};
}

RunningControl::~RunningControl() {
    if (!thread_.joinable()) return;
    loop_->post([this] {
        checks_.clear();
        tickets_.follow({});
        names_.reset();
    });
    loop_->stop();
    thread_.join();
}

void RunningControl::apply(std::shared_ptr<const Plan> plan, uint32_t patience_ms) {
    GW_CHECK(std::this_thread::get_id() != thread_.get_id());
    // Shared: the answer may come after our patience is over.
    const auto answered = std::make_shared<std::promise<void>>();
    std::future<void> all_answered = answered->get_future();
    loop_->post([this, plan = std::move(plan), answered] {
        apply_here(*plan, [answered] { answered->set_value(); });
    });
    (void)all_answered.wait_for(std::chrono::milliseconds(patience_ms));
}

void RunningControl::apply_here(const Plan& plan, std::function<void()> answered) {
    follow_checks(plan);
    names_->follow(names_of(plan), std::move(answered));
}

// New verdicts before old checks go: known_verdict looks at those.
void RunningControl::follow_checks(const Plan& plan) {
    Checks wanted;
    for (const UpstreamPlan& upstream : plan.upstreams) {
        if (!upstream.health_check) continue;
        for (const TargetPlan& target : upstream.targets) {
            const Key key{upstream.state_key, target.label};
            const auto old = checks_.find(key);
            if (wanted.contains(key)) continue;  // a target that is listed twice
            if (old != checks_.end() && old->second.check &&
                old->second.check->plan() == *upstream.health_check)
                wanted.emplace(key, std::move(old->second));
            else
                wanted.emplace(key, begin_check(upstream, target));
        }
    }
    checks_ = std::move(wanted);
}

HealthVerdict RunningControl::known_verdict(const UpstreamPlan& upstream,
                                            const TargetPlan& target) const {
    for (const auto& [key, one] : checks_)
        if (one.check && one.upstream == upstream.name && one.target == target.label &&
            one.check->plan() == *upstream.health_check)
            return one.check->verdict();
    return {};
}

RunningControl::Checked RunningControl::begin_check(const UpstreamPlan& upstream,
                                                    const TargetPlan& target) {
    const HealthVerdict verdict = known_verdict(upstream, target);
    const Key key{upstream.state_key, target.label};
    // Also when healthy: something else may have been said under this key long ago.
    board_->set_healthy(key.first, key.second, verdict.healthy());
    return {upstream.name, target.label,
            std::make_unique<HealthCheck>(
                health_, random_, HealthTarget::of(upstream, target), verdict,
                [this, target] { return addresses_of(target); },
                [this, key, name = upstream.name](bool healthy, const std::string& reason) {
                    verdict_changed(key, name, healthy, reason);
                })};
}

Addresses RunningControl::addresses_of(const TargetPlan& target) const {
    sockaddr_storage numeric;
    if (io::parse_address(target.host, target.port, numeric)) return {numeric};
    Addresses addresses = names_->addresses(target.host);
    for (sockaddr_storage& address : addresses) set_port(address, target.port);
    return addresses;
}

void RunningControl::verdict_changed(const Key& key, const std::string& upstream, bool healthy,
                                     const std::string& reason) {
    board_->set_healthy(key.first, key.second, healthy);
    using enum model::EventKind;
    model::Event event(healthy ? target_healthy : target_unhealthy, wall_now_ns());
    event.with("upstream", upstream).with("target", key.second);
    if (!healthy) event.with("reason", reason);
    events_(event);
}

}  // namespace

Result<std::unique_ptr<Control>> Control::start(std::vector<Worker*> workers, Events events,
                                                const std::string& dns_servers) {
    return start(std::make_unique<AllWorkers>(std::move(workers)), std::move(events), dns_servers);
}

Result<std::unique_ptr<Control>> Control::start(std::unique_ptr<TargetBoard> board, Events events,
                                                const std::string& dns_servers) {
    auto loop = TRY(io::Loop::create());
    auto control =
        std::make_unique<RunningControl>(std::move(loop), std::move(board), std::move(events));
    TRY_STATUS(control->open(dns_servers));
    return control;
}

}  // namespace glassgate::proxy
