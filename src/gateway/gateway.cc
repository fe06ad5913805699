#include "gateway/gateway.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <set>
#include <thread>

#include "audit/auditor.h"
#include "audit/watching_recorder.h"
#include "base/check.h"
#include "base/clock.h"
#include "config/load.h"
#include "config/watcher.h"
#include "gateway/admin.h"
#include "gateway/audit_acts.h"
#include "gateway/version.h"
#include "proxy/control.h"
#include "proxy/worker.h"
#include "shared/breaker_board.h"
#include "shared/quota_ledger.h"
#include "telemetry/metrics/process.h"

namespace glassgate::gateway {
namespace {

using model::Event;
using model::EventKind;
using telemetry::MetricType;
using telemetry::Sample;

constexpr uint32_t kResolvePatienceMs =
    2000;                            // at the start; a reload waits as long for new names only
constexpr uint32_t kFlushMs = 5000;  // for telemetry, after the last exchange

class RunningGateway final : public Gateway {
public:
    explicit RunningGateway(Options options) : options_(std::move(options)) {}
    ~RunningGateway() override { stop_all(0, 0); }

    std::expected<void, StartError> start_up();
    bool reload() override;
    void reopen_logs() override { telemetry_->reopen_logs(); }
    void drain_and_stop(int64_t drain_ms) override;
    telemetry::MetricsRegistry& metrics() noexcept override { return telemetry_->metrics(); }
    uint64_t generation() const noexcept override { return generation_.load(); }
    uint16_t port(const std::string& listener) const override {
        return workers_.front()->port(listener);
    }
    uint16_t metrics_port() const noexcept override { return admin_->port(); }

private:
    [[nodiscard]] std::optional<config::Configuration> read_configuration(uint64_t generation);
    void watch_also(const std::vector<std::string>& files);
    Status start_workers();
    Status apply(const config::Configuration& next);
    Status prepare_workers(const std::shared_ptr<const proxy::Plan>& plan);
    void abandon_workers(std::size_t count);
    void reject(const std::string& reason, std::size_t errors);
    void announce(const config::Configuration& before, const config::Configuration& now,
                  uint64_t took_ns);
    void export_state();
    void start_audit();
    void open_audit(const config::Configuration& configuration);
    [[nodiscard]] model::Recorder& recorder(unsigned worker);
    void stop_all(int64_t drain_ms, uint32_t flush_ms);

    Options options_;
    std::mutex mutex_;      // reload and stop, one at a time
    bool running_ = false;  // from the end of start_up on
    bool stopped_ = false;
    std::optional<config::Configuration> configuration_;  // in force
    std::string last_problem_;                            // of the last load that had errors
    std::size_t last_errors_ = 0;
    std::atomic<uint64_t> generation_{0};
    uint64_t last_generation_ = 0;  // given out, also to rejected ones
    std::atomic<bool> last_reload_ok_{true};
    std::atomic<uint64_t> last_reload_wall_ns_{0};

