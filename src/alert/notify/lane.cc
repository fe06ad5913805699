#include "alert/notify/lane.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "base/clock.h"

namespace glassgate::alert {
namespace {

TimeMs wall_ms() { return static_cast<TimeMs>(wall_now_ns() / kNsPerMs); }

std::string host_name() {
    char name[256] = {};
    if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
    return name;
}

}  // namespace

Lane::Lane(LaneSettings settings, Database& database)
    : settings_(std::move(settings)), database_(database) {
    const auto sizes = database_.spool_sizes();
    if (const auto found = sizes.find(settings_.integration.name); found != sizes.end()) {
        numbers_.queued = found->second.rows;
        numbers_.queued_bytes = found->second.bytes;
    }
    thread_ = std::thread([this] { run(); });
}

Lane::~Lane() {
    {
        const std::lock_guard lock(mutex_);
        stop_.store(true);
    }
    wake_.notify_all();
    thread_.join();
}

void Lane::take_over(const Numbers& old) {
    const std::lock_guard lock(mutex_);
    numbers_.sent += old.sent;
    numbers_.failed += old.failed;
    numbers_.dropped += old.dropped;
    numbers_.latency_ns += old.latency_ns;
    numbers_.last_sent_ms = std::max(numbers_.last_sent_ms, old.last_sent_ms);
}

Lane::Numbers Lane::numbers() const {
    const std::lock_guard lock(mutex_);
    return numbers_;
}

// The oldest goes: the newest says more about now.
void Lane::make_room(uint64_t bytes) {
    while (true) {
        {
            const std::lock_guard lock(mutex_);
            if (numbers_.queued == 0 || numbers_.queued_bytes + bytes <= settings_.spool_max_bytes)
                return;
        }
        const auto row = database_.spool_front(settings_.integration.name);
        if (!row) return;
        finish(*row, nullptr, "dropped", "the spool is full");
    }
}

void Lane::submit(const Notification& notification) {
    const std::string body = to_json(notification);
    make_room(body.size());
    const bool written = database_.spool(settings_.integration.name, wall_ms(), body);
    {
        const std::lock_guard lock(mutex_);
        if (!written) {
            ++numbers_.dropped;
            numbers_.last_error = "the spool cannot be written";
            return;
        }
        ++numbers_.queued;
        numbers_.queued_bytes += body.size();
    }
    wake_.notify_all();
}

// 1 s, 2 s, 4 s, ...; by chance up to a half shorter, so that many do not come at once.
uint64_t Lane::pause_ms(uint64_t attempts) const {
    const uint64_t doubled = settings_.first_pause_ms << std::min<uint64_t>(attempts - 1, 20);
    const uint64_t whole = std::min(doubled, settings_.last_pause_ms);
    static thread_local std::minstd_rand random{std::random_device{}()};
    return whole / 2 + random() % (whole / 2 + 1);
}

void Lane::run() {
    uint64_t pause = 0;
    while (true) {
        std::optional<SpoolRow> row;
        {
            std::unique_lock lock(mutex_);
            if (pause > 0)
                wake_.wait_for(lock, std::chrono::milliseconds(pause),
                               [this] { return stop_.load(); });
            else
                wake_.wait(lock, [this] { return stop_.load() || numbers_.queued > 0; });
            if (stop_.load()) return;
        }
        row = database_.spool_front(settings_.integration.name);
        if (!row) {
            const std::lock_guard lock(mutex_);
            numbers_.queued = numbers_.queued_bytes = 0;
            pause = 0;
            continue;
        }
        pause = attempt(*row);
    }
}

Delivery Lane::deliver(const Notification& n) {
    struct Visit {
        const Notification& n;
        const Links& links;
        const std::atomic<bool>& stop;
        Delivery operator()(const WebhookTarget& t) const {
            return post_json(t.http, webhook_json(n, t, links), stop);
        }
        Delivery operator()(const PagerDutyTarget& t) const {
            return post_json(t.http, pagerduty_json(n, t, links), stop);
        }
        Delivery operator()(const SlackTarget& t) const {
            return post_json(t.http, slack_json(n, t, links), stop);
        }
        Delivery operator()(const TeamsTarget& t) const {
            return post_json(t.http, teams_json(n, t, links), stop);
        }
        Delivery operator()(const EmailTarget& t) const {
            return send_mail(t, email_text(n, t, links, host_name()), stop);
        }
    };
    return std::visit(Visit{n, settings_.links, stop_}, settings_.integration.target);
}

uint64_t Lane::attempt(const SpoolRow& row) {
    const auto notification = notification_from_json(row.body);
    if (!notification) {
        finish(row, nullptr, "dropped", "the spool is damaged: " + notification.error().message);
        return 0;
    }
    const uint64_t began_ns = mono_now_ns();
    const Delivery delivery = deliver(*notification);
    {
        const std::lock_guard lock(mutex_);
        numbers_.latency_ns += mono_now_ns() - began_ns;
        numbers_.last_error = delivery.error;
        if (delivery.kind != Delivery::Kind::sent && !stop_.load()) ++numbers_.failed;
    }
    if (delivery.kind == Delivery::Kind::sent) {
        finish(row, &*notification, "sent", {});
        return 0;
    }
    if (stop_.load()) return 1;  // the loop ends; the next start tries again
    if (delivery.kind == Delivery::Kind::refused) {
        finish(row, &*notification, "dropped", delivery.error);
        return 0;
    }
    if (wall_ms() - row.created_ms > settings_.max_age_ms) {
        finish(row, &*notification, "dropped", "too old; last: " + delivery.error);
        return 0;
    }
    const uint64_t attempts = row.attempts + 1;
    database_.spool_attempted(row.id, attempts);
    return std::max<uint64_t>(delivery.retry_after_ms.value_or(pause_ms(attempts)), 1);
}

void Lane::finish(const SpoolRow& row, const Notification* notification, std::string_view outcome,
                  const std::string& error) {
    const bool sent = outcome == "sent";
    DeliveryRow log;
    log.at_ms = wall_ms();
    log.integration = settings_.integration.name;
    log.outcome = outcome;
    log.error = error;
    log.attempts = row.attempts + (notification != nullptr ? 1 : 0);
    Result<Notification> read = failure({});
    if (notification == nullptr) {
        read = notification_from_json(row.body);
        if (read) notification = &*read;
    }
    if (notification != nullptr) {
        log.group_key = notification->group_key;
        log.status = notification->firing() ? "firing" : "resolved";
        log.alerts = notification->alerts.size();
    }
    database_.together([&] {
        database_.spool_remove(row.id);
        database_.add_delivery(log, kDeliveryRowsMax);
    });
    const std::lock_guard lock(mutex_);
    ++(sent ? numbers_.sent : numbers_.dropped);
    if (sent) numbers_.last_sent_ms = static_cast<uint64_t>(log.at_ms);
    if (!error.empty()) numbers_.last_error = error;
    numbers_.queued -= std::min<uint64_t>(numbers_.queued, 1);
    numbers_.queued_bytes -= std::min<uint64_t>(numbers_.queued_bytes, row.body.size());
}

}  // namespace glassgate::alert
