#include "gateway/gateway.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "base/check.h"
#include "base/clock.h"
#include "config/load.h"
#include "config/watcher.h"
#include "console/api/prometheus_api.h"
#include "gateway/admin.h"
#include "gateway/alerting.h"
#include "gateway/built_in_store.h"
#include "gateway/console_service.h"
#include "gateway/flight_routes.h"
#include "gateway/flight_slot.h"
#include "gateway/overview.h"
#include "gateway/version.h"
#include "policy/services.h"
#include "proxy/control.h"
#include "proxy/worker.h"
#include "shared/breaker_board.h"
#include "shared/load_board.h"
#include "shared/quota_ledger.h"
#include "telemetry/metrics/certificate_expiry.h"
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
    uint16_t console_port() const noexcept override { return console_ ? console_->port() : 0; }

private:
    [[nodiscard]] std::optional<config::Configuration> read_configuration(uint64_t generation);
    void set_tap();
    Status start_workers();
    Status open_store();
    Status start_console();
    Status apply_console(const config::ConsoleSettings& settings);
    [[nodiscard]] console::RuntimeFacts runtime_facts() const;
    // Where state is kept across restarts; empty: nowhere.
    [[nodiscard]] std::string state_directory_now() const {
        return options_.in_memory ? std::string() : state_directory(options_.state_dir);
    }
    Status apply(const config::Configuration& next);
    Status apply_endpoints(const config::Configuration& next, const telemetry::Settings& telemetry);
    Status prepare_workers(const std::shared_ptr<const proxy::Plan>& plan);
    void abandon_workers(std::size_t count);
    void reject(const std::string& reason, std::size_t errors);
    void announce(const config::Configuration& before, const config::Configuration& now,
                  uint64_t took_ns);
    void look_after_tls(const config::Configuration& now);
    void export_state();
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
    shared::LoadBoard loads_;
    policy::Services services_;
    telemetry::CertificateExpiry certificates_;
    FlightSlot flight_;  // before telemetry: a scrape reads it
    Overview overview_;  // likewise: its thread writes it
    OverviewStream overview_stream_{overview_};
    std::unique_ptr<telemetry::Telemetry> telemetry_;
    std::unique_ptr<BuiltInStore> store_;  // null: switched off
    std::unique_ptr<Alerting> alerting_;   // null: without a store
    console::PrometheusApi api_;
    std::unique_ptr<ConsoleService> console_;
    const uint64_t started_wall_ns_ = wall_now_ns();
    std::vector<std::unique_ptr<proxy::Worker>> workers_;
    std::unique_ptr<proxy::Control> control_;
    std::unique_ptr<Admin> admin_;
    std::unique_ptr<config::Watcher> watcher_;
};

