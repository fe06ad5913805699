#include "alert/service.h"

#include <filesystem>

#include "base/clock.h"

namespace glassgate::alert {

Result<std::unique_ptr<AlertService>> AlertService::start(const Settings& settings,
                                                          store::Store& store, Hooks hooks) {
    std::string path;
    if (!settings.directory.empty()) {
        std::error_code error;
        std::filesystem::create_directories(settings.directory, error);
        if (error) return failure(settings.directory + ": " + error.message());
        path = (std::filesystem::path(settings.directory) / "alerts.db").string();
    }
    if (!hooks.now) hooks.now = [] { return static_cast<TimeMs>(wall_now_ns() / kNsPerMs); };
    std::unique_ptr<AlertService> service(
        new AlertService(TRY(Database::open(path)), std::move(hooks)));
    RuleEngine::Hooks rule_hooks;
    AlertService* const self = service.get();
    rule_hooks.now = service->hooks_.now;
    rule_hooks.due = [self](std::vector<Notice> notices) { self->tell(std::move(notices)); };
    rule_hooks.failed = [self](const std::string& group, const std::string& rule,
                               const std::string& error) {
        if (!self->hooks_.failed) return;
        {
            const std::lock_guard lock(self->failing_mutex_);
            std::string& told = self->failing_[group + ";" + rule];
            if (told == error) return;
            told = error;
        }
        self->hooks_.failed(group, rule, error);
    };
    service->rules_ =
        std::make_unique<RuleEngine>(store, *service->database_, std::move(rule_hooks));
    service->reconfigure(settings);
    service->dispatcher_->start();
    service->rules_->start();
    return service;
}

AlertService::AlertService(std::unique_ptr<Database> database, Hooks hooks)
    : hooks_(std::move(hooks)),
      started_ms_(hooks_.now()),
      database_(std::move(database)),
      silences_(std::make_unique<Silences>(*database_)),
      dispatcher_(std::make_unique<Dispatcher>(
          *database_, *silences_,
          [this](const std::string& integration, const Notification& n) {
              deliver(integration, n);
          },
          hooks_.now)) {}

AlertService::~AlertService() { stop(); }

void AlertService::stop() {
    if (rules_) rules_->stop();
    dispatcher_->stop();
    std::map<std::string, std::shared_ptr<Lane>> lanes;
    std::vector<std::shared_ptr<AlertmanagerLink>> links;
    const std::lock_guard lock(mutex_);
    lanes.swap(lanes_);
    links.swap(links_);
}

void AlertService::reconfigure(const Settings& settings) {
    {
        const std::lock_guard lock(failing_mutex_);
        failing_.clear();
    }
    replace_links(settings);
    replace_lanes(settings);
    {
        const std::lock_guard lock(mutex_);
        settings_ = settings;
    }
    dispatcher_->configure(settings.route, settings.receivers, settings.inhibitions,
                           settings.external_url);
    rules_->configure(settings);
}

void AlertService::replace_lanes(const Settings& settings) {
    // Held to the end: nobody is told of anything while the ways are changed.
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::shared_ptr<Lane>> before = std::exchange(lanes_, {});
    receiver_of_.clear();
    for (const alert::Receiver& receiver : settings.receivers)
        for (const Integration& integration : receiver.integrations) {
            LaneSettings lane_settings;
            lane_settings.integration = integration;
            lane_settings.links = {settings.external_url, settings.runbook_url};
            lane_settings.spool_max_bytes = settings.spool_max_bytes;
            lane_settings.max_age_ms = settings.spool_max_age_ms;
            receiver_of_[integration.name] = receiver.name;
            std::shared_ptr<Lane>& old = before[integration.name];
            std::shared_ptr<Lane>& lane = lanes_[integration.name];
            if (old != nullptr && old->settings() == lane_settings) {
                lane = std::move(old);
                continue;
            }
            const Lane::Numbers numbers = old != nullptr ? old->numbers() : Lane::Numbers{};
            old.reset();  // ends before its successor takes up the spool
            lane = std::make_shared<Lane>(std::move(lane_settings), *database_);
            lane->take_over(numbers);
        }
    before.clear();
    for (const auto& [name, size] : database_->spool_sizes())
        if (!lanes_.contains(name)) drop_spool(name);
}

void AlertService::drop_spool(const std::string& integration) {
    while (const auto row = database_->spool_front(integration)) {
        DeliveryRow log;
        log.at_ms = hooks_.now();
        log.integration = integration;
        log.outcome = "dropped";
        log.error = "the receiver is not configured any more";
        log.attempts = row->attempts;
        const uint64_t failures = database_->failures();
        database_->together([&] {
            database_->spool_remove(row->id);
            database_->add_delivery(log, kDeliveryRowsMax);
        });
        if (database_->failures() != failures) return;
    }
}

void AlertService::replace_links(const Settings& settings) {
    std::vector<std::shared_ptr<AlertmanagerLink>> before, next;
    {
        const std::lock_guard lock(mutex_);
        before = links_;
    }
    for (const HttpTarget& target : settings.alertmanagers) {
        std::shared_ptr<AlertmanagerLink> link;
        for (const auto& old : before)
            if (old->target() == target) link = old;
        next.push_back(link != nullptr ? link : std::make_shared<AlertmanagerLink>(target));
    }
    const std::lock_guard lock(mutex_);
    links_ = std::move(next);
}

void AlertService::tell(std::vector<Notice> notices) {
    std::vector<std::shared_ptr<AlertmanagerLink>> links;
    {
        const std::lock_guard lock(mutex_);
        links = links_;
    }
    for (const auto& link : links) link->submit(notices);
    dispatcher_->receive(std::move(notices));
}

void AlertService::deliver(const std::string& integration, const Notification& notification) {
    std::shared_ptr<Lane> lane;
    {
        const std::lock_guard lock(mutex_);
        const auto found = lanes_.find(integration);
        if (found != lanes_.end()) lane = found->second;
    }
    if (lane != nullptr) lane->submit(notification);
}

Settings AlertService::settings() const {
    const std::lock_guard lock(mutex_);
    return settings_;
}

std::vector<AlertService::Receiver> AlertService::receivers() const {
    const std::lock_guard lock(mutex_);
    std::vector<Receiver> out;
    for (const auto& [name, lane] : lanes_)
        out.push_back({receiver_of_.at(name), name,
                       std::string(kind_of(lane->settings().integration)), lane->numbers()});
    return out;
}

std::vector<AlertService::Alertmanager> AlertService::alertmanagers() const {
    const std::lock_guard lock(mutex_);
    std::vector<Alertmanager> out;
    for (const auto& link : links_) out.push_back({link->url(), link->numbers()});
    return out;
}

}  // namespace glassgate::alert
