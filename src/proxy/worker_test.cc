// The data plane alone: a worker, a plan written by hand, a scripted upstream, a recorder that
// keeps what it gets.
#include "proxy/worker.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <thread>

#include "shared/breaker_board.h"
#include "shared/quota_ledger.h"

namespace glassgate::proxy {
namespace {

using model::Ending;

class KeepingRecorder final : public model::Recorder {
public:
    template <typename Use>
    auto with(Use&& use) {
        const std::lock_guard lock(mutex_);
        return use();
    }
    void plan_applied(std::shared_ptr<const model::PlanNames> names) override {
        names_.push_back(names);
    }
    void plan_retired(uint64_t generation) override {
        with([&] { retired.push_back(generation); });
    }
    void connection_opened(uint32_t) noexcept override {
        with([&] { ++connections_opened; });
    }
    void connection_closed(const model::Connection& c) noexcept override {
        with([&] { closed.push_back(c); });
    }
    void exchange_opened(uint32_t) noexcept override {
        with([&] { ++exchanges_opened; });
    }
    void exchange_closed(const model::Exchange& e) noexcept override {
        with([&] {
            exchanges.push_back(e);
            details.emplace_back(e.str(e.detail));
        });
    }
    void event(const model::Event& e) noexcept override {
        with([&] { events.push_back(e); });
    }
    void upstream_connections_changed(std::string_view, int delta) noexcept override {
        with([&] { upstream_connections += delta; });
    }

