#include "proxy/health_check.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "http/simple_server.h"

namespace glassgate::proxy {
namespace {

HealthCheckPlan fast_plan() {
    HealthCheckPlan plan;
    plan.path = "/health";
    plan.interval_ms = 10;
    plan.timeout_ms = 100;
    plan.healthy_threshold = 2;
    plan.unhealthy_threshold = 3;
    return plan;
}

TEST(HealthVerdict, ChangesOnlyAfterTheThresholdInARow) {
    const HealthCheckPlan plan = fast_plan();
    HealthVerdict verdict;
    EXPECT_TRUE(verdict.healthy());
    EXPECT_FALSE(verdict.count(false, plan));
    EXPECT_FALSE(verdict.count(false, plan));
    EXPECT_FALSE(verdict.count(true, plan));  // breaks the run
    EXPECT_FALSE(verdict.count(false, plan));
    EXPECT_FALSE(verdict.count(false, plan));
    EXPECT_TRUE(verdict.count(false, plan));
    EXPECT_FALSE(verdict.healthy());
    EXPECT_FALSE(verdict.count(false, plan));
    EXPECT_FALSE(verdict.count(true, plan));
    EXPECT_TRUE(verdict.count(true, plan));
    EXPECT_TRUE(verdict.healthy());
}

TEST(HealthCheck, JudgesTheStatusRange) {
    HealthCheckPlan plan = fast_plan();
    plan.expect_min = 200;
    plan.expect_max = 399;
    EXPECT_TRUE(judge_status(200, plan).passed);
    EXPECT_TRUE(judge_status(399, plan).passed);
    EXPECT_FALSE(judge_status(199, plan).passed);
    EXPECT_EQ(judge_status(503, plan).reason, "status 503");
}

// A target that says what it is told to.
class Target {
public:
    Target() {
        std::vector<http::SimpleServer::Route> routes;
        routes.push_back(
            {Method::get, "/health",
             [this](const http::SimpleRequest& request, http::SimpleResponse& response) {
                 const std::lock_guard lock(mutex_);
                 host_ = http::find(request.head.headers, http::KnownHeader::host);
                 ++asked_;
                 response.status = status;
             }});
        server_ = std::move(*http::SimpleServer::start("127.0.0.1", 0, std::move(routes), {}));
    }
    [[nodiscard]] sockaddr_storage address() const {
        sockaddr_storage address;
        (void)io::parse_address("127.0.0.1", server_->port(), address);
        return address;
    }
    [[nodiscard]] std::string host() {
        const std::lock_guard lock(mutex_);
        return host_;
    }
    [[nodiscard]] int asked() {
        const std::lock_guard lock(mutex_);
        return asked_;
    }
    std::atomic<uint16_t> status{200};

private:
    std::mutex mutex_;
    std::string host_;  // guarded by mutex_
    int asked_ = 0;     // guarded by mutex_
    std::unique_ptr<http::SimpleServer> server_;
};

// A port where nothing is accepted into an answer: what is sent there gets `greeting` and no more.
class MuteTarget {
public:
    explicit MuteTarget(std::string greeting = {})
        : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        (void)io::parse_address("127.0.0.1", 0, address_);
        socklen_t size = io::address_size(address_);
        (void)!::bind(fd_, reinterpret_cast<sockaddr*>(&address_), size);
        (void)!::listen(fd_, 64);
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &size);
        thread_ = std::thread([this, greeting = std::move(greeting)] {
            std::vector<int> held;
            int fd = -1;
            while ((fd = ::accept(fd_, nullptr, nullptr)) >= 0) {
                (void)!::send(fd, greeting.data(), greeting.size(), MSG_NOSIGNAL);
                held.push_back(fd);
            }
            for (const int one : held) ::close(one);
        });
    }
    ~MuteTarget() {
        ::shutdown(fd_, SHUT_RDWR);
        thread_.join();
        ::close(fd_);
    }
    [[nodiscard]] sockaddr_storage address() const { return address_; }

private:
    int fd_;
    sockaddr_storage address_;
    std::thread thread_;
};