    shared::QuotaLedger quotas_;
    shared::BreakerBoard breakers_;
    std::unique_ptr<shared::AuditGate> audit_gate_;
    std::atomic<bool> audit_enabled_{false};
    std::unique_ptr<audit::Auditor> auditor_;
    std::mutex auditor_mutex_;  // for whoever reads auditor_ on another thread: scrapes
    std::vector<std::unique_ptr<audit::WatchingRecorder>> watching_;
    std::unique_ptr<telemetry::Telemetry> telemetry_;
    std::vector<std::unique_ptr<proxy::Worker>> workers_;
    std::unique_ptr<proxy::Control> control_;
    std::unique_ptr<Admin> admin_;
    std::unique_ptr<config::Watcher> watcher_;
    std::vector<std::unique_ptr<config::Watcher>> more_watchers_;
    std::set<std::string> watched_;
};

std::optional<config::Configuration> RunningGateway::read_configuration(uint64_t generation) {
    config::Loaded loaded = config::load(options_.paths, generation);
    if (options_.report && !loaded.diagnostics.all().empty()) options_.report(loaded.diagnostics);
    watch_also(loaded.files);
    last_problem_.clear();
    last_errors_ = 0;
    for (const Diagnostic& d : loaded.diagnostics.all()) {
        if (d.severity != Severity::error) continue;
        if (last_errors_++ == 0) last_problem_ = to_text(d);
    }
    return std::move(loaded.configuration);
}

// Certificates, keys and secrets that the documents name.
void RunningGateway::watch_also(const std::vector<std::string>& files) {
    if (!options_.watch) return;
    std::vector<std::string> fresh;
    for (const std::string& file : files)
        if (watched_.insert(file).second) fresh.push_back(file);
    if (fresh.empty()) return;
    auto watcher =
        config::Watcher::start(std::move(fresh), options_.watch_debounce_ms, [this] { reload(); });
    if (watcher) more_watchers_.push_back(std::move(*watcher));
}

std::expected<void, StartError> RunningGateway::start_up() {
    const auto environment = [](const Error& error) {
        return std::unexpected(StartError{StartFault::environment, error.message});
    };
    const std::lock_guard lock(mutex_);
    // Before the files are read, so that no change is missed; it waits for the lock with what it
    // has.
    if (options_.watch) {
        auto watcher = config::Watcher::start(options_.paths, options_.watch_debounce_ms,
                                              [this] { reload(); });
        if (!watcher) return environment(watcher.error());
        watcher_ = std::move(*watcher);
    }
    auto configuration = read_configuration(++last_generation_);
    if (!configuration)
        return std::unexpected(StartError{StartFault::input, options_.report ? "" : last_problem_});
    auto telemetry =
        telemetry::Telemetry::create(configuration->plan->workers, configuration->telemetry);
    if (!telemetry) return environment(telemetry.error());
    telemetry_ = std::move(*telemetry);
    if (options_.tap.exchange || options_.tap.event) telemetry_->set_tap(options_.tap);
    configuration_ = std::move(*configuration);
    const config::Configuration& now = *configuration_;
    if (auto status = telemetry_->reconfigure(now.telemetry, now.plan->names); !status)
        return environment(status.error());
    audit_gate_ = std::make_unique<shared::AuditGate>(now.plan->workers);
    export_state();
    start_audit();
    if (auto status = start_workers(); !status) return environment(status.error());
    auto admin = Admin::start(now.telemetry.metrics, telemetry_->metrics());
    if (!admin) return environment(admin.error());
    admin_ = std::move(*admin);
    generation_ = now.plan->generation;
    last_reload_wall_ns_ = wall_now_ns();
    admin_->set_readiness(Readiness::ready);

    Event event(EventKind::gateway_started, wall_now_ns());
    event.with("version", version()).with("gateway", now.plan->names->gateway);
    event.with("workers", static_cast<int64_t>(workers_.size())).with("digest", now.digest);
    telemetry_->event(event);
    running_ = true;
    return {};
}

void RunningGateway::start_audit() {
    if (configuration_->audit.enabled) open_audit(*configuration_);
}

void RunningGateway::open_audit(const config::Configuration& configuration) {
    audit::AuditorEnv env;
    env.gateway = configuration.plan->names->gateway;
    env.version = version();
    env.gate = audit_gate_.get();
    env.event = [this](const Event& e) { telemetry_->event(e); };
    auto auditor = std::make_unique<audit::Auditor>(configuration.audit, std::move(env));
    auditor->administrative(audit_gateway_started(configuration, options_.paths));
    const std::lock_guard lock(auditor_mutex_);
    auditor_ = std::move(auditor);
    audit_enabled_ = true;
}

model::Recorder& RunningGateway::recorder(unsigned worker) {
    watching_.push_back(std::make_unique<audit::WatchingRecorder>(
        telemetry_->recorder(worker), *audit_gate_, worker, audit_enabled_));
    return *watching_.back();
}

Status RunningGateway::start_workers() {
    std::vector<proxy::Worker*> all;
    for (unsigned i = 0; i < configuration_->plan->workers; ++i) {
        workers_.push_back(
            TRY(proxy::Worker::create(i, recorder(i), {&quotas_, &breakers_, audit_gate_.get()})));
        workers_.back()->start();
        all.push_back(workers_.back().get());
    }
    // Name servers other than resolv.conf's: for tests and for networks that divide their names.
    const char* const dns_servers = std::getenv("GLASSGATE_DNS_SERVERS");
    control_ = TRY(proxy::Control::start(
        std::move(all), [this](const Event& e) { telemetry_->event(e); },
        dns_servers != nullptr ? dns_servers : ""));
    control_->apply(configuration_->plan, kResolvePatienceMs);
    TRY_STATUS(prepare_workers(configuration_->plan));
    for (const auto& worker : workers_) worker->commit();
    return {};
}

// What may fail: opening listeners. All workers have the plan prepared afterwards, or none.
Status RunningGateway::prepare_workers(const std::shared_ptr<const proxy::Plan>& plan) {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        Status prepared = workers_[i]->prepare(plan);
        if (prepared) continue;
        abandon_workers(i);
        return prepared;
    }
    return {};
}

void RunningGateway::abandon_workers(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) workers_[i]->abandon();
}

