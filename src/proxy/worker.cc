#include "proxy/worker.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <future>

#include "base/clock.h"
#include "base/thread_name.h"
#include "proxy/connection.h"
#include "proxy/exchange_state.h"

namespace glassgate::proxy {

ActivePlan::~ActivePlan() {
    if (recorder != nullptr) recorder->plan_retired(plan->generation);
}

Result<std::unique_ptr<Worker>> Worker::create(unsigned index, model::Recorder& recorder,
                                               Shared shared) {
    auto loop = TRY(io::Loop::create());
    return std::unique_ptr<Worker>(new Worker(index, std::move(loop), recorder, shared));
}

Worker::Worker(unsigned index, std::unique_ptr<io::Loop> loop, model::Recorder& recorder,
               Shared shared)
    : index_(index),
      loop_(std::move(loop)),
      recorder_(recorder),
      shared_(shared),
      handshakes_(*loop_) {}

Worker::~Worker() { stop(); }

void Worker::start() {
    thread_ = std::thread([this] {
        name_this_thread("worker " + std::to_string(index_));
        loop_->run();
    });
}

void Worker::run_on_loop(const std::function<void()>& work) {
    std::promise<void> done;
    loop_->post([&] {
        work();
        done.set_value();
    });
    done.get_future().get();
}

Status Worker::prepare(std::shared_ptr<const Plan> plan) {
    Status status;
    run_on_loop([&] {
        auto prepared = prepare_here(std::move(plan));
        if (prepared)
            prepared_ = std::move(*prepared);
        else
            status = std::unexpected(prepared.error());
    });
    return status;
}

void Worker::commit() {
    run_on_loop([this] { commit_here(); });
}

void Worker::abandon() {
    run_on_loop([this] { prepared_ = {}; });
}

Result<Worker::Prepared> Worker::prepare_here(std::shared_ptr<const Plan> plan) {
    Prepared prepared;
    for (const ListenerPlan& listener : plan->listeners) {
        const std::string key =
            listener.name + "@" + listener.address + ":" + std::to_string(listener.port);
        std::shared_ptr<Listening> here;
        for (const auto& old : listening_)
            if (old->key == key) here = old;
        if (!here) {
            here = std::make_shared<Listening>();
            here->worker = this;
            here->key = key;
            here->name = listener.name;
            TRY_STATUS(check_port_is_ours(listener));
            // Connections queue in the kernel until commit.
            here->acceptor = TRY(io::Acceptor::listen(*loop_, listener.address, listener.port,
                                                      &Worker::on_accept, here.get(), false));
        }
        prepared.listening.push_back(std::move(here));
    }
    prepared.plan = std::move(plan);
    return prepared;
}

// The workers share their ports, and would share them with a second gateway, too, each getting half
// of the traffic. So the first of them asks once without sharing: somebody else's port is taken.
Status Worker::check_port_is_ours(const ListenerPlan& listener) {
    if (index_ != 0 || listener.port == 0) return {};
    for (const auto& own : listening_)
        if (own->acceptor && own->acceptor->port() == listener.port) return {};
    (void)TRY(io::Acceptor::listen(*loop_, listener.address, listener.port, &Worker::on_accept,
                                   nullptr, false, io::Acceptor::Port::exclusive));
    return {};
}

void Worker::commit_here() {
    GW_CHECK(prepared_.plan != nullptr);
    const std::vector<std::shared_ptr<Listening>> before = std::move(listening_);
    // Connections that wait in the queue of a listener that goes are still served.
    for (const auto& old : before)
        if (std::find(prepared_.listening.begin(), prepared_.listening.end(), old) ==
                prepared_.listening.end() &&
            old->acceptor)
            old->acceptor->accept_all();
    recorder_.plan_applied(prepared_.plan->names);
    active_ = instantiate(prepared_.plan);
    listening_ = std::move(prepared_.listening);
    prepared_ = {};
    for (uint32_t i = 0; i < listening_.size(); ++i) {
        listening_[i]->index = i;
        listening_[i]->acceptor->start();
    }
    for (const auto& old : before) {
        if (std::find(listening_.begin(), listening_.end(), old) != listening_.end()) continue;
        old->removed = true;
        old->acceptor.reset();
        end_connections(old.get(), false);
    }
}

std::shared_ptr<ActivePlan> Worker::instantiate(const std::shared_ptr<const Plan>& plan) {
    auto active = std::make_shared<ActivePlan>();
    active->plan = plan;
    active->recorder = &recorder_;
    for (const UpstreamPlan& wanted : plan->upstreams) {
        std::shared_ptr<Upstream> upstream;
        if (active_)
            for (const auto& old : active_->upstreams)
                if (old->plan().state_key == wanted.state_key && old->plan().name == wanted.name)
                    upstream = old;
        if (upstream) {
            upstream->adopt(wanted);
        } else {
            upstream =
                std::make_shared<Upstream>(Upstream::Env{*loop_, buffers_, random_, recorder_, h2_,
                                                         handshakes_, resumption_, shared_.loads},
                                           wanted);
            for (const auto& [host, addresses] : resolved_)
                upstream->set_addresses(host, addresses);
            for (const auto& [key, target] : unhealthy_)
                if (key == wanted.state_key) upstream->set_healthy(target, false);
        }
        active->upstreams.push_back(std::move(upstream));
    }
    const policy::WorkerEnv env{index_,   shared_.quotas, shared_.breakers, &recorder_,
                                &random_, loop_.get(),    shared_.services};
    active->policies.resize(plan->routes.size());
    active->reads_body.resize(plan->routes.size());
    for (std::size_t r = 0; r < plan->routes.size(); ++r)
        for (const RoutePolicyPlan& p : plan->routes[r].policies) {
            active->policies[r].push_back(p.plan->instantiate(env));
            if (active->policies[r].back()->reads_request_body()) active->reads_body[r] = 1;
        }
    return active;
}

void Worker::on_accept(void* raw, int fd, const sockaddr_storage& peer) {
    auto* listening = static_cast<Listening*>(raw);
    Worker& worker = *listening->worker;
    auto socket = io::Socket::adopt(worker.loop(), fd);
    if (!socket) return;
    const ListenerPlan& settings = worker.active_->plan->listeners[listening->index];
    if (listening->open >= settings.connections) {
        model::Connection refused;
        refused.listener = listening->index;
        std::snprintf(refused.listener_name, sizeof refused.listener_name, "%s",
                      listening->name.c_str());
        refused.ending = model::ConnectionEnding::limit_exceeded;
        char address[48] = {};
        uint16_t port = 0;
        io::format_address(peer, address, port);
        std::snprintf(refused.peer, sizeof refused.peer,
                      std::strchr(address, ':') != nullptr ? "[%s]:%u" : "%s:%u", address, port);
        refused.opened_wall_ns = wall_now_ns();
        refused.opened_ns = refused.closed_ns = worker.loop().now_ns();
        worker.recorder().connection_opened(refused.listener);
        worker.recorder().connection_closed(refused);
        return;
    }
    Connection::start(worker, listening->shared_from_this(), std::move(*socket), peer);
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
    for (const auto& listening : listening_) {
        if (!listening->acceptor) continue;
        listening->acceptor->accept_all();
        listening->acceptor.reset();
    }
    end_connections(nullptr, false);
}

// Ends the connections of one listener, or all: those that are idle, or at once.
void Worker::end_connections(const Listening* only, bool at_once) {
    const std::vector<Connection*> open(connections_.begin(), connections_.end());
    for (Connection* connection : open) {
        // Ending one may end others.
        if (!connections_.contains(connection)) continue;
        if (only != nullptr && connection->listening.get() != only) continue;
        at_once ? connection->cut_off() : connection->drain();
    }
}

void Worker::stop_here() {
    drain_here();
    stopping_ = true;
    end_connections(nullptr, true);
}

void Worker::stop() {
    if (!thread_.joinable()) return;
    run_on_loop([this] { stop_here(); });
    // A connection that is cut off ends within one write of its answer (ExchangeRun::reply).
    while (connections_open_.load() != 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    run_on_loop([this] {
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
            for (const auto& upstream : active_->upstreams)
                upstream->set_addresses(host, addresses);
    });
}

void Worker::set_healthy(std::string key, std::string target, bool healthy) {
    loop_->post([this, key = std::move(key), target = std::move(target), healthy] {
        if (healthy)
            unhealthy_.erase({key, target});
        else
            unhealthy_.emplace(key, target);
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
    const uint64_t now = loop_->wall_ns();
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
