#include "telemetry/pipeline/collector.h"

#include <algorithm>
#include <chrono>

#include "base/clock.h"
#include "base/thread_name.h"
#include "telemetry/project/exchange_events.h"
#include "telemetry/project/field_value.h"
#include "telemetry/project/redact.h"

namespace glassgate::telemetry {
namespace {

using std::chrono::milliseconds;

constexpr uint32_t kRestMinMs = 8, kRestFewMs = 15, kRestMaxMs = 50;
constexpr std::size_t kFewRecords = 16;
constexpr uint64_t kLookNs = 100 * kNsPerMs;  // at losses and at sinks that leave
constexpr uint32_t kLeaveMs = 10'000;         // how long a replaced sink may deliver what it holds
constexpr uint64_t kLossEveryNs = kNsPerSecond;  // lines about losses, for each sink

// Who is kept out by a failure that floods: for an upstream's it is everybody, so one line is
// enough.
std::string_view flooding_client(model::EventKind kind, const model::Exchange& x) noexcept {
    switch (kind) {
        case model::EventKind::rate_limit_exceeded:
            return x.client_id.empty() ? x.str(x.remote_address) : x.str(x.client_id);
        case model::EventKind::auth_failed:
            return x.str(x.remote_address);
        default:
            return {};
    }
}

SinkCounts& counts_of(Collector::Counts& all, const std::string& name) {
    for (auto& [known, counts] : all)
        if (known == name) return counts;
    return all.emplace_back(name, SinkCounts{}).second;
}

}  // namespace

// A visit to what mutex_ guards, from another thread than the collector's.
class Collector::Turn {
public:
    explicit Turn(const Collector& collector) : collector_(collector) {
        collector_.waiting_.fetch_add(1, std::memory_order_relaxed);
        collector_.mutex_.lock();
        collector_.waiting_.fetch_sub(1, std::memory_order_relaxed);
    }
    ~Turn() { collector_.mutex_.unlock(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

private:
    const Collector& collector_;
};

Collector::Collector(Workers workers)
    : workers_(std::move(workers)),
      flood_([this](const model::Event& e) { event(e); }),
      recovery_([this](const model::Event& e) { event(e); }) {
    thread_ = std::thread([this] {
        name_this_thread("collector");
        run();
    });
}

Collector::~Collector() { stop(0); }

// --- the thread ----------------------------------------------------------------------------------

void Collector::run() {
    uint32_t rest_ms = kRestMinMs;
    while (true) {
        const bool last = stopping_.load(std::memory_order_acquire);
        const std::size_t records = take_turn();
        if (last && records == 0) break;
        // A mutex is not fair: without this a scrape might wait for as long as the rings are full.
        for (int i = 0; i < 100 && waiting_.load(std::memory_order_relaxed) > 0; ++i)
            std::this_thread::sleep_for(std::chrono::microseconds(50));
        if (records >= kBatch || last) continue;
        if (records >= kFewRecords)
            rest_ms = kRestMinMs;
        else
            rest_ms = records > 0 ? kRestFewMs : std::min(rest_ms * 2, kRestMaxMs);
        inbox_->wait_for(milliseconds(rest_ms));
    }
    const std::lock_guard lock(mutex_);
    flood_.flush();
    next_look_ns_ = next_loss_ns_ = 0;
    look_after_losses();
    for (const auto& channel : channels_) channel->hand_over();
}

std::size_t Collector::take_turn() {
    const std::lock_guard lock(mutex_);
    now_ns_ = mono_now_ns();
    std::size_t records = 0;
    for (const auto& worker : workers_) records += worker->ring().drain(*this, kBatch);
    events_.clear();
    inbox_->take(events_);
    for (const model::Event& e : events_) event(e);
    flood_.tick(now_ns_);
    recovery_.tick(now_ns_);
    if (now_ns_ >= next_look_ns_) {
        next_look_ns_ = now_ns_ + kLookNs;
        look_after_losses();
        let_go_of_finished();
    }
    for (const auto& channel : channels_) channel->hand_over();
    return records + events_.size();
}

// What has been pushed before goes to the sinks there are.
void Collector::read_all() {
    now_ns_ = mono_now_ns();
    for (const auto& worker : workers_) {
        RecordRing& ring = worker->ring();
        const uint64_t end = ring.write_position();
        while (ring.read_position() < end && ring.drain(*this, kBatch) != 0)
            for (const auto& channel : channels_) channel->hand_over();
    }
    for (const auto& channel : channels_) channel->hand_over();
}

void Collector::exchange(const model::Exchange& x) {
    for (const auto& channel : channels_) channel->project(x);
    if (tap_.exchange) tap_.exchange(x);
    if (!x.final) return;  // nothing has ended yet
    recovery_.note(x, now_ns_);
    make_events(x);
}

void Collector::make_events(const model::Exchange& x) {
    const auto kind = event_kind_of(x);
    if (!kind) return;
    const std::string_view route = x.route < x.names->routes.size()
                                       ? std::string_view(x.names->routes[x.route].id)
                                       : std::string_view();
    flood_.note(*kind, route, flooding_client(*kind, x), now_ns_,
                [&] { return event_of(*kind, x, scratch_); });
}

void Collector::connection(const model::Connection& connection) {
    if (!is_refusal(connection.ending)) return;
    for (const auto& channel : channels_) channel->project_refused(connection);
    const bool handshake = connection.ending == model::ConnectionEnding::tls_handshake_failed;
    std::string where = connection.listener_name;
    if (!handshake) where.append(1, ' ').append(to_text(connection.ending));
    // Without the port: every attempt has another one.
    const std::string_view peer = connection.peer;
    flood_.note(
        handshake ? model::EventKind::tls_handshake_failed : model::EventKind::connection_refused,
        where, peer.substr(0, peer.rfind(':')), now_ns_, [&] { return event_of(connection); });
}

void Collector::event(const model::Event& e) {
    for (const auto& channel : channels_) channel->project(e);
    if (tap_.event) tap_.event(e);
}

// --- losses, and sinks that leave ----------------------------------------------------------------

void Collector::report_loss(std::string_view sink, uint64_t records, uint64_t events,
                            std::string_view error) {
    if (records + events == 0) return;
    model::Event e(model::EventKind::telemetry_lost, wall_now_ns());
    e.with("sink", sink).with("records", static_cast<int64_t>(records));
    if (events != 0) e.with("events", static_cast<int64_t>(events));
    e.with("reason", error.empty() ? "queue_full" : error.substr(0, 300));
    event(e);
}

// The first loss is told at once, further ones once a second.
void Collector::look_after_losses() {
    if (now_ns_ < next_loss_ns_) return;
    uint64_t lost = 0, events_lost = inbox_->lost();
    for (const auto& worker : workers_) {
        lost += worker->ring().lost_exchanges();
        events_lost += worker->ring().lost_events();
    }
    const uint64_t new_lost = lost - std::exchange(told_ring_lost_, lost);
    const uint64_t new_events_lost =
        events_lost - std::exchange(told_ring_events_lost_, events_lost);
    bool any = new_lost + new_events_lost != 0;
    report_loss("all", new_lost, new_events_lost, "ring_full");
    const auto look_at = [&](Channel& channel) {
        const Channel::Loss loss = channel.new_loss();
        any = any || loss.records + loss.events != 0;
        report_loss(channel.name(), loss.records, loss.events, loss.error);
    };
    for (const auto& channel : channels_) look_at(*channel);
    for (const auto& [channel, until] : leaving_) look_at(*channel);
    if (any) next_loss_ns_ = now_ns_ + kLossEveryNs;
}

void Collector::let_go_of_finished() {
    std::erase_if(leaving_, [this](const auto& leaving) {
        const auto& [channel, until_ns] = leaving;
        if (!channel->lane().finished() && now_ns_ < until_ns) return false;
        channel->lane().end_stop();
        counts_of(gone_, channel->name()) += channel->counts(workers_, *inbox_);
        return true;
    });
}

// --- from outside --------------------------------------------------------------------------------

void Collector::want_records() {
    const bool wanted = !channels_.empty() || tap_.exchange || tap_.event;
    for (const auto& worker : workers_) worker->set_wanted(wanted);
}

void Collector::set_channels(const Channels& channels, const std::function<void()>& change) {
    const Turn turn(*this);
    read_all();
    const uint64_t inbox_lost = inbox_->lost();
    for (const auto& old : channels_) {
        if (std::find(channels.begin(), channels.end(), old) != channels.end()) continue;
        old->end(workers_, inbox_lost);
        old->lane().begin_stop(kLeaveMs);
        // Longer than end_stop waits at most: it will not hold the collector up.
        leaving_.emplace_back(old, mono_now_ns() + (kLeaveMs + 200) * kNsPerMs);
    }
    for (const auto& channel : channels) {
        if (std::find(channels_.begin(), channels_.end(), channel) != channels_.end()) continue;
        channel->begin(workers_, inbox_lost);
    }
    channels_ = channels;
    want_records();
    if (change) change();
}

void Collector::set_tap(Tap tap) {
    const Turn turn(*this);
    tap_ = std::move(tap);
    want_records();
}

void Collector::reopen() {
    const Turn turn(*this);
    for (const auto& channel : channels_) channel->lane().reopen();
}

Collector::Counts Collector::counts() const {
    const Turn turn(*this);
    Counts all = gone_;
    for (const auto& channel : channels_)
        counts_of(all, channel->name()) += channel->counts(workers_, *inbox_);
    for (const auto& [channel, until] : leaving_)
        counts_of(all, channel->name()) += channel->counts(workers_, *inbox_);
    return all;
}

void Collector::stop(uint32_t deadline_ms) {
    if (!thread_.joinable()) return;
    const uint64_t deadline_ns = mono_now_ns() + deadline_ms * kNsPerMs;
    stopping_.store(true, std::memory_order_release);
    inbox_->wake();
    thread_.join();
    const uint64_t now_ns = mono_now_ns();
    const uint32_t left_ms =
        now_ns >= deadline_ns ? 0 : static_cast<uint32_t>((deadline_ns - now_ns) / kNsPerMs);
    Channels lanes;
    {
        const Turn turn(*this);
        lanes = channels_;
        for (const auto& [channel, until] : leaving_) lanes.push_back(channel);
    }
    for (const auto& channel : lanes) channel->lane().begin_stop(left_ms);
    for (const auto& channel : lanes) channel->lane().end_stop();
}

}  // namespace glassgate::telemetry
