#include <sys/resource.h>

#include <vector>

#include "io/test_sockets.h"

namespace glassgate::io {
namespace {

class AcceptorTest : public SocketFixture {
public:  // for the lambdas of the tests
    void TearDown() override {
        for (const int fd : accepted_) ::close(fd);
    }
    Result<std::unique_ptr<Acceptor>> listen(uint16_t port = 0, bool started = true,
                                             Acceptor::Port sharing = Acceptor::Port::shared) {
        return Acceptor::listen(*loop_, "127.0.0.1", port, &AcceptorTest::on_accept, this, started,
                                sharing);
    }
    static void on_accept(void* self, int fd, const sockaddr_storage& peer) {
        auto* test = static_cast<AcceptorTest*>(self);
        test->accepted_.push_back(fd);
        test->last_peer_ = peer;
        if (test->accepted_.size() == test->expected_) test->loop_->stop();
    }
    // Blocking; the kernel completes it without accept.
    static Plain connect_to(uint16_t port) {
        sockaddr_storage to;
        (void)parse_address("127.0.0.1", port, to);
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), address_size(to)), 0);
        return Plain(fd);
    }
    void run_for(uint64_t ms) {
        Timer patience([](void* loop) { static_cast<Loop*>(loop)->stop(); }, loop_.get());
        loop_->timers().arm(patience, in_ms(ms));
        loop_->run();
    }

    std::vector<int> accepted_;
    std::size_t expected_ = 0;
    sockaddr_storage last_peer_{};
};

TEST_F(AcceptorTest, AcceptsABurst) {
    auto acceptor = std::move(*listen());
    constexpr std::size_t kBurst = 500;  // several turns' worth
    std::vector<Plain> clients;
    for (std::size_t i = 0; i < kBurst; ++i) clients.push_back(connect_to(acceptor->port()));
    expected_ = kBurst;
    run_for(10'000);
    EXPECT_EQ(accepted_.size(), kBurst);
    char text[48];
    uint16_t port = 0;
    format_address(last_peer_, text, port);
    EXPECT_STREQ(text, "127.0.0.1");
    EXPECT_NE(port, 0);
    EXPECT_NE(fcntl(accepted_[0], F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(AcceptorTest, LetsConnectionsWaitUntilStarted) {
    auto acceptor = std::move(*listen(0, false));
    const Plain client = connect_to(acceptor->port());
    run_for(30);
    EXPECT_TRUE(accepted_.empty());
    expected_ = 1;
    acceptor->start();
    run_for(10'000);
    EXPECT_EQ(accepted_.size(), 1u);
}

TEST_F(AcceptorTest, AcceptsAllThatWaitsBeforeItGoes) {
    auto acceptor = std::move(*listen());
    std::vector<Plain> clients;
    for (int i = 0; i < 100; ++i) clients.push_back(connect_to(acceptor->port()));
    acceptor->accept_all();
    acceptor.reset();
    EXPECT_EQ(accepted_.size(), 100u);
}

TEST_F(AcceptorTest, SharesAPortOrDoesNot) {
    const auto shared = std::move(*listen());
    EXPECT_TRUE(listen(shared->port()));
    EXPECT_FALSE(listen(shared->port(), true, Acceptor::Port::exclusive));
    const auto exclusive = std::move(*listen(0, true, Acceptor::Port::exclusive));
    const auto second = listen(exclusive->port());
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find(std::to_string(exclusive->port())), std::string::npos);
    EXPECT_NE(second.error().message.find("in use"), std::string::npos) << second.error().message;
}

TEST_F(AcceptorTest, RefusesAddressesThatAreNotNumeric) {
    const auto named = Acceptor::listen(*loop_, "localhost", 0, &AcceptorTest::on_accept, this);
    ASSERT_FALSE(named);
    EXPECT_NE(named.error().message.find("not a numeric address"), std::string::npos);
}

#ifndef __SANITIZE_ADDRESS__  // the sanitizers themselves need descriptors
// Without descriptors it must neither spin nor forget: it looks again after a while.
TEST_F(AcceptorTest, ComesBackWhenThereAreDescriptorsAgain) {
    auto acceptor = std::move(*listen());
    const Plain client = connect_to(acceptor->port());
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none{3, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    rusage began{}, ended{};
    getrusage(RUSAGE_THREAD, &began);
    run_for(200);
    getrusage(RUSAGE_THREAD, &ended);
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_TRUE(accepted_.empty());
    const auto cpu_us = [](const rusage& r) {
        return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1'000'000 + r.ru_utime.tv_usec +
               r.ru_stime.tv_usec;
    };
    EXPECT_LT(cpu_us(ended) - cpu_us(began), 100'000);
    expected_ = 1;
    run_for(10'000);
    EXPECT_EQ(accepted_.size(), 1u);
}
#endif

}  // namespace
}  // namespace glassgate::io
