#include "http/simple_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "base/clock.h"
#include "base/text.h"

namespace glassgate::http {
namespace {

// A blocking client; every wait ends after ten seconds at the latest.
class Client {
public:
    explicit Client(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const timeval limit{10, 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    }
    ~Client() { ::close(fd_); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    [[nodiscard]] bool connected() const { return connected_; }
    [[nodiscard]] int fd() const { return fd_; }
    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    // One response: head and, by Content-Length, body. Empty at the end of the connection.
    std::string receive(bool head_only = false) {
        std::size_t end = std::string::npos;
        while ((end = pending_.find("\r\n\r\n")) == std::string::npos)
            if (!more()) return {};
        end += 4;
        const std::size_t at = pending_.find("Content-Length: ");
        std::size_t size = 0;
        if (!head_only && at < end) size = std::stoul(pending_.substr(at + 16));
        while (pending_.size() < end + size)
            if (!more()) return {};
        std::string response = pending_.substr(0, end + size);
        pending_.erase(0, end + size);
        return response;
    }
    // True: the server has closed in order and nothing else came.
    bool ended() { return pending_.empty() && !more() && pending_.empty() && last_ == 0; }
    std::string ask(std::string_view request) {
        send(request);
        return receive();
    }

private:
    bool more() {
        char bytes[16384];
        last_ = ::recv(fd_, bytes, sizeof bytes, 0);
        if (last_ > 0) pending_.append(bytes, static_cast<std::size_t>(last_));
        return last_ > 0;
    }
    int fd_;
    bool connected_ = false;
    ssize_t last_ = 0;
    std::string pending_;
};

std::string body_of(const std::string& response) {
    return response.substr(response.find("\r\n\r\n") + 4);
}

std::string gunzip(const std::string& in) {
    z_stream stream{};
    inflateInit2(&stream, 15 + 16);
    std::string out(4u << 20, '\0'), source = in;
    stream.next_in = reinterpret_cast<Bytef*>(source.data());
    stream.avail_in = static_cast<uInt>(source.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int rc = inflate(&stream, Z_FINISH);
    out.resize(rc == Z_STREAM_END ? stream.total_out : 0);
    inflateEnd(&stream);
    return out;
}

std::string large_text() {
    std::string text;
    for (int i = 0; i < 20'000; ++i)
        text += "flex_requests_total{route=\"r" + std::to_string(i) + "\"} 1\n";
    return text;
}

class SimpleServerTest : public ::testing::Test {
protected:
    void start(const SimpleServer::Limits& limits = {}) {
        std::vector<SimpleServer::Route> routes;
        routes.push_back(
            {Method::get, "/hello", [](const SimpleRequest& request, SimpleResponse& response) {
                 response.body = "hello " + std::string(request.peer);
             }});
        routes.push_back(
            {Method::post, "/echo", [](const SimpleRequest& request, SimpleResponse& response) {
                 response.body = request.body;
             }});
        routes.push_back(
            {Method::get, "/large",
             [](const SimpleRequest&, SimpleResponse& response) { response.body = large_text(); }});
        routes.push_back(
            {Method::get, "/medium", [](const SimpleRequest&, SimpleResponse& response) {
                 response.body = std::string(60'000, 'm');
             }});
        routes.push_back({Method::get, "/evil", [](const SimpleRequest&, SimpleResponse& response) {
                              response.status = 204;
                              response.headers.emplace_back("X-Split", "a\r\nX-Injected: b");
                              response.headers.emplace_back("X-Good", "c");
                          }});
        routes.push_back(
            {Method::get, "/packed", [](const SimpleRequest&, SimpleResponse& response) {
                 response.body = std::string(5000, 'p');
                 response.headers.emplace_back("Content-Encoding", "br");
             }});
        auto started = SimpleServer::start("127.0.0.1", 0, std::move(routes), limits);
        ASSERT_TRUE(started) << started.error().message;
        server_ = std::move(*started);
    }
    std::unique_ptr<SimpleServer> server_;
};

TEST_F(SimpleServerTest, AnswersAThousandRequestsOnOneConnection) {
    start();
    Client client(server_->port());
    for (int i = 0; i < 1000; ++i) {
        const std::string response = client.ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        ASSERT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n")) << i << response;
        ASSERT_EQ(body_of(response), "hello 127.0.0.1");
    }
}

TEST_F(SimpleServerTest, AnswersPipelinedRequestsInOrder) {
    start();
    Client client(server_->port());
    std::string requests;
    for (int i = 0; i < 2000; ++i) {
        const std::string n = std::to_string(i);
        requests +=
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(n.size()) +
            "\r\n\r\n" + n;
    }
    std::thread sender([&] { client.send(requests); });
    for (int i = 0; i < 2000; ++i) ASSERT_EQ(body_of(client.receive()), std::to_string(i));
    sender.join();
}

TEST_F(SimpleServerTest, AssemblesARequestThatComesByteByByte) {
    start();
    Client client(server_->port());
    const std::string_view request =
        "POST /echo?x=1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nX-T: 1\r\n\r\n";
    for (const char c : request) client.send({&c, 1});
    EXPECT_EQ(body_of(client.receive()), "hello world");
}

TEST_F(SimpleServerTest, HeadHasTheHeadersOfGetAndNoBody) {
    start();
    Client client(server_->port());
    client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string head = client.receive(true);
    EXPECT_NE(head.find("Content-Length: 15\r\n"), std::string::npos) << head;
    EXPECT_TRUE(client.ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(SimpleServerTest, UnknownPathAndMethod) {
    start();
    Client client(server_->port());
    EXPECT_TRUE(
        client.ask("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 404 "));
    const std::string refused = client.ask("DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 405 "));
    EXPECT_NE(refused.find("Allow: GET, HEAD\r\n"), std::string::npos) << refused;
    EXPECT_TRUE(client.ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(SimpleServerTest, RefusesWhatIsNotARequestAndCloses) {
    start();
    for (const std::string_view bad :
         {"GET /hello HTTP/1.1\nHost: a\n\n", "GET /hello HTTP/1.1\r\n\r\n",
          "GET /hello HTTP/1.1\r\nHost : a\r\n\r\n", "\x16\x03\x01\x02hello",
          "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
          "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"}) {
        Client client(server_->port());
        const std::string response = client.ask(bad);
        EXPECT_TRUE(response.starts_with("HTTP/1.1 400 ")) << bad << "\n" << response;
        EXPECT_NE(response.find("Connection: close\r\n"), std::string::npos);
        EXPECT_GT(body_of(response).size(), 3u);  // a reason
        EXPECT_TRUE(client.ended()) << bad;
    }
    Client wide(server_->port());
    const std::string response =
        wide.ask("GET /hello HTTP/1.1\r\nHost: a\r\nX: " + std::string(200'000, 'x') + "\r\n\r\n");
    EXPECT_TRUE(response.starts_with("HTTP/1.1 431 ")) << response;
}

TEST_F(SimpleServerTest, BodyLimit) {
    SimpleServer::Limits limits;
    limits.body_bytes = 1000;
    start(limits);
    Client fits(server_->port());
    EXPECT_EQ(body_of(fits.ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" +
                               std::string(1000, 'b')))
                  .size(),
              1000u);
    Client announced(server_->port());
    EXPECT_TRUE(announced
                    .ask("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: "
                         "100-continue\r\nContent-Length: 1001\r\n\r\n")
                    .starts_with("HTTP/1.1 413 "));
    EXPECT_TRUE(announced.ended());
    Client chunked(server_->port());
    EXPECT_TRUE(
        chunked
            .ask("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
                 std::string(1001, 'b'))
            .starts_with("HTTP/1.1 413 "));
}

TEST_F(SimpleServerTest, AsksForTheBodyWhenTheClientWaitsForThat) {
    start();
    Client client(server_->port());
    client.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    EXPECT_EQ(client.receive(true), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(body_of(client.ask("abc")), "abc");
}

TEST_F(SimpleServerTest, CompressesWhenTheClientTakesItAndItPays) {
    start();
    Client client(server_->port());
    const std::string plain = client.ask("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(plain.find("Content-Encoding"), std::string::npos);
    EXPECT_NE(plain.find("Vary: Accept-Encoding\r\n"), std::string::npos);
    const std::string packed = client.ask(
        "GET /large HTTP/1.1\r\nHost: a\r\nAccept-Encoding: deflate, gzip;q=0.5\r\n\r\n");
    EXPECT_NE(packed.find("Content-Encoding: gzip\r\n"), std::string::npos);
    EXPECT_LT(packed.size() * 5, plain.size());
    EXPECT_EQ(gunzip(body_of(packed)), large_text());
    const std::string small =
        client.ask("GET /hello HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
    EXPECT_EQ(small.find("Content-Encoding"), std::string::npos);
    const std::string refused =
        client.ask("GET /large HTTP/1.1\r\nHost: a\r\nAccept-Encoding: *, gzip;q=0.0\r\n\r\n");
    EXPECT_EQ(refused.find("Content-Encoding"), std::string::npos);
    const std::string own =
        client.ask("GET /packed HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
    EXPECT_NE(own.find("Content-Encoding: br\r\n"), std::string::npos);
    EXPECT_EQ(own.find("gzip"), std::string::npos);
}

TEST_F(SimpleServerTest, AHandlerCannotSplitTheHead) {
    start();
    Client client(server_->port());
    const std::string response = client.ask("GET /evil HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(response.starts_with("HTTP/1.1 204 "));
    EXPECT_EQ(response.find("Injected"), std::string::npos);
    EXPECT_NE(response.find("X-Good: c\r\n"), std::string::npos);
    EXPECT_EQ(response.find("Content-Length"), std::string::npos);
}

TEST_F(SimpleServerTest, OldClientsAndCloseEndTheConnection) {
    start();
    Client old(server_->port());
    EXPECT_TRUE(old.ask("GET /hello HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200"));
    EXPECT_TRUE(old.ended());
    Client kept(server_->port());
    EXPECT_NE(kept.ask("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                  .find("Connection: keep-alive\r\n"),
              std::string::npos);
    EXPECT_NE(kept.ask("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                  .find("Connection: close\r\n"),
              std::string::npos);
    EXPECT_TRUE(kept.ended());
}

TEST_F(SimpleServerTest, SlowSendersMeetTheirDeadlines) {
    SimpleServer::Limits limits;
    limits.header_timeout_ms = limits.body_timeout_ms = limits.idle_timeout_ms = 150;
    start(limits);
    Client silent(server_->port()), slow(server_->port()), bodiless(server_->port()),
        idle(server_->port());
    bodiless.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    EXPECT_TRUE(idle.ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 200"));
    // A byte now and then does not keep it alive.
    const uint64_t since = mono_now_ns();
    slow.send("GET /hello HTTP/1.1\r\n");
    pollfd answered{slow.fd(), POLLIN, 0};
    while (poll(&answered, 1, 20) == 0 && mono_now_ns() - since < 5 * kNsPerSecond) slow.send("X");
    EXPECT_TRUE(slow.receive().starts_with("HTTP/1.1 408 "));
    EXPECT_TRUE(bodiless.receive().starts_with("HTTP/1.1 408 "));
    EXPECT_TRUE(silent.ended());
    EXPECT_TRUE(idle.ended());
}

TEST_F(SimpleServerTest, SlowReadersAreCutOff) {
    SimpleServer::Limits limits;
    limits.write_timeout_ms = 200;
    limits.connections = 2;
    start(limits);
    Client slow(server_->port());
    // Asks for much more than the kernel's buffers hold and reads nothing.
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "GET /medium HTTP/1.1\r\nHost: a\r\n\r\n";
    slow.send(many);
    pollfd gone{slow.fd(), POLLRDHUP, 0};
    EXPECT_EQ(poll(&gone, 1, 30'000), 1);
    Client other(server_->port());
    EXPECT_TRUE(other.ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(SimpleServerTest, TheLongestIdleConnectionGivesWay) {
    SimpleServer::Limits limits;
    limits.connections = 2;
    start(limits);
    Client first(server_->port());
    EXPECT_FALSE(first.ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").empty());
    Client second(server_->port());
    EXPECT_FALSE(second.ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").empty());
    Client third(server_->port());
    EXPECT_FALSE(third.ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").empty());
    EXPECT_TRUE(first.ended());
    EXPECT_FALSE(second.ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").empty());
    // Now both are in the middle of a request.
    second.send(
        "GET /hello HTTP/1.1\r\nExpect: 100-continue\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
    third.send(
        "GET /hello HTTP/1.1\r\nExpect: 100-continue\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
    EXPECT_EQ(second.receive(true).substr(0, 12), "HTTP/1.1 100");
    EXPECT_EQ(third.receive(true).substr(0, 12), "HTTP/1.1 100");
    Client refused(server_->port());
    EXPECT_TRUE(refused.receive().starts_with("HTTP/1.1 503 "));
    second.send("x");
    EXPECT_TRUE(second.receive().starts_with("HTTP/1.1 200"));
}

TEST_F(SimpleServerTest, StopsWithOpenConnectionsOfEveryKind) {
    start();
    Client silent(server_->port()), idle(server_->port()), in_head(server_->port()),
        in_body(server_->port()), not_reading(server_->port()), lingering(server_->port());
    EXPECT_FALSE(idle.ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").empty());
    in_head.send("GET /hel");
    in_body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    for (int i = 0; i < 30; ++i) not_reading.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(lingering.ask("nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
    const uint16_t port = server_->port();
    const uint64_t since = mono_now_ns();
    server_.reset();
    EXPECT_LT(mono_now_ns() - since, 5 * kNsPerSecond);
    EXPECT_TRUE(silent.ended());
    EXPECT_TRUE(idle.ended());
    EXPECT_FALSE(Client(port).connected());
}

TEST_F(SimpleServerTest, RoutesChangeUnderOpenConnections) {
    start();
    Client client(server_->port());
    EXPECT_TRUE(client.ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 200"));
    server_->set_routes(
        {{Method::get, "/other",
          [](const SimpleRequest&, SimpleResponse& response) { response.body = "other"; }}});
    EXPECT_TRUE(client.ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 404"));
    EXPECT_EQ(body_of(client.ask("GET /other HTTP/1.1\r\nHost: a\r\n\r\n")), "other");
}

TEST_F(SimpleServerTest, ATakenPortIsAnError) {
    start();
    const auto second = SimpleServer::start("127.0.0.1", server_->port(), {}, {});
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("Address already in use"), std::string::npos)
        << second.error().message;
    EXPECT_FALSE(SimpleServer::start("not an address", 0, {}, {}));
}

}  // namespace
}  // namespace glassgate::http