// All or nothing: everything that may fail comes first, and is taken back when what follows does.
// Telemetry is last of these, since its series cannot be taken back at once.
Status RunningGateway::apply(const config::Configuration& next) {
    if (auditor_ && next.audit.enabled) TRY_STATUS(auditor_->check(next.audit));
    TRY_STATUS(prepare_workers(next.plan));
    Status status = admin_->reconfigure(next.telemetry.metrics);
    if (status) {
        status = telemetry_->reconfigure(next.telemetry, next.plan->names);
        if (!status) {
            if (Status back = admin_->reconfigure(configuration_->telemetry.metrics); !back)
                status =
                    failure(status.error().message + "; and going back: " + back.error().message);
        }
    }
    if (!status) {
        abandon_workers(workers_.size());
        return status;
    }
    control_->apply(next.plan, kResolvePatienceMs);
    // The log goes on when no route needs it any more: what it has is to be finished in order.
    if (auditor_)
        auditor_->reconfigure(next.audit);
    else if (next.audit.enabled)
        open_audit(next);
    for (const auto& worker : workers_) worker->commit();
    return {};
}

bool RunningGateway::reload() {
    const std::lock_guard lock(mutex_);
    if (!running_) return false;
    const uint64_t began_ns = mono_now_ns();
    last_reload_wall_ns_ = wall_now_ns();
    auto next = read_configuration(++last_generation_);
    if (!next) {
        reject(last_problem_, last_errors_);
        return false;
    }
    if (next->plan->workers != workers_.size()) {
        reject("the number of workers changes only at a restart (running: " +
                   std::to_string(workers_.size()) +
                   ", configured: " + std::to_string(next->plan->workers) + ")",
               1);
        return false;
    }
    if (auto status = apply(*next); !status) {
        reject(status.error().message, 1);
        return false;
    }
    generation_ = next->plan->generation;
    last_reload_ok_ = true;
    if (auditor_)
        auditor_->administrative(audit_config_applied(*configuration_, *next, options_.paths));
    announce(*configuration_, *next, mono_now_ns() - began_ns);
    configuration_ = std::move(*next);
    return true;
}

void RunningGateway::reject(const std::string& reason, std::size_t errors) {
    last_reload_ok_ = false;
    if (auditor_) auditor_->administrative(audit_config_rejected(reason, errors, options_.paths));
    Event event(EventKind::config_rejected, wall_now_ns());
    event.with("reason", reason).with("errors", static_cast<int64_t>(errors));
    event.with("generation_in_force", static_cast<int64_t>(generation_.load()));
    telemetry_->event(event);
}

void RunningGateway::announce(const config::Configuration& before, const config::Configuration& now,
                              uint64_t took_ns) {
    for (const config::RateLimitSetting& limit : now.rate_limits) {
        const auto old =
            std::find_if(before.rate_limits.begin(), before.rate_limits.end(),
                         [&](const auto& b) { return b.state_key == limit.state_key; });
        if (old == before.rate_limits.end() || old->summary == limit.summary) continue;
        Event event(EventKind::rate_limit_config_updated, wall_now_ns());
        event.with("new_limit", limit.summary)
            .with("old_limit", old->summary)
            .with("route", limit.route);
        telemetry_->event(event);
    }
    Event event(EventKind::config_applied, wall_now_ns());
    event.with("generation", static_cast<int64_t>(now.plan->generation)).with("digest", now.digest);
    event.with("routes", static_cast<int64_t>(now.plan->routes.size()));
    event.with("took_ms", static_cast<int64_t>(took_ns / kNsPerMs));
    telemetry_->event(event);
}

