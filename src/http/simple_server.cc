#include "http/simple_server.h"

#include <pthread.h>
#include <unistd.h>

#include <future>
#include <map>
#include <thread>

#include "base/check.h"
#include "base/thread_name.h"
#include "http/simple_client.h"
#include "io/socket.h"

namespace glassgate::http {
namespace {

constexpr std::string_view kBusy =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: "
    "close\r\n\r\n";

class RunningServer final : public SimpleServer, public SimpleService {
public:
    RunningServer(std::unique_ptr<io::Loop> event_loop, std::vector<Route> routes_of,
                  const Limits& limits_of)
        : owned_loop_(std::move(event_loop)) {
        loop = owned_loop_.get();
        routes = std::move(routes_of);
        limits = limits_of;
    }
    ~RunningServer() override;
    Status open(const std::string& address, uint16_t port);
    void run(const char* thread_name);

    [[nodiscard]] uint16_t port() const noexcept override { return port_; }
    void set_routes(std::vector<Route> replacement) override;
    void closed(SimpleClient* client) noexcept override { clients_.erase(client); }

private:
    static void on_accept(void* self, int fd, const sockaddr_storage& peer);
    bool end_longest_idle();
    void end_all();

    std::unique_ptr<io::Loop> owned_loop_;
    std::unique_ptr<io::Acceptor> acceptor_;
    uint16_t port_ = 0;
    std::map<SimpleClient*, std::unique_ptr<SimpleClient>> clients_;
    std::thread thread_;
};

Status RunningServer::open(const std::string& address, uint16_t port) {
    acceptor_ = TRY(io::Acceptor::listen(*loop, address, port, &on_accept, this, true,
                                         io::Acceptor::Port::exclusive));
    port_ = acceptor_->port();
    return {};
}

void RunningServer::run(const char* thread_name) {
    thread_ = std::thread([this, thread_name] {
        name_this_thread(thread_name);
        loop->run();
    });
}

RunningServer::~RunningServer() {
    if (!thread_.joinable()) return;
    loop->post([this] { end_all(); });
    loop->stop();
    thread_.join();
    GW_CHECK(clients_.empty());
}

void RunningServer::set_routes(std::vector<Route> replacement) {
    GW_CHECK(std::this_thread::get_id() != thread_.get_id());
    std::promise<void> done;
    loop->post([&] {
        routes = std::move(replacement);
        done.set_value();
    });
    done.get_future().get();
}

// Every wait of a connection is on its socket or its reply, so that each has ended when end() has
// ended both.
void RunningServer::end_all() {
    stopping = true;
    acceptor_.reset();
    while (!clients_.empty()) clients_.begin()->first->end();
}

bool RunningServer::end_longest_idle() {
    SimpleClient* longest = nullptr;
    for (const auto& [client, owned] : clients_)
        if (client->idle() &&
            (longest == nullptr || client->idle_since_ns() < longest->idle_since_ns()))
            longest = client;
    if (longest == nullptr) return false;
    longest->end();
    return true;
}

void RunningServer::on_accept(void* self, int fd, const sockaddr_storage& peer) {
    auto& server = *static_cast<RunningServer*>(self);
    if (server.clients_.size() >= server.limits.connections && !server.end_longest_idle()) {
        (void)!::send(fd, kBusy.data(), kBusy.size(), MSG_NOSIGNAL);
        ::close(fd);
        return;
    }
    auto socket = io::Socket::adopt(*server.loop, fd);
    if (!socket) return;
    auto owned = std::make_unique<SimpleClient>(server, std::move(*socket), peer);
    SimpleClient* const client = owned.get();
    server.clients_.emplace(client, std::move(owned));
    client->serve();
}

}  // namespace

Result<std::unique_ptr<SimpleServer>> SimpleServer::start(const std::string& address, uint16_t port,
                                                          std::vector<Route> routes,
                                                          const Limits& limits) {
    auto loop = TRY(io::Loop::create());
    auto server = std::make_unique<RunningServer>(std::move(loop), std::move(routes), limits);
    TRY_STATUS(server->open(address, port));
    server->run("admin");
    return server;
}

Result<std::unique_ptr<SimpleServer>> SimpleServer::start(const std::string& address, uint16_t port,
                                                          SimpleDispatcher& dispatcher,
                                                          const Limits& limits,
                                                          const char* thread_name) {
    auto loop = TRY(io::Loop::create());
    auto server = std::make_unique<RunningServer>(std::move(loop), std::vector<Route>{}, limits);
    server->dispatcher = &dispatcher;
    TRY_STATUS(server->open(address, port));
    server->run(thread_name);
    return server;
}

}  // namespace glassgate::http