    std::vector<model::Exchange> exchanges;
    std::vector<std::string> details;
    std::vector<model::Connection> closed;
    std::vector<model::Event> events;
    std::vector<uint64_t> retired;
    int connections_opened = 0, exchanges_opened = 0, upstream_connections = 0;

private:
    std::mutex mutex_;
    std::vector<std::shared_ptr<const model::PlanNames>> names_;
};

// Waits for a condition, at most ten seconds.
bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

class Peer {
public:
    explicit Peer(int fd) : fd_(fd) {}
    Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    ~Peer() { close(); }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    void reset() {
        const linger now{1, 0};
        setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close();
    }
    void send(std::string_view text) const {
        while (!text.empty()) {
            const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (n <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    // Until `end` has been read, or the peer closes, or ten seconds are over.
    std::string read_until(std::string_view end) {
        while (seen_.find(end) == std::string::npos && read_some()) {
        }
        const std::size_t at = seen_.find(end);
        const std::size_t size = at == std::string::npos ? seen_.size() : at + end.size();
        std::string out = seen_.substr(0, size);
        seen_.erase(0, size);
        return out;
    }
    std::string read_to_end() {
        while (read_some()) {
        }
        return std::exchange(seen_, {});
    }

private:
    bool read_some() {
        pollfd wait{fd_, POLLIN, 0};
        if (poll(&wait, 1, 10'000) <= 0) return false;
        char bytes[65536];
        const ssize_t n = recv(fd_, bytes, sizeof bytes, 0);
        if (n <= 0) return false;
        seen_.append(bytes, static_cast<std::size_t>(n));
        return true;
    }
    int fd_;
    std::string seen_;
};

class ServerSocket {
public:
    ServerSocket() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address = loopback(0);
        bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
        listen(fd_, 16);
        socklen_t size = sizeof address;
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
        port = ntohs(address.sin_port);
    }
    ~ServerSocket() { ::close(fd_); }
    Peer accept() const {
        pollfd wait{fd_, POLLIN, 0};
        if (poll(&wait, 1, 10'000) <= 0) return Peer(-1);
        return Peer(::accept(fd_, nullptr, nullptr));
    }
    uint16_t port = 0;

private:
    int fd_;
};

class WorkerTest : public testing::Test {
protected:
    void SetUp() override {
        worker_ = std::move(*Worker::create(0, recorder_, {&quotas_, &breakers_}));
        worker_->start();
    }
    void TearDown() override {
        worker_.reset();
        // Everything that was opened has been closed, once.
        EXPECT_EQ(recorder_.exchanges_opened, static_cast<int>(recorder_.exchanges.size()));
        EXPECT_EQ(recorder_.connections_opened, static_cast<int>(recorder_.closed.size()));
        EXPECT_EQ(recorder_.upstream_connections, 0);
    }

    std::shared_ptr<Plan> make_plan(uint64_t generation = 1,
                                    const std::string& listener = "public") {
        auto plan = std::make_shared<Plan>();
        plan->generation = generation;
        plan->listeners.emplace_back();
        plan->listeners[0].name = listener;
        plan->listeners[0].address = "127.0.0.1";
        plan->listeners[0].port = 0;
        UpstreamPlan upstream;
        upstream.name = upstream.state_key = "origin";
        upstream.targets.push_back(
            {"127.0.0.1", origin_.port, 1, "127.0.0.1:" + std::to_string(origin_.port)});
        plan->upstreams.push_back(upstream);
        RoutePlan route;
        route.id = "all";
        route.paths = {"/*"};
        plan->routes.push_back(std::move(route));
        auto names = std::make_shared<model::PlanNames>();
        names->generation = generation;
        names->listeners.push_back({listener});
        names->routes.push_back({"all", "api", {"/*"}, kAllMethods, {}, 0});
        names->upstreams.push_back({"origin", {upstream.targets[0].label}});
        plan->names = names;
        plan->router = Router::compile(plan->routes);
        return plan;
    }
    void apply(const std::shared_ptr<const Plan>& plan) {
        const Status prepared = worker_->prepare(plan);
        ASSERT_TRUE(prepared.has_value());
        worker_->commit();
    }
    Peer connect(const std::string& listener = "public") const {
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address = loopback(worker_->port(listener));
        EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        return Peer(fd);
    }
    model::Exchange only_exchange() {
        EXPECT_TRUE(eventually(
            [&] { return recorder_.with([&] { return !recorder_.exchanges.empty(); }); }));
        return recorder_.with([&] {
            EXPECT_EQ(recorder_.exchanges.size(), 1u);
            return recorder_.exchanges.at(0);
        });
    }

    KeepingRecorder recorder_;
    shared::QuotaLedger quotas_;
    shared::BreakerBoard breakers_;
    ServerSocket origin_;
    std::unique_ptr<Worker> worker_;
};

TEST_F(WorkerTest, ForwardsAndRecords) {
    apply(make_plan());
    Peer client = connect();
    client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    Peer origin = origin_.accept();
    const std::string request = origin.read_until("\r\n\r\n");
    EXPECT_TRUE(request.starts_with("GET /a HTTP/1.1\r\n")) << request;
    EXPECT_NE(request.find("X-Forwarded-For: 127.0.0.1\r\n"), std::string::npos) << request;
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    const std::string response = client.read_until("hi");
    EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n")) << response;
    const model::Exchange e = only_exchange();
    EXPECT_EQ(e.ending, Ending::completed);
    EXPECT_EQ(e.status, 200);
    EXPECT_EQ(e.response_bytes, 2u);
    EXPECT_EQ(e.attempts.size(), 1u);
    EXPECT_LE(e.opened_ns, e.closed_ns);
}

TEST_F(WorkerTest, AnEarlyAnswerStopsAnUploadThatIsStuck) {
    apply(make_plan());
    Peer client = connect();
    // More than all socket buffers hold, so that the pump waits in a write when the answer comes.
    const std::size_t size = 64u << 20;
    client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) +
                "\r\n\r\n");
    std::thread upload([&] { client.send(std::string(size, 'x')); });
    Peer origin = origin_.accept();
    (void)origin.read_until("\r\n\r\n");
    origin.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    const model::Exchange e = only_exchange();
    upload.join();
    EXPECT_EQ(e.ending, Ending::completed);
    EXPECT_EQ(e.status, 413);
}

TEST_F(WorkerTest, AClientThatLeavesIsA499) {
    apply(make_plan());
    Peer client = connect();
    client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    Peer origin = origin_.accept();
    (void)origin.read_until("\r\n\r\n");
    client.close();
    const model::Exchange e = only_exchange();
    EXPECT_EQ(e.ending, Ending::client_abort);
    EXPECT_EQ(e.status, 499);
    EXPECT_EQ(e.origin, model::Origin::client);
}

TEST_F(WorkerTest, ABrokenResponseIsNotPassedOffAsWhole) {
    apply(make_plan());
    Peer client = connect();
    client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    Peer origin = origin_.accept();
    (void)origin.read_until("\r\n\r\n");
    origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    (void)client.read_until("hello");
    origin.close();
    const std::string rest = client.read_to_end();
    EXPECT_EQ(rest.find("0\r\n"), std::string::npos) << rest;
    const model::Exchange e = only_exchange();
    EXPECT_EQ(e.ending, Ending::upstream_body_reset);
    EXPECT_TRUE(e.failed());
}

TEST_F(WorkerTest, AReusedConnectionThatWasClosedIsRetried) {
    apply(make_plan());
    Peer client = connect();
    client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    Peer first = origin_.accept();
    (void)first.read_until("\r\n\r\n");
    first.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    (void)client.read_until("hi");
    std::thread race(
        [&] { client.send("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"); });
    (void)first.read_until("\r\n\r\n");  // the second request arrives and is dropped
    first.reset();
    Peer second = origin_.accept();
    race.join();
    EXPECT_TRUE(second.read_until("\r\n\r\n").starts_with("POST /b"));
    second.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes");
    EXPECT_TRUE(client.read_until("yes").ends_with("yes"));
    ASSERT_TRUE(eventually(
        [&] { return recorder_.with([&] { return recorder_.exchanges.size() == 2; }); }));
    const model::Exchange e = recorder_.exchanges.at(1);
    EXPECT_EQ(e.attempt_count, 2u);
    EXPECT_EQ(e.attempts[0].result, model::AttemptResult::reset);
    EXPECT_TRUE(e.attempts[0].reused);
}

TEST_F(WorkerTest, CutOffEndsEveryWait) {
    apply(make_plan());
    Peer waiting = connect();  // for the response head
    waiting.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    Peer origin = origin_.accept();
    (void)origin.read_until("\r\n\r\n");
    Peer half = connect();  // in the middle of a head
    half.send("GET /a HT");
    Peer idle = connect();
    ASSERT_TRUE(eventually(
        [&] { return recorder_.with([&] { return recorder_.exchanges_opened == 2; }); }));
    worker_->stop();
    EXPECT_TRUE(waiting.read_to_end().starts_with("HTTP/1.1 503 "));
    EXPECT_TRUE(worker_->drained());
    ASSERT_EQ(recorder_.exchanges.size(), 2u);
    for (const model::Exchange& e : recorder_.exchanges) EXPECT_EQ(e.ending, Ending::shutdown);
}

TEST_F(WorkerTest, AReloadKeepsConnectionsAndARemovedListenerEndsThem) {
    apply(make_plan(1));
    const uint16_t port = worker_->port("public");
    Peer client = connect();
    client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    Peer origin = origin_.accept();
    (void)origin.read_until("\r\n\r\n");
    apply(make_plan(2));  // in the middle of an exchange
    EXPECT_EQ(worker_->port("public"), port);
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    (void)client.read_until("hi");
    ASSERT_TRUE(
        eventually([&] { return recorder_.with([&] { return recorder_.retired.size() == 1; }); }));
    client.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n");  // the same connections, both sides
    EXPECT_TRUE(origin.read_until("\r\n\r\n").starts_with("GET /b"));
    apply(make_plan(3, "other"));
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    const std::string last = client.read_to_end();
    EXPECT_NE(last.find("Connection: close\r\n"), std::string::npos) << last;
    EXPECT_TRUE(last.ends_with("hi"));
}

TEST_F(WorkerTest, AnUpgradeToAnotherHttpIsNotForwarded) {
    apply(make_plan());
    Peer client = connect();
    client.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    Peer origin = origin_.accept();
    const std::string request = origin.read_until("\r\n\r\n");
    EXPECT_EQ(request.find("Upgrade:"), std::string::npos) << request;
    origin.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 502 "));
    EXPECT_EQ(only_exchange().ending, Ending::upstream_malformed);
}

TEST_F(WorkerTest, TheLastHopAnswersOptionsItself) {
    apply(make_plan());
    Peer client = connect();
    client.send("OPTIONS /a HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n");
    const std::string options = client.read_until("\r\n\r\n");
    EXPECT_TRUE(options.starts_with("HTTP/1.1 204 ")) << options;
    EXPECT_NE(options.find("Allow: GET, "), std::string::npos) << options;
    client.send("TRACE /a HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n");
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 405 "));
    ASSERT_TRUE(eventually(
        [&] { return recorder_.with([&] { return recorder_.exchanges.size() == 2; }); }));
    EXPECT_EQ(recorder_.exchanges.at(0).origin, model::Origin::gateway);
    EXPECT_EQ(recorder_.exchanges.at(0).attempt_count, 0u);
}

TEST_F(WorkerTest, ATunnelCarriesBothWays) {
    apply(make_plan());
    Peer client = connect();
    client.send("GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    Peer origin = origin_.accept();
    (void)origin.read_until("\r\n\r\n");
    origin.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
        "websocket\r\n\r\nserver first");
    EXPECT_TRUE(client.read_until("server first").starts_with("HTTP/1.1 101 "));
    client.send("ping");
    EXPECT_EQ(origin.read_until("ping"), "ping");
    origin.send("pong");
    EXPECT_EQ(client.read_until("pong"), "pong");
    origin.close();
    EXPECT_EQ(client.read_to_end(), "");
    const model::Exchange e = only_exchange();
    EXPECT_EQ(e.ending, Ending::upgraded);
    EXPECT_EQ(e.stream, model::StreamKind::websocket);
    EXPECT_EQ(e.request_bytes, 4u);
}

}  // namespace
}  // namespace glassgate::proxy
