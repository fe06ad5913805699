#include "console/server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <future>
#include <thread>

#include "console/event_stream.h"
#include "console/test_client.h"
#include "http/base64.h"

namespace glassgate::console {
namespace {

using namespace std::chrono_literals;

// A condition that becomes true within ten seconds.
template <typename Condition>
bool soon(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

Route route(Method method, std::string pattern, Handler handler, Weight weight = Weight::light) {
    Route made;
    made.method = method;
    made.pattern = std::move(pattern);
    made.handler = std::move(handler);
    made.weight = weight;
    return made;
}

class ConsoleServer : public ::testing::Test {
protected:
    void start(std::vector<Route> routes) {
        routes.push_back(route(
            Method::get, "/healthz", [](const Request&, Response& r) { r.text(200, "ok"); },
            Weight::quick));
        routes.back().role = Role::anyone;
        routes.push_back(route(Method::get, "/echo/{name}", [](const Request& q, Response& r) {
            r.text(200, std::string(q.captured["name"]) + "," + std::string(q.parameters["a"]) +
                            "," + q.user);
        }));
        settings_.port = 0;
        auto started = Server::start(settings_, std::move(routes), limits_);
        ASSERT_TRUE(started) << started.error().message;
        server_ = std::move(*started);
    }
    // Handlers wait here until the test lets them go.
    void gate(const Request& request) {
        std::unique_lock lock(mutex_);
        ++waiting_;
        changed_.notify_all();
        while (!open_ && !request.cancelled->load()) changed_.wait_for(lock, 1ms);
        --waiting_;
    }
    void open_gate() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    int waiting() {
        const std::lock_guard lock(mutex_);
        return waiting_;
    }

    config::ConsoleSettings settings_;
    ServerLimits limits_;
    std::mutex mutex_;
    std::condition_variable changed_;
    int waiting_ = 0;
    bool open_ = false;
    std::unique_ptr<Server> server_;
};

TEST_F(ConsoleServer, RoutesAndDecodes) {
    start({});
    TestClient client(server_->port());
    EXPECT_EQ(body_of(client.get("/echo/x%20y?a=1%2B1&b=2")), "x y,1+1,\n");
    EXPECT_TRUE(client.get("/nothing").starts_with("HTTP/1.1 404 "));
    const std::string not_allowed = client.ask("DELETE", "/healthz", "", "");
    EXPECT_TRUE(not_allowed.starts_with("HTTP/1.1 405 "));
    EXPECT_NE(not_allowed.find("Allow: GET, HEAD\r\n"), std::string::npos);
    const std::string head = client.ask("HEAD", "/healthz", "", "");
    EXPECT_NE(head.find("Content-Length: 3\r\n"), std::string::npos);
    EXPECT_EQ(body_of(client.get("/healthz")), "ok\n");
    EXPECT_TRUE(soon([&] { return server_->numbers().requests_by_class[4] == 2; }));
}

TEST_F(ConsoleServer, FormsInTheBodyComeFirst) {
    start({route(Method::post, "/form", [](const Request& q, Response& r) {
        r.text(200, std::string(q.parameters["a"]) + std::to_string(q.parameters.all("a").size()));
    })});
    TestClient client(server_->port());
    EXPECT_EQ(body_of(client.ask(
                  "POST", "/form?a=query",
                  "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n", "a=body")),
              "body2\n");
    EXPECT_EQ(
        body_of(client.ask("POST", "/form?a=query", "Content-Type: text/plain\r\n", "a=body")),
        "query1\n");
}

TEST_F(ConsoleServer, AHeavyHandlerBlocksNeitherOthersNorTheHealthCheck) {
    limits_.threads = 3;
    start({route(
        Method::get, "/slow",
        [this](const Request& q, Response& r) {
            gate(q);
            r.text(200, "slow");
        },
        Weight::heavy)});
    std::vector<std::unique_ptr<TestClient>> slow;
    for (int i = 0; i < 5; ++i) {
        slow.push_back(std::make_unique<TestClient>(server_->port()));
        slow.back()->send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    ASSERT_TRUE(soon([&] { return waiting() == 2; }));
    TestClient client(server_->port());
    EXPECT_EQ(body_of(client.get("/healthz")), "ok\n");
    EXPECT_EQ(body_of(client.get("/echo/a")), "a,,\n");
    EXPECT_EQ(waiting(), 2);
    open_gate();
    for (const auto& s : slow) EXPECT_EQ(body_of(s->receive()), "slow\n");
}

TEST_F(ConsoleServer, CancelsWhatNobodyWaitsForAnyMore) {
    start({route(
        Method::get, "/slow", [this](const Request& q, Response&) { gate(q); }, Weight::heavy)});
    TestClient client(server_->port());
    client.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ASSERT_TRUE(soon([&] { return waiting() == 1; }));
    client.close();
    EXPECT_TRUE(soon([&] { return waiting() == 0; }));
}

TEST_F(ConsoleServer, StopsWithRequestsUnderWay) {
    start({route(
        Method::get, "/slow", [this](const Request& q, Response&) { gate(q); }, Weight::heavy)});
    TestClient client(server_->port());
    client.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ASSERT_TRUE(soon([&] { return waiting() == 1; }));
    server_.reset();
    EXPECT_TRUE(client.ended());
}

TEST_F(ConsoleServer, RefusesMoreThanCanWait) {
    limits_.threads = 2;
    limits_.queue_max = 1;
    start({route(
        Method::get, "/slow",
        [this](const Request& q, Response& r) {
            gate(q);
            r.text(200, "slow");
        },
        Weight::heavy)});
    TestClient first(server_->port()), second(server_->port()), third(server_->port());
    first.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ASSERT_TRUE(soon([&] { return waiting() == 1; }));
    second.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    third.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ASSERT_TRUE(soon([&] { return server_->numbers().overloaded == 1; }));
    open_gate();
    EXPECT_EQ(body_of(first.receive()), "slow\n");
    std::vector<std::string> both = {second.receive().substr(0, 12), third.receive().substr(0, 12)};
    std::sort(both.begin(), both.end());
    EXPECT_EQ(both, (std::vector<std::string>{"HTTP/1.1 200", "HTTP/1.1 503"}));
}

TEST_F(ConsoleServer, StreamsEvents) {
    EventFeed feed;
    limits_.stream.heartbeat_ms = 20;
    start({route(Method::get, "/events", [&](const Request&, Response& r) {
        r.events = std::make_shared<EventStream>();
        (void)r.events->send("hello", "first\nline", "1");
        feed.add(r.events);
    })});
    TestClient client(server_->port());
    client.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string head = client.receive_until("\r\n\r\n");
    EXPECT_NE(head.find("Content-Type: text/event-stream\r\n"), std::string::npos) << head;
    const std::string first = client.receive_until("\n\n");
    EXPECT_NE(first.find("id: 1\nevent: hello\ndata: first\ndata: line\n\n"), std::string::npos);
    ASSERT_FALSE(client.receive_until(": \n\n").empty());  // a heartbeat
    ASSERT_TRUE(soon([&] { return feed.size() == 1; }));
    feed.send("", "second");
    EXPECT_FALSE(client.receive_until("data: second\n\n").empty());
    EXPECT_EQ(server_->numbers().streams, 1u);
    client.close();
    EXPECT_TRUE(soon([&] {
        feed.send("", "third");
        return feed.empty() && server_->numbers().streams == 0;
    }));
    EXPECT_EQ(server_->numbers().streams_dropped, 0u);
}

TEST_F(ConsoleServer, AStreamThatEndsLeavesTheConnectionUsable) {
    start({route(Method::get, "/events", [&](const Request&, Response& r) {
        r.events = std::make_shared<EventStream>();
        (void)r.events->send("", "all");
        r.events->end();
    })});
    TestClient client(server_->port());
    client.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_FALSE(client.receive_until("data: all\n\n\r\n0\r\n\r\n").empty());
    EXPECT_EQ(body_of(client.get("/healthz")), "ok\n");
    // HTTP/1.0 has no chunks: until the end of the connection.
    TestClient old(server_->port());
    old.send("GET /events HTTP/1.0\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(old.receive_until("\r\n\r\n").find("chunked"), std::string::npos);
    EXPECT_EQ(old.receive_until("data: all\n\n"), "data: all\n\n");
    EXPECT_TRUE(old.ended());
}

TEST_F(ConsoleServer, DropsAndCountsAClientThatDoesNotRead) {
    EventFeed feed;
    limits_.stream.pending_bytes = 64 * 1024;
    start({route(Method::get, "/events", [&](const Request&, Response& r) {
        r.events = std::make_shared<EventStream>();
        feed.add(r.events);
    })});
    TestClient client(server_->port());
    client.shrink_window();
    client.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ASSERT_TRUE(soon([&] { return feed.size() == 1 && server_->numbers().streams == 1; }));
    const std::string data(16 * 1024, 'x');
    EXPECT_TRUE(soon([&] {
        feed.send("", data);
        return feed.empty();
    }));
    EXPECT_TRUE(soon([&] { return server_->numbers().streams == 0; }));
    EXPECT_EQ(server_->numbers().streams_dropped, 1u);
}

TEST_F(ConsoleServer, BoundsStreams) {
    limits_.streams_max = 1;
    start({route(Method::get, "/events", [&](const Request&, Response& r) {
        r.events = std::make_shared<EventStream>();
    })});
    TestClient first(server_->port()), second(server_->port());
    first.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_FALSE(first.receive_until("\r\n\r\n").empty());
    EXPECT_TRUE(second.get("/events").starts_with("HTTP/1.1 503 "));
}

TEST_F(ConsoleServer, BoundsBodiesByRoute) {
    Route large = route(Method::post, "/large", [](const Request& q, Response& r) {
        r.text(200, std::to_string(q.body.size()));
    });
    large.body_bytes = 3u << 20;
    start({std::move(large), route(Method::post, "/small", [](const Request&, Response&) {})});
    TestClient client(server_->port());
    const std::string body(2u << 20, 'b');
    EXPECT_EQ(body_of(client.ask("POST", "/large", "", body)), "2097152\n");
    EXPECT_TRUE(client.ask("POST", "/small", "", body).starts_with("HTTP/1.1 413 "));
}

TEST_F(ConsoleServer, CrossOriginAsPrometheus) {
    Route api =
        route(Method::get, "/api/v1/query", [](const Request&, Response& r) { r.json("{}"); });
    api.cors = true;
    start({std::move(api), route(Method::post, "/api/act", [](const Request&, Response&) {})});
    TestClient client(server_->port());
    const std::string got = client.get("/api/v1/query", "Origin: http://grafana.example\r\n");
    EXPECT_NE(got.find("Access-Control-Allow-Origin: *\r\n"), std::string::npos);
    EXPECT_NE(got.find("Access-Control-Allow-Methods: GET, POST, OPTIONS\r\n"), std::string::npos);
    EXPECT_EQ(client.get("/api/v1/query").find("Access-Control"), std::string::npos);
    const std::string preflight =
        client.ask("OPTIONS", "/api/v1/query", "Origin: http://grafana.example\r\n", "");
    EXPECT_TRUE(preflight.starts_with("HTTP/1.1 204 ")) << preflight;
    EXPECT_NE(preflight.find("Access-Control-Allow-Origin: *\r\n"), std::string::npos);
    // What acts may not be done by other origins' pages.
    EXPECT_TRUE(client.ask("POST", "/api/act", "Origin: http://evil.example\r\n", "x")
                    .starts_with("HTTP/1.1 403 "));
    EXPECT_TRUE(client.ask("POST", "/api/act", "Origin: http://localhost\r\n", "x")
                    .starts_with("HTTP/1.1 200 "));
    config::ConsoleSettings other = settings_;
    other.cors_origin = "https?://.*\\.example";
    ASSERT_TRUE(server_->reconfigure(other));
    EXPECT_NE(client.get("/api/v1/query", "Origin: http://a.example\r\n")
                  .find("Access-Control-Allow-Origin: http://a.example\r\n"),
              std::string::npos);
    EXPECT_EQ(client.get("/api/v1/query", "Origin: http://a.test\r\n").find("Allow-Origin"),
              std::string::npos);
}

TEST_F(ConsoleServer, RefusesStrangeHostsWithoutCredentials) {
    start({});
    TestClient client(server_->port());
    const std::string refused = client.get("/healthz", "Host: evil.example\r\n");
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 403 ")) << refused;
    EXPECT_EQ(body_of(client.get("/healthz", "Host: 127.0.0.1:9900\r\n")), "ok\n");
}

TEST_F(ConsoleServer, ListensBeyondLoopbackOnlyWithCredentials) {
    settings_.address = "0.0.0.0";
    settings_.port = 0;
    const auto refused = Server::start(settings_, {});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("credentials"), std::string::npos);
    settings_.credentials.push_back({"ann", Role::viewer, *hash_password("x"), {}});
    EXPECT_TRUE(Server::start(settings_, {}));
}

TEST_F(ConsoleServer, AsksForCredentialsAndRoles) {
    const auto token = make_token();
    settings_.credentials = {{"ann", Role::operator_, *hash_password("secret"), {}},
                             {"bob", Role::viewer, {}, token->hash}};
    Route act =
        route(Method::post, "/act", [](const Request& q, Response& r) { r.text(200, q.user); });
    act.role = Role::operator_;
    start({std::move(act)});
    TestClient client(server_->port());
    const std::string asked = client.get("/echo/x");
    EXPECT_TRUE(asked.starts_with("HTTP/1.1 401 "));
    EXPECT_NE(asked.find("WWW-Authenticate: Basic realm=\"glassgate\""), std::string::npos);
    EXPECT_EQ(body_of(client.get("/healthz")), "ok\n");
    std::string ann = "Authorization: Basic ";
    http::append_base64(ann, "ann:secret");
    ann += "\r\n";
    const std::string bob = "Authorization: Bearer " + token->token + "\r\n";
    for (int i = 0; i < 2; ++i) {  // hashed, then remembered
        EXPECT_EQ(body_of(client.get("/echo/x", ann)), "x,,ann\n");
        EXPECT_EQ(body_of(client.ask("POST", "/act", ann, "x")), "ann\n");
        EXPECT_EQ(body_of(client.get("/echo/x", bob)), "x,,bob\n");
        EXPECT_TRUE(client.ask("POST", "/act", bob, "x").starts_with("HTTP/1.1 403 "));
    }
    EXPECT_TRUE(
        client.get("/echo/x", "Authorization: Bearer nothing\r\n").starts_with("HTTP/1.1 401 "));
    EXPECT_EQ(server_->numbers().logins_refused, 1u);
    // A reload takes effect for the next request, on the same connection.
    config::ConsoleSettings fewer = settings_;
    fewer.credentials.pop_back();
    ASSERT_TRUE(server_->reconfigure(fewer));
    EXPECT_TRUE(client.get("/echo/x", bob).starts_with("HTTP/1.1 401 "));
    EXPECT_EQ(body_of(client.get("/echo/x", ann)), "x,,ann\n");
}

TEST_F(ConsoleServer, MovesToAnotherPlace) {
    start({});
    const uint16_t before = server_->port();
    config::ConsoleSettings other = settings_;
    other.port = before;                        // written out now, the same in truth
    ASSERT_FALSE(server_->reconfigure(other));  // taken, by itself
    TestClient client(before);
    EXPECT_EQ(body_of(client.get("/healthz")), "ok\n");
    other.address = "127.0.0.2";
    other.port = 0;
    ASSERT_TRUE(server_->reconfigure(other));
    EXPECT_TRUE(client.ended());
}

TEST_F(ConsoleServer, PacksLargeAnswers) {
    start({route(Method::get, "/large", [](const Request&, Response& r) {
        r.json("[" + std::string(100'000, ' ') + "]");
    })});
    TestClient client(server_->port());
    const std::string packed = client.get("/large", "Accept-Encoding: gzip\r\n");
    EXPECT_NE(packed.find("Content-Encoding: gzip\r\n"), std::string::npos);
    EXPECT_LT(packed.size(), 10'000u);
    EXPECT_EQ(body_of(client.get("/large")).size(), 100'002u);
}

}  // namespace
}  // namespace glassgate::console
