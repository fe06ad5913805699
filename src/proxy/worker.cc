#include "proxy/worker.h"

#include <unistd.h>

#include <future>

#include "base/clock.h"
#include "proxy/connection.h"
#include "proxy/exchange_state.h"

namespace glassgate::proxy {

ActivePlan::~ActivePlan() {
    if (recorder != nullptr) recorder->plan_retired(plan->generation);
}

Result<std::unique_ptr<Worker>> Worker::create(unsigned index, model::Recorder& recorder, Shared shared) {
    auto loop = TRY(io::Loop::create());
    return std::unique_ptr<Worker>(new Worker(index, std::move(loop), recorder, shared));
}

Worker::Worker(unsigned index, std::unique_ptr<io::Loop> loop, model::Recorder& recorder, Shared shared)
    : index_(index), loop_(std::move(loop)), recorder_(recorder), shared_(shared) {}

Worker::~Worker() { stop(); }

void Worker::start() {
    thread_ = std::thread([this] { loop_->run(); });
}

Status Worker::apply(std::shared_ptr<const Plan> plan) {
    std::promise<Status> done;
    loop_->post([&] { done.set_value(apply_here(plan)); });
    return done.get_future().get();
}

Status Worker::apply_here(const std::shared_ptr<const Plan>& plan) {
    std::vector<std::shared_ptr<Listening>> listening;
    TRY_STATUS(open_listeners(*plan, listening));
    recorder_.plan_applied(plan->names);
    active_ = instantiate(plan);
    // What no longer listens is closed here; its open connections live on.
    listening_ = std::move(listening);
    return {};
}

Status Worker::open_listeners(const Plan& plan, std::vector<std::shared_ptr<Listening>>& out) {
    for (uint32_t i = 0; i < plan.listeners.size(); ++i) {
        const ListenerPlan& listener = plan.listeners[i];
        const std::string key = listener.name + "@" + listener.address + ":" + std::to_string(listener.port);
        std::shared_ptr<Listening> kept;
        for (const auto& old : listening_)
            if (old->key == key) kept = old;
        if (!kept) {
            kept = std::make_shared<Listening>();
            kept->worker = this;
            kept->key = key;
            kept->name = listener.name;
            kept->acceptor = TRY(
                io::Acceptor::listen(*loop_, listener.address, listener.port, &Worker::on_accept, kept.get()));
        }
        out.push_back(std::move(kept));
    }
    for (uint32_t i = 0; i < out.size(); ++i) out[i]->index = i;
    return {};
}

std::shared_ptr<ActivePlan> Worker::instantiate(const std::shared_ptr<const Plan>& plan) {
    auto active = std::make_shared<ActivePlan>();
    active->plan = plan;
    active->recorder = &recorder_;
    for (uint32_t i = 0; i < plan->upstreams.size(); ++i) {
        const UpstreamPlan& wanted = plan->upstreams[i];
        std::shared_ptr<Upstream> upstream;
        if (active_)
            for (const auto& old : active_->upstreams)
                if (old->plan().state_key == wanted.state_key) upstream = old;
        if (upstream) {
            upstream->adopt(wanted, i);
        } else {
            upstream = std::make_shared<Upstream>(*loop_, buffers_, random_, recorder_, wanted, i);
            for (const auto& [host, addresses] : resolved_) upstream->set_addresses(host, addresses);
        }
        active->upstreams.push_back(std::move(upstream));
    }
    const policy::WorkerEnv env{index_, shared_.quotas, shared_.breakers, &recorder_, &random_};
    active->policies.resize(plan->routes.size());
    for (std::size_t r = 0; r < plan->routes.size(); ++r)
        for (const RoutePolicyPlan& p : plan->routes[r].policies)
            active->policies[r].push_back(p.plan->instantiate(env));
    return active;
}

void Worker::on_accept(void* raw, int fd, const sockaddr_storage& peer) {
    auto* listening = static_cast<Listening*>(raw);
    Worker& worker = *listening->worker;
    const ListenerPlan& settings = worker.active_->plan->listeners[listening->index];
    auto socket = io::Socket::adopt(worker.loop(), fd);
    if (!socket) return;
    if (listening->open >= settings.connections) {
        model::Connection refused;
        refused.listener = listening->index;
        refused.ending = model::ConnectionEnding::limit_exceeded;
        refused.opened_wall_ns = wall_now_ns();
        refused.opened_ns = refused.closed_ns = worker.loop().now_ns();
        worker.recorder().connection_opened(refused.listener);
        worker.recorder().connection_closed(refused);
        return;
    }
    for (const auto& owned : worker.listening_)
        if (owned.get() == listening) {
            Connection::start(worker, owned, std::move(*socket), peer);
            return;
        }
}

void Worker::connection_closed(Connection* connection) noexcept {
    connections_.erase(connection);
    connections_open_.fetch_sub(1, std::memory_order_relaxed);
}

void Worker::drain() {
    loop_->post([this] { drain_here(); });
}

void Worker::drain_here() {
    draining_ = true;
    for (const auto& listening : listening_) listening->acceptor.reset();
    const std::vector<Connection*> open(connections_.begin(), connections_.end());
    for (Connection* connection : open)
        if (connections_.contains(connection)) connection->drain();
}

void Worker::stop() {
    if (!thread_.joinable()) return;
    loop_->post([this] {
        drain_here();
        const std::vector<Connection*> open(connections_.begin(), connections_.end());
        for (Connection* connection : open)
            if (connections_.contains(connection)) connection->cut_off();
        active_.reset();
        listening_.clear();
        free_exchanges_.clear();
    });
    loop_->stop();
    thread_.join();
}

void Worker::set_addresses(std::string host, std::vector<sockaddr_storage> addresses) {
    loop_->post([this, host = std::move(host), addresses = std::move(addresses)] {
        resolved_[host] = addresses;
        if (active_)
            for (const auto& upstream : active_->upstreams) upstream->set_addresses(host, addresses);
    });
}

void Worker::set_healthy(std::string key, std::string target, bool healthy) {
    loop_->post([this, key = std::move(key), target = std::move(target), healthy] {
        if (!active_) return;
        for (const auto& upstream : active_->upstreams)
            if (upstream->plan().state_key == key) upstream->set_healthy(target, healthy);
    });
}

uint16_t Worker::port(const std::string& listener) const {
    for (const auto& listening : listening_)
        if (listening->name == listener && listening->acceptor) return listening->acceptor->port();
    return 0;
}

std::string_view Worker::http_date() {
    const uint64_t now = wall_now_ns();
    if (date_second_ != now / kNsPerSecond) {
        date_second_ = now / kNsPerSecond;
        date_.clear();
        append_http_date(date_, now);
    }
    return date_;
}

std::unique_ptr<ExchangeState> Worker::take_exchange() {
    if (free_exchanges_.empty()) return std::make_unique<ExchangeState>();
    auto state = std::move(free_exchanges_.back());
    free_exchanges_.pop_back();
    return state;
}

void Worker::give_exchange(std::unique_ptr<ExchangeState> state) {
    constexpr std::size_t kKeep = 256;
    state->reset();
    if (free_exchanges_.size() < kKeep) free_exchanges_.push_back(std::move(state));
}

}  // namespace glassgate::proxy