class HealthCheckTest : public ::testing::Test {
protected:
    void SetUp() override {
        loop_ = std::move(*io::Loop::create());
        env_ = std::make_unique<HealthEnv>(*loop_);
    }
    static HealthTarget target_of(const HealthCheckPlan& plan) {
        HealthTarget target;
        target.plan = plan;
        target.label = "target:80";
        return target;
    }
    void start(std::vector<sockaddr_storage> addresses, const HealthCheckPlan& plan = fast_plan()) {
        addresses_ = std::move(addresses);
        check_ = std::make_unique<HealthCheck>(
            *env_, random_, target_of(plan), HealthVerdict{}, [this] { return addresses_; },
            [this](bool healthy, const std::string& reason) {
                changes_.emplace_back(healthy, reason);
                loop_->stop();
            });
    }
    // Runs until the verdict changes; fails after ten seconds.
    std::pair<bool, std::string> next_change() {
        const std::size_t before = changes_.size();
        run_for(10'000);
        EXPECT_GT(changes_.size(), before);
        return changes_.size() > before ? changes_.back() : std::pair<bool, std::string>{};
    }
    void run_for(uint64_t ms) {
        io::Timer patience([](void* loop) { static_cast<io::Loop*>(loop)->stop(); }, loop_.get());
        loop_->timers().arm(patience, loop_->refresh_now() + ms * kNsPerMs);
        loop_->run();
    }

    std::unique_ptr<io::Loop> loop_;
    std::unique_ptr<HealthEnv> env_;
    Random random_{1};
    std::vector<sockaddr_storage> addresses_;
    std::vector<std::pair<bool, std::string>> changes_;
    std::unique_ptr<HealthCheck> check_;
};

TEST_F(HealthCheckTest, FollowsATargetDownAndUp) {
    Target target;
    start({target.address()});
    target.status = 503;
    EXPECT_EQ(next_change(), (std::pair<bool, std::string>{false, "status 503"}));
    EXPECT_GE(target.asked(), 3);
    EXPECT_EQ(target.host(), "target:80");
    EXPECT_FALSE(check_->verdict().healthy());
    target.status = 204;
    EXPECT_TRUE(next_change().first);
}

TEST_F(HealthCheckTest, AHealthyTargetChangesNothing) {
    Target target;
    start({target.address()});
    while (target.asked() < 10) run_for(10);
    EXPECT_TRUE(changes_.empty());
}

TEST_F(HealthCheckTest, SaysWhyATargetFails) {
    sockaddr_storage nobody;
    {
        const MuteTarget gone;
        nobody = gone.address();
    }
    start({nobody});
    EXPECT_EQ(next_change().second, "connect: Connection refused");
    const MuteTarget mute;
    start({mute.address()});
    EXPECT_EQ(next_change().second, "timeout");
    const MuteTarget slow("HTTP/1.1 200 OK\r\nX: ");
    start({slow.address()});
    EXPECT_EQ(next_change().second, "timeout");
    const MuteTarget garbage("220 mail.example ESMTP\r\n\r\n");
    start({garbage.address()});
    EXPECT_TRUE(next_change().second.starts_with("malformed answer: ")) << changes_.back().second;
    const MuteTarget endless("HTTP/1.1 200 OK\r\nX: " + std::string(40'000, 'x'));
    start({endless.address()});
    EXPECT_TRUE(next_change().second.starts_with("malformed answer: ")) << changes_.back().second;
}

TEST_F(HealthCheckTest, SkipsInterimAnswers) {
    HealthCheckPlan plan = fast_plan();
    plan.unhealthy_threshold = 1;
    const MuteTarget early(
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 500 Oops\r\nContent-Length: "
        "0\r\n\r\n");
    start({early.address()}, plan);
    EXPECT_EQ(next_change().second, "status 500");
}

TEST_F(HealthCheckTest, NoAddressIsNoVerdictAndIsLookedForAgain) {
    Target target;
    target.status = 500;
    HealthCheckPlan plan = fast_plan();
    plan.interval_ms = 1000;
    plan.unhealthy_threshold = 1;
    start({}, plan);
    run_for(150);
    EXPECT_TRUE(changes_.empty());
    addresses_ = {target.address()};
    const uint64_t since = mono_now_ns();
    EXPECT_FALSE(next_change().first);
    EXPECT_LT(mono_now_ns() - since, 900 * kNsPerMs);
}

TEST_F(HealthCheckTest, AsksEachAddressInTurn) {
    Target one, other;
    start({one.address(), other.address()});
    while (one.asked() < 3 || other.asked() < 3) run_for(10);
    EXPECT_NEAR(one.asked(), other.asked(), 1);
}

TEST_F(HealthCheckTest, MayEndInTheMiddleOfACheck) {
    HealthCheckPlan plan = fast_plan();
    plan.timeout_ms = 60'000;
    const MuteTarget mute;
    start({mute.address()}, plan);
    run_for(50);
    check_.reset();
    run_for(20);
    EXPECT_TRUE(changes_.empty());
}

}  // namespace
}  // namespace glassgate::proxy
