#include "proxy/upstream.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/clock.h"

namespace glassgate::proxy {
namespace {
constexpr uint64_t kSweepNs = kNsPerSecond;

// "10.0.0.7:3000", "[2001:db8::1]:3000"
void write_address(const sockaddr_storage& address, char (&out)[56]) noexcept {
    char text[48];
    uint16_t port = 0;
    io::format_address(address, text, port);
    std::snprintf(out, sizeof out, address.ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
}

// Whoever sends to the same places shares their limits.
std::string load_key(const UpstreamPlan& plan) {
    std::string key;
    for (const TargetPlan& target : plan.targets) key += target.label + "|";
    return key;
}

}  // namespace

Upstream::Upstream(const Env& env, const UpstreamPlan& plan)
    : env_(env),
      loop_(env.loop),
      buffers_(env.buffers),
      random_(env.random),
      recorder_(env.recorder),
      plan_(plan),
      targets_(plan.targets.size()),
      sweep_timer_(&Upstream::on_sweep, this) {
    if (plan_.thresholds.any() && env_.loads != nullptr) load_ = env_.loads->find(load_key(plan_));
    for (std::size_t i = 0; i < targets_.size(); ++i) {
        sockaddr_storage address;
        if (io::parse_address(plan_.targets[i].host, plan_.targets[i].port, address))
            targets_[i].addresses.push_back(address);
    }
    loop_.timers().arm(sweep_timer_, loop_.now_ns() + kSweepNs);
}

Upstream::~Upstream() {
    for (Target& target : targets_)
        for (auto& connection : target.idle) {
            connection->socket.set_hangup_hook(nullptr, nullptr);
            connection_closed(connection->target);
        }
    for (Target& target : targets_)
        for (H2Upstream* link : std::exchange(target.links, {})) {
            connection_closed(link->target());
            link->leave();
        }
}

void Upstream::adopt(const UpstreamPlan& plan) {
    plan_ = plan;  // equal state_key: equal targets in equal order
}

bool Upstream::usable(const Target& target) const noexcept {
    return target.healthy && !target.addresses.empty() && target.ejected_until_ns <= loop_.now_ns();
}

Upstream::Pick Upstream::pick(uint64_t tried, uint32_t& target) noexcept {
    uint64_t unusable = 0;
    std::size_t usable_count = 0, resolved = 0;
    for (std::size_t i = 0; i < targets_.size(); ++i) {
        resolved += !targets_[i].addresses.empty();
        if (usable(targets_[i]))
            ++usable_count;
        else if (i < 64)
            unusable |= uint64_t{1} << i;
    }
    if (resolved == 0) return Pick::unresolved;
    if (usable_count == 0) return Pick::none_healthy;
    uint64_t excluded = unusable | tried;
    const uint64_t all =
        targets_.size() >= 64 ? ~uint64_t{0} : (uint64_t{1} << targets_.size()) - 1;
    if ((excluded & all) == all) excluded = unusable;
    target = plan_.balance == Balance::round_robin ? pick_round_robin(excluded)
                                                   : pick_least_request(excluded);
    return Pick::ok;
}

// Smooth weighted round robin as nginx does it: every target earns its weight, the richest is
// taken and pays the total, so that weights 5:1:1 give a a b a c a a rather than bursts.
uint32_t Upstream::pick_round_robin(uint64_t excluded) noexcept {
    int64_t total = 0;
    uint32_t best = 0;
    bool found = false;
    for (uint32_t i = 0; i < targets_.size(); ++i) {
        if (i < 64 && (excluded >> i & 1)) continue;
        const int64_t weight = plan_.targets[i].weight;
        targets_[i].credit += weight;
        total += weight;
        if (!found || targets_[i].credit > targets_[best].credit) best = i;
        found = true;
    }
    targets_[best].credit -= total;
    return best;
}

// Power of two choices (Mitzenmacher 2001), active requests divided by weight.
uint32_t Upstream::pick_least_request(uint64_t excluded) noexcept {
    std::size_t count = 0;
    uint32_t chosen[2] = {0, 0};
    for (uint32_t i = 0; i < targets_.size(); ++i) {
        if (i < 64 && (excluded >> i & 1)) continue;
        ++count;
        // Reservoir sampling of two.
        if (count <= 2)
            chosen[count - 1] = i;
        else if (const uint64_t r = random_.below(count); r < 2)
            chosen[r] = i;
    }
    if (count == 1) return chosen[0];
    const auto load = [this](uint32_t i) {
        return static_cast<double>(targets_[i].active + 1) / plan_.targets[i].weight;
    };
    if (load(chosen[0]) == load(chosen[1])) return chosen[random_.below(2)];
    return load(chosen[0]) < load(chosen[1]) ? chosen[0] : chosen[1];
}

std::unique_ptr<UpstreamConnection> Upstream::take_idle(uint32_t index) noexcept {
    Target& target = targets_[index];
    while (!target.idle.empty()) {
        auto connection = std::move(target.idle.back());
        target.idle.pop_back();
        connection->socket.set_hangup_hook(nullptr, nullptr);
        connection->pool = nullptr;
        // Bytes nobody asked for, or the end: not usable.
        if (!connection->socket.quiet()) {
            drop(std::move(connection));
            continue;
        }
        connection->reused = true;
        return connection;
    }
    return nullptr;
}

void Upstream::connection_opened(uint32_t target) noexcept {
    ++targets_[target].open;
    recorder_.upstream_connections_changed(plan_.name, 1);
}

void Upstream::connection_closed(uint32_t target) noexcept {
    --targets_[target].open;
    recorder_.upstream_connections_changed(plan_.name, -1);
    if (load_) load_->connections.give();
}

bool Upstream::begin_connect(uint32_t target) noexcept {
    if (targets_[target].open >= plan_.max_connections) return false;
    if (!load_) return true;
    if (!load_->connections.take(plan_.thresholds.connections.value_or(UINT32_MAX))) return false;
    if (load_->pending.take(plan_.thresholds.pending.value_or(UINT32_MAX))) return true;
    load_->connections.give();
    return false;
}

void Upstream::end_connect(bool connected) noexcept {
    if (!load_) return;
    load_->pending.give();
    if (!connected) load_->connections.give();
}

bool Upstream::take_request() noexcept {
    return !load_ || load_->requests.take(plan_.thresholds.requests.value_or(UINT32_MAX));
}
void Upstream::give_request() noexcept {
    if (load_) load_->requests.give();
}
bool Upstream::take_retry_place() noexcept {
    return !load_ || load_->retries.take(plan_.thresholds.retries.value_or(UINT32_MAX));
}
void Upstream::give_retry_place() noexcept {
    if (load_) load_->retries.give();
}

std::unique_ptr<UpstreamConnection> Upstream::opened(uint32_t target, io::Socket socket) {
    auto connection = std::make_unique<UpstreamConnection>(std::move(socket), buffers_, target);
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    getpeername(connection->socket.fd(), reinterpret_cast<sockaddr*>(&peer), &size);
    write_address(peer, connection->address);
    connection_opened(target);
    return connection;
}

void Upstream::give_back(std::unique_ptr<UpstreamConnection> connection) {
    Target& target = targets_[connection->target];
    // With a PROXY header in front it belongs to one client.
    if (connection->socket.hangup() || !connection->buffer.empty() ||
        plan_.send_proxy != SendProxy::none || !leads_to(target, *connection)) {
        drop(std::move(connection));
        return;
    }
    connection->addresses_version = target.addresses_version;
    connection->buffer.release();
    connection->idle_since_ns = loop_.now_ns();
    connection->pool = this;
    connection->socket.set_hangup_hook(&Upstream::on_idle_hangup, connection.get());
    target.idle.push_back(std::move(connection));
}

// Whether its peer is still one of the target's addresses: when a name moves, its traffic moves,
// however long the old connections could live.
bool Upstream::leads_to(const Target& target, const UpstreamConnection& connection) noexcept {
    return connection.addresses_version == target.addresses_version ||
           leads_to(target, connection.address);
}
bool Upstream::leads_to(const Target& target, std::string_view to) noexcept {
    return std::any_of(target.addresses.begin(), target.addresses.end(),
                       [&](const sockaddr_storage& address) {
                           char text[56];
                           write_address(address, text);
                           return to == text;
                       });
}

void Upstream::drop(std::unique_ptr<UpstreamConnection> connection) {
    connection_closed(connection->target);
    connection.reset();
}

void Upstream::on_idle_hangup(void* raw) {
    auto* connection = static_cast<UpstreamConnection*>(raw);
    connection->pool->forget_idle(connection);
}

void Upstream::forget_idle(UpstreamConnection* connection) noexcept {
    auto& idle = targets_[connection->target].idle;
    const auto it =
        std::find_if(idle.begin(), idle.end(), [&](auto& c) { return c.get() == connection; });
    if (it == idle.end()) return;
    auto owned = std::move(*it);
    idle.erase(it);
    drop(std::move(owned));
}

void Upstream::on_sweep(void* raw) {
    auto* self = static_cast<Upstream*>(raw);
    const uint64_t now = self->loop_.now_ns();
    const uint64_t limit = self->plan_.pool_idle_timeout_ms * kNsPerMs;
    for (std::size_t i = 0; i < self->targets_.size(); ++i) {
        Target& target = self->targets_[i];
        if (target.ejected_until_ns != 0 && target.ejected_until_ns <= now)
            self->readmit(static_cast<uint32_t>(i));
        // The oldest are at the front.
        while (!target.idle.empty() && now - target.idle.front()->idle_since_ns > limit)
            self->forget_idle(target.idle.front().get());
    }
    self->loop_.timers().arm(self->sweep_timer_, now + kSweepNs);
}

void Upstream::attempt_finished(uint32_t index, bool failed) noexcept {
    Target& target = targets_[index];
    --target.active;
    if (!failed) {
        target.failures = 0;
        return;
    }
    ++target.failures;
    if (plan_.outlier && target.failures >= plan_.outlier->consecutive_failures &&
        target.ejected_until_ns <= loop_.now_ns())
        eject(index);
}

void Upstream::eject(uint32_t index) noexcept {
    const auto now = loop_.now_ns();
    const auto ejected = std::count_if(targets_.begin(), targets_.end(),
                                       [&](const Target& t) { return t.ejected_until_ns > now; });
    if ((static_cast<std::size_t>(ejected) + 1) * 100 >
        plan_.outlier->max_ejected_percent * targets_.size())
        return;
    Target& target = targets_[index];
    target.ejected_until_ns = now + plan_.outlier->eject_ms * kNsPerMs;
    model::Event event(model::EventKind::target_ejected, wall_now_ns());
    event.with("upstream", plan_.name)
        .with("target", plan_.targets[index].label)
        .with("consecutive_failures", int64_t{target.failures})
        .with("eject_ms", int64_t{plan_.outlier->eject_ms});
    recorder_.event(event);
    target.failures = 0;
}

void Upstream::readmit(uint32_t index) noexcept {
    targets_[index].ejected_until_ns = 0;
    model::Event event(model::EventKind::target_returned, wall_now_ns());
    event.with("upstream", plan_.name).with("target", plan_.targets[index].label);
    recorder_.event(event);
}

Upstream::BudgetSlot& Upstream::budget_slot() noexcept {
    const uint64_t second = loop_.now_ns() / kNsPerSecond;
    BudgetSlot& slot = budget_[second % kBudgetSlots];
    if (slot.second != second) slot = {second, 0, 0};
    return slot;
}

void Upstream::count_request() noexcept { ++budget_slot().requests; }

bool Upstream::take_retry() noexcept {
    BudgetSlot& current = budget_slot();
    uint64_t requests = 0, retries = 0;
    for (const BudgetSlot& slot : budget_) {
        if (slot.second + kBudgetSlots <= current.second) continue;
        requests += slot.requests;
        retries += slot.retries;
    }
    const uint64_t share = requests * plan_.retries.budget_percent / 100;
    const uint64_t floor = uint64_t{plan_.retries.budget_min_per_second} * kBudgetSlots;
    if (retries >= std::max(share, floor)) return false;
    ++current.retries;
    return true;
}

void Upstream::set_addresses(const std::string& host,
                             const std::vector<sockaddr_storage>& addresses) {
    for (std::size_t i = 0; i < targets_.size(); ++i) {
        if (plan_.targets[i].host != host) continue;
        targets_[i].addresses = addresses;
        for (sockaddr_storage& a : targets_[i].addresses) {
            const uint16_t port = htons(plan_.targets[i].port);
            if (a.ss_family == AF_INET) reinterpret_cast<sockaddr_in&>(a).sin_port = port;
            if (a.ss_family == AF_INET6) reinterpret_cast<sockaddr_in6&>(a).sin6_port = port;
        }
        ++targets_[i].addresses_version;
        // From the back: forget_idle takes them out one by one. Those in use follow in give_back.
        for (std::size_t c = targets_[i].idle.size(); c-- > 0;) {
            UpstreamConnection& connection = *targets_[i].idle[c];
            if (!leads_to(targets_[i], connection))
                forget_idle(&connection);
            else
                connection.addresses_version = targets_[i].addresses_version;
        }
        for (H2Upstream* link : std::vector<H2Upstream*>(targets_[i].links)) {
            if (leads_to(targets_[i], link->address())) continue;
            link_gone(*link);
            link->leave();
        }
    }
}

void Upstream::set_healthy(const std::string& label, bool healthy) noexcept {
    for (std::size_t i = 0; i < targets_.size(); ++i)
        if (plan_.targets[i].label == label) targets_[i].healthy = healthy;
}

}  // namespace glassgate::proxy
