#include "policy/jwt/jwks.h"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <thread>

#include "base/clock.h"
#include "http/simple_server.h"

namespace glassgate::policy::jwt {
namespace {

std::string set_with(const std::string& id) {
    return R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":")" + id +
           R"(","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";
}

class JwksTest : public testing::Test {
protected:
    JwksTest() {
        const auto handler = [this](const http::SimpleRequest&, http::SimpleResponse& response) {
            const std::lock_guard lock(mutex_);
            ++served_;
            response.status = status_;
            response.body = body_;
        };
        server_ = std::move(*http::SimpleServer::start(
            "127.0.0.1", 0, {{Method::get, "/jwks", handler}}, http::SimpleServer::Limits{}));
    }
    void serve(std::string body, uint16_t status = 200) {
        const std::lock_guard lock(mutex_);
        body_ = std::move(body);
        status_ = status;
    }
    int served() {
        const std::lock_guard lock(mutex_);
        return served_;
    }
    JwksSettings settings() const {
        JwksSettings s;
        s.url = "http://127.0.0.1:" + std::to_string(server_->port()) + "/jwks";
        s.min_gap_ms = 0;
        return s;
    }
    static std::string id_in(const JwksSource& source) {
        const Keys keys = source.keys();
        return keys == nullptr ? "none" : keys->front().id;
    }
    template <typename Condition>
    static bool until(Condition&& condition) {
        const uint64_t end = mono_now_ns() + 15 * kNsPerSecond;
        while (!condition()) {
            if (mono_now_ns() > end) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return true;
    }
    // Asks until another fetch has ended.
    void refetch(JwksSource& source) {
        const int before = served();
        EXPECT_TRUE(until([&] { return source.ask() && served() > before; }));
    }

    std::mutex mutex_;
    std::string body_ = set_with("a");
    uint16_t status_ = 200;
    int served_ = 0;
    std::unique_ptr<http::SimpleServer> server_;
    JwksKeeper keeper_;
};

TEST_F(JwksTest, FetchesAndFollowsARotation) {
    const auto source = keeper_.source(settings());
    EXPECT_EQ(keeper_.source(settings()), source);  // equal settings share one
    ASSERT_TRUE(until([&] { return source->version() == 1; }));
    EXPECT_EQ(id_in(*source), "a");
    refetch(*source);  // the same: nothing changes
    refetch(*source);
    EXPECT_EQ(source->version(), 1u);
    serve(set_with("b"));
    ASSERT_TRUE(until([&] { return source->ask() && source->version() == 2; }));
    EXPECT_EQ(id_in(*source), "b");
}

TEST_F(JwksTest, KeepsWhatItHasWhenTheServerFails) {
    const auto source = keeper_.source(settings());
    ASSERT_TRUE(until([&] { return source->version() == 1; }));
    for (const char* const garbage : {"<html>", "{\"keys\":[]}", ""}) {
        serve(garbage);
        refetch(*source);
        EXPECT_EQ(id_in(*source), "a");
    }
    serve(set_with("b"), 500);
    refetch(*source);
    serve(std::string(2 * 1024 * 1024, ' ') + set_with("b"));
    refetch(*source);
    EXPECT_EQ(id_in(*source), "a");
    server_.reset();
    EXPECT_TRUE(source->ask());
    EXPECT_EQ(id_in(*source), "a");
    EXPECT_EQ(source->version(), 1u);
}

TEST_F(JwksTest, AsksNoMoreOftenThanTheGap) {
    JwksSettings rare = settings();
    rare.min_gap_ms = 3'600'000;
    const auto source = keeper_.source(rare);
    ASSERT_TRUE(until([&] { return source->version() == 1; }));
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(source->ask());
    EXPECT_EQ(served(), 1);
}

TEST_F(JwksTest, TellsListenersOnTheirLoop) {
    auto loop = std::move(*io::Loop::create());
    const auto bell = std::make_shared<Doorbell>(*loop);
    serve("garbage");
    const auto source = keeper_.source(settings());
    std::vector<std::string> news;  // the loop thread's
    source->listen(bell, [&](const JwksSource::News& n) {
        if (!n.announce) return;
        if (n.now_failing) {
            news.push_back("failing: " + n.error);
            serve(set_with("a"));
            (void)source->ask();
        } else if (n.recovered) {
            news.push_back("recovered with " + std::to_string(n.keys));
            loop->stop();
        }
    });
    (void)source->ask();  // the first fetch may have been over before anybody listened
    std::thread thread([&] { loop->run(); });
    thread.join();
    source->forget(bell.get());
    bell->close();
    ASSERT_FALSE(news.empty());
    EXPECT_EQ(news.back(), "recovered with 1");
    bell->ring([] { FAIL() << "rung after it was closed"; });
}

TEST_F(JwksTest, EndsWhileAFetchHangs) {
    // A server that takes the connection and says nothing.
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(fd, 8), 0);
    socklen_t size = sizeof address;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    JwksSettings hanging;
    hanging.url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
    const uint64_t began = mono_now_ns();
    {
        JwksKeeper keeper;
        const auto stuck = keeper.source(hanging);
        // It holds up nobody else.
        const auto other = keeper.source(settings());
        EXPECT_TRUE(until([&] { return other->version() == 1; }));
        EXPECT_EQ(stuck->version(), 0u);
    }
    EXPECT_LT(mono_now_ns() - began, 9 * kNsPerSecond);
    ::close(fd);
}

}  // namespace
}  // namespace glassgate::policy::jwt