std::optional<config::Configuration> RunningGateway::read_configuration(uint64_t generation) {
    config::Loaded loaded = config::load(options_.paths, generation);
    ::malloc_trim(0);  // the documents are gone: what they took goes back to the system
    if (options_.report && !loaded.diagnostics.all().empty()) options_.report(loaded.diagnostics);
    if (watcher_) watcher_->also_watch(std::move(loaded.seen));
    last_problem_.clear();
    last_errors_ = 0;
    for (const Diagnostic& d : loaded.diagnostics.all()) {
        if (d.severity != Severity::error) continue;
        if (last_errors_++ == 0) last_problem_ = to_text(d);
    }
    return std::move(loaded.configuration);
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
    set_tap();
    configuration_ = std::move(*configuration);
    const config::Configuration& now = *configuration_;
    auto settings = flight_.prepare(now.flight, state_directory_now(), now.telemetry);
    if (!settings) return environment(settings.error());
    if (auto status = telemetry_->reconfigure(*settings, now.plan->names); !status)
        return environment(status.error());
    flight_.commit();
    export_state();
    flight_.export_state(telemetry_->metrics());
    if (auto status = open_store(); !status) return environment(status.error());
    if (auto status = start_workers(); !status) return environment(status.error());
    auto admin = Admin::start(now.telemetry.metrics, telemetry_->metrics());
    if (!admin) return environment(admin.error());
    admin_ = std::move(*admin);
    if (auto status = admin_->reconfigure_probe(now.probe); !status)
        return environment(status.error());
    if (auto status = start_console(); !status) return environment(status.error());
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

// What the overview is made of; and the demo's panel, if there is one.
void RunningGateway::set_tap() {
    telemetry_->set_tap({[this](const model::Exchange& exchange) {
                             overview_.exchange(exchange);
                             if (options_.tap.exchange) options_.tap.exchange(exchange);
                         },
                         [this](const Event& event) {
                             overview_.event(event);
                             if (options_.tap.event) options_.tap.event(event);
                         }});
}

Status RunningGateway::start_workers() {
    std::vector<proxy::Worker*> all;
    for (unsigned i = 0; i < configuration_->plan->workers; ++i) {
        workers_.push_back(TRY(proxy::Worker::create(i, telemetry_->recorder(i),
                                                     {&quotas_, &breakers_, &services_, &loads_})));
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
    look_after_tls(*configuration_);
    return {};
}

// What goes on with certificates and keys while a plan is in force.
void RunningGateway::look_after_tls(const config::Configuration& now) {
    std::vector<telemetry::CertificateExpiry::Certificate> certificates;
    for (const config::CertificateExpiry& one : now.certificates)
        certificates.push_back(
            {one.listener.empty() ? one.upstream : one.listener, one.name, one.not_after_s});
    certificates_.set(certificates);
    control_->rotate(now.ticket_keys);
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

Status RunningGateway::open_store() {
    console_ = std::make_unique<ConsoleService>(telemetry_->metrics());
    if (!configuration_->store.enabled) return {};
    store_ = TRY(BuiltInStore::open(configuration_->store, state_directory_now(),
                                    telemetry_->metrics(), configuration_->plan->names->gateway));
    alerting_ = TRY(Alerting::start(configuration_->alerting, configuration_->console,
                                    state_directory_now(), store_->store(), telemetry_->metrics()));
    return {};
}

Status RunningGateway::start_console() {
    if (store_ != nullptr) {
        const auto& metrics = configuration_->telemetry.metrics;
        store_->start("http://localhost:" + std::to_string(admin_->port()) + metrics.path);
        api_.store = &store_->store();
        api_.metadata = &store_->metadata();
        api_.build = {std::string(version()), std::string(commit())};
        api_.runtime = [this] { return runtime_facts(); };
        api_.targets = [this] { return store_->targets(); };
        alerting_->serve(api_);
        console_->add(console::prometheus_routes(api_));
        console_->add(alerting_->routes());
    }
    console_->add(flight_routes(flight_, overview_, overview_stream_));
    return apply_console(configuration_->console);
}

Status RunningGateway::apply_console(const config::ConsoleSettings& settings) {
    TRY_STATUS(console_->apply(settings));
    if (console_->problem().empty() || !options_.report) return {};
    Diagnostics diagnostics;
    diagnostics.warning({}, "there is no console: " + console_->problem(),
                        "spec.console.port to be free, or another, or enabled: false");
    options_.report(diagnostics);
    return {};
}

console::RuntimeFacts RunningGateway::runtime_facts() const {
    const auto ms = [](uint64_t ns) { return static_cast<store::TimeMs>(ns / kNsPerMs); };
    return {ms(started_wall_ns_), ms(last_reload_wall_ns_.load()), last_reload_ok_.load()};
}

// Metrics endpoint, console and telemetry; all as the new configuration wants it, or none.
// Telemetry is last, since its series cannot be taken back at once.
Status RunningGateway::apply_endpoints(const config::Configuration& next,
                                       const telemetry::Settings& telemetry) {
    const config::Configuration& now = *configuration_;
    TRY_STATUS(admin_->reconfigure(next.telemetry.metrics));
    if (Status probe = admin_->reconfigure_probe(next.probe); !probe) {
        if (Status back = admin_->reconfigure(now.telemetry.metrics); !back)
            return failure(probe.error().message + "; and going back: " + back.error().message);
        return probe;
    }
    Status status = apply_console(next.console);
    bool console_applied = status.has_value();
    if (status) status = telemetry_->reconfigure(telemetry, next.plan->names);
    if (status) return status;
    std::string message = status.error().message;
    if (console_applied)
        if (Status back = apply_console(now.console); !back)
            message += "; and going back: " + back.error().message;
    if (Status back = admin_->reconfigure_probe(now.probe); !back)
        message += "; and going back: " + back.error().message;
    if (Status back = admin_->reconfigure(now.telemetry.metrics); !back)
        message += "; and going back: " + back.error().message;
    return failure(std::move(message));
}

// All or nothing: everything that may fail comes first, and is taken back when what follows does.
Status RunningGateway::apply(const config::Configuration& next) {
    const telemetry::Settings settings =
        TRY(flight_.prepare(next.flight, state_directory_now(), next.telemetry));
    TRY_STATUS(prepare_workers(next.plan));
    if (Status status = apply_endpoints(next, settings); !status) {
        abandon_workers(workers_.size());
        return status;
    }
    flight_.commit();
    if (store_ != nullptr) store_->reconfigure(next.store);
    if (alerting_ != nullptr) alerting_->reconfigure(next.alerting, next.console);
    control_->apply(next.plan, kResolvePatienceMs);
    for (const auto& worker : workers_) worker->commit();
    look_after_tls(next);
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
    if (!next->store.same_store(configuration_->store)) {
        reject("spec.telemetry.store (but for scrape) changes only at a restart", 1);
        return false;
    }
    if (next->alerting.directory != configuration_->alerting.directory) {
        reject("spec.telemetry.alerting.path changes only at a restart", 1);
        return false;
    }
    if (auto status = apply(*next); !status) {
        reject(status.error().message, 1);
        return false;
    }
    generation_ = next->plan->generation;
    last_reload_ok_ = true;
    announce(*configuration_, *next, mono_now_ns() - began_ns);
    configuration_ = std::move(*next);
    return true;
}

void RunningGateway::reject(const std::string& reason, std::size_t errors) {
    last_reload_ok_ = false;
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
    registry.add_external(certificates_.family());
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
}

void RunningGateway::drain_and_stop(int64_t drain_ms) { stop_all(drain_ms, kFlushMs); }

// drain_ms < 0: the plan's.
void RunningGateway::stop_all(int64_t drain_ms, uint32_t flush_ms) {
    std::unique_ptr<config::Watcher> watcher;
    {
        const std::lock_guard lock(mutex_);  // a reload under way ends first
        running_ = false;                    // and no other begins
        watcher = std::move(watcher_);
    }
    watcher.reset();  // not under the lock: its thread may wait for that
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
    if (console_) console_->stop();
    if (alerting_) alerting_->stop();
    if (store_) store_->stop();
    if (telemetry_) {
        telemetry_->event(Event(EventKind::gateway_stopped, wall_now_ns()));
        telemetry_->stop(flush_ms);
    }
    admin_.reset();  // to the end it can be scraped
    // Console and store stay, stopped: their metrics may be read until the gateway goes.
    workers_.clear();
}

}  // namespace

std::expected<std::unique_ptr<Gateway>, StartError> Gateway::start(Options options) {
    auto gateway = std::make_unique<RunningGateway>(std::move(options));
    if (auto started = gateway->start_up(); !started) return std::unexpected(started.error());
    return gateway;
}

}  // namespace glassgate::gateway