void RunningGateway::export_state() {
    telemetry::MetricsRegistry& registry = telemetry_->metrics();
    const auto gauge = [&](std::string name, std::string help, auto read) {
        registry.add_external({std::move(name), std::move(help), MetricType::gauge,
                               [read](std::vector<Sample>& out) { out.push_back({{}, read()}); }});
    };
    gauge("flex_config_generation", "Generation of the configuration in force.",
          [this] { return static_cast<double>(generation_.load()); });
    gauge("flex_config_last_reload_successful",
          "1 if the last reload was applied, 0 if it was rejected.",
          [this] { return last_reload_ok_.load() ? 1.0 : 0.0; });
    gauge("flex_config_last_reload_timestamp_seconds",
          "When the configuration was last read, Unix time.",
          [this] { return static_cast<double>(last_reload_wall_ns_.load()) / 1e9; });
    registry.add_external(telemetry::build_info(std::string(version()), std::string(commit())));
    registry.add_external({"flex_circuit_breaker_state", "0 closed, 1 half-open, 2 open.",
                           MetricType::gauge, [this](std::vector<Sample>& out) {
                               breakers_.for_each([&](const std::string& route,
                                                      const std::string& upstream,
                                                      const shared::Breaker& b) {
                                   out.push_back({{{"route", route}, {"upstream", upstream}},
                                                  static_cast<double>(b.state())});
                               });
                           }});
    export_audit(registry, [this](const std::function<void(const audit::Auditor&)>& use) {
        const std::lock_guard lock(auditor_mutex_);
        if (auditor_) use(*auditor_);
    });
}

void RunningGateway::drain_and_stop(int64_t drain_ms) { stop_all(drain_ms, kFlushMs); }

// drain_ms < 0: the plan's.
void RunningGateway::stop_all(int64_t drain_ms, uint32_t flush_ms) {
    std::vector<std::unique_ptr<config::Watcher>> watchers;
    {
        const std::lock_guard lock(mutex_);
        options_.watch = false;  // a reload under way adds none behind our back
        watchers = std::move(more_watchers_);
    }
    watchers.clear();
    watcher_.reset();  // before the lock: a reload under way ends first
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
    running_ = false;
    if (admin_) admin_->set_readiness(Readiness::draining);
    if (telemetry_) telemetry_->event(Event(EventKind::gateway_draining, wall_now_ns()));
    for (const auto& worker : workers_) worker->drain();
    uint64_t patience_ms = drain_ms < 0 ? 0 : static_cast<uint64_t>(drain_ms);
    if (drain_ms < 0 && configuration_) patience_ms = configuration_->plan->drain_ms;
    const uint64_t deadline_ns = mono_now_ns() + patience_ms * kNsPerMs;
    const auto drained = [this] {
        return std::all_of(workers_.begin(), workers_.end(),
                           [](const auto& w) { return w->drained(); });
    };
    while (!drained() && mono_now_ns() < deadline_ns)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    control_.reset();
    for (const auto& worker : workers_) worker->stop();
    if (auditor_) {
        auditor_->administrative(audit_gateway_stopped());
        auditor_->stop(flush_ms);
    }
    if (telemetry_) {
        telemetry_->event(Event(EventKind::gateway_stopped, wall_now_ns()));
        telemetry_->stop(flush_ms);
    }
    admin_.reset();  // to the end it can be scraped
    workers_.clear();
}

}  // namespace

std::expected<std::unique_ptr<Gateway>, StartError> Gateway::start(Options options) {
    auto gateway = std::make_unique<RunningGateway>(std::move(options));
    if (auto started = gateway->start_up(); !started) return std::unexpected(started.error());
    return gateway;
}

}  // namespace glassgate::gateway
