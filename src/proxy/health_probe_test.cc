// Probes that are more than a GET over HTTP/1.1 (those are health_check_test.cc's): HTTP/2, gRPC,
// a bare connect, PROXY headers; and TLS.
#include "proxy/health_probe.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <map>
#include <thread>

#include "base/clock.h"
#include "http/grpc.h"
#include "http/h2/session.h"
#include "io/tls/test_pair.h"

namespace glassgate::proxy {
namespace {

namespace h2 = http::h2;

// Accepts one connection after another and lets `serve` have each, on a thread of its own.
class Listening {
public:
    using Serve = std::function<void(int fd)>;
    explicit Listening(Serve serve) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        (void)io::parse_address("127.0.0.1", 0, address_);
        socklen_t size = io::address_size(address_);
        (void)!::bind(fd_, reinterpret_cast<sockaddr*>(&address_), size);
        (void)!::listen(fd_, 16);
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &size);
        thread_ = std::thread([this, serve = std::move(serve)] {
            int fd = -1;
            while ((fd = ::accept(fd_, nullptr, nullptr)) >= 0) {
                serve(fd);
                ::close(fd);
            }
        });
    }
    ~Listening() {
        ::shutdown(fd_, SHUT_RDWR);
        thread_.join();
        ::close(fd_);
    }
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;
    [[nodiscard]] sockaddr_storage address() const { return address_; }

private:
    int fd_;
    sockaddr_storage address_{};
    std::thread thread_;
};

// What a target answers, and what it was asked.
struct Answer {
    std::string status = "200";
    std::string body{};
    std::string trailers{};     // lines; empty: none
    std::string head_status{};  // grpc-status in a head that is all
};
struct Asked {
    std::string method, path, authority, content_type, body;
};

class Http2Target final : public h2::Listener {
public:
    Http2Target(Answer answer, Asked& asked) : answer_(std::move(answer)), asked_(asked) {}
    void serve(int fd) {
        h2::Session session(context_, h2::Role::server, {}, *this, mono_now_ns());
        session_ = &session;
        char bytes[8192];
        while (true) {
            std::size_t out = 0;
            while ((out = session.pull(bytes, sizeof bytes, mono_now_ns())) != 0)
                if (::send(fd, bytes, out, MSG_NOSIGNAL) < 0) return;
            const ssize_t got = ::recv(fd, bytes, sizeof bytes, 0);
            if (got <= 0) return;
            if (!session.feed({bytes, static_cast<std::size_t>(got)}, mono_now_ns())) return;
        }
    }

private:
    void on_head(h2::Stream& stream) override {
        http::RequestHead head;
        std::string text;
        if (session_->read_request(stream, head, text) != http::ParseError::none) return;
        asked_ = {std::string(head.method == Method::post ? "POST" : "GET"),
                  std::string(head.path),
                  std::string(head.authority),
                  std::string(http::find(head.headers, "content-type")),
                  {}};
        if (stream.ended()) answer(stream);
    }
    void on_data(h2::Stream& stream) override {
        asked_.body += stream.received();
        session_->consume(stream, stream.received().size());
    }
    void on_end(h2::Stream& stream) override { answer(stream); }
    void on_sent(h2::Stream& stream) override {
        if (!answer_.trailers.empty()) session_->finish(stream, answer_.trailers);
    }
    void on_closed(h2::Stream&) override {}
    void answer(h2::Stream& stream) {
        h2::FieldList fields;
        fields.add(":status", answer_.status);
        fields.add("content-type", "application/grpc");
        if (!answer_.head_status.empty()) fields.add("grpc-status", answer_.head_status);
        const bool whole = answer_.body.empty();
        session_->respond(stream, fields, whole);
        if (!whole) session_->send(stream, answer_.body, answer_.trailers.empty());
    }

    const Answer answer_;
    Asked& asked_;
    io::BufferPool buffers_;
    h2::Context context_{buffers_};
    h2::Session* session_ = nullptr;
};

std::string health_message(char status) { return std::string("\0\0\0\0\2\x08", 6) + status; }

class HealthProbeTest : public testing::Test {
protected:
    void SetUp() override {
        loop_ = std::move(*io::Loop::create());
        env_ = std::make_unique<HealthEnv>(*loop_);
        target_.plan.path = "/health";
        target_.plan.timeout_ms = 5000;
        target_.label = "svc:80";
        target_.host = "svc";
    }
    CheckOutcome ask(const sockaddr_storage& address) {
        HealthProbe probe(*env_, target_);
        io::Joinable running;
        CheckOutcome outcome{false, "nothing came of it"};
        const auto run = [&]() -> io::Task<void> {
            outcome = co_await probe.ask(address, loop_->refresh_now() + 5 * kNsPerSecond);
            loop_->stop();
        };
        running.start(run());
        if (running.running()) loop_->run();
        return outcome;
    }
    // Over HTTP/2 in the clear.
    std::string ask_http2(const Answer& answer) {
        target_.protocol = UpstreamProtocol::http2;
        const Listening listening([&](int fd) { Http2Target(answer, asked_).serve(fd); });
        const CheckOutcome outcome = ask(listening.address());
        return outcome.passed ? "passed" : outcome.reason;
    }
    std::string ask_grpc(const Answer& answer) {
        target_.plan.type = HealthCheckType::grpc;
        return ask_http2(answer);
    }

    std::unique_ptr<io::Loop> loop_;
    std::unique_ptr<HealthEnv> env_;
    HealthTarget target_;
    Asked asked_;
};

TEST_F(HealthProbeTest, AGetOverHttp2) {
    EXPECT_EQ(ask_http2({}), "passed");
    EXPECT_EQ(asked_.method, "GET");
    EXPECT_EQ(asked_.path, "/health");
    EXPECT_EQ(asked_.authority, "svc:80");
    EXPECT_EQ(ask_http2({.status = "503", .body = "no"}), "status 503");
}

TEST_F(HealthProbeTest, AServiceIsAskedForByGrpc) {
    target_.plan.grpc_service = "bank.v1.Payments";
    EXPECT_EQ(ask_grpc({.body = health_message(1), .trailers = "grpc-status: 0\r\n"}), "passed");
    EXPECT_EQ(asked_.method, "POST");
    EXPECT_EQ(asked_.path, "/grpc.health.v1.Health/Check");
    EXPECT_EQ(asked_.content_type, "application/grpc");
    std::string expected;
    http::grpc::append_health_request(expected, "bank.v1.Payments");
    EXPECT_EQ(asked_.body, expected);
}

TEST_F(HealthProbeTest, WhatGrpcAnswersIsJudged) {
    const std::string ok = "grpc-status: 0\r\n";
    EXPECT_EQ(ask_grpc({.body = health_message(2), .trailers = ok}), "NOT_SERVING");
    EXPECT_EQ(ask_grpc({.body = health_message(0), .trailers = ok}), "UNKNOWN");
    EXPECT_EQ(ask_grpc({.body = health_message(3), .trailers = ok}), "SERVICE_UNKNOWN");
    EXPECT_EQ(ask_grpc({.head_status = "5"}), "grpc status NOT_FOUND");
    EXPECT_EQ(ask_grpc({.head_status = "12"}), "grpc status UNIMPLEMENTED");
    EXPECT_EQ(ask_grpc({.body = health_message(1), .trailers = "grpc-status: 14\r\n"}),
              "grpc status UNAVAILABLE");
    EXPECT_EQ(ask_grpc({.status = "503"}), "status 503");
    EXPECT_EQ(ask_grpc({}), "malformed answer: no grpc-status");
    EXPECT_EQ(ask_grpc({.body = "<html>", .trailers = ok}),
              "malformed answer: not a health message");
    EXPECT_EQ(ask_grpc({.body = std::string(10'000, 'x'), .trailers = ok}),
              "malformed answer: too large");
}

TEST_F(HealthProbeTest, WhatIsNoHttp2IsTold) {
    target_.protocol = UpstreamProtocol::http2;
    const Listening web([](int fd) {
        char bytes[512];
        (void)!::recv(fd, bytes, sizeof bytes, 0);
        constexpr std::string_view kText = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
        (void)!::send(fd, kText.data(), kText.size(), MSG_NOSIGNAL);
        (void)!::recv(fd, bytes, sizeof bytes, 0);
    });
    const CheckOutcome outcome = ask(web.address());
    EXPECT_FALSE(outcome.passed);
    EXPECT_TRUE(outcome.reason.starts_with("malformed answer: ")) << outcome.reason;
}

TEST_F(HealthProbeTest, AConnectIsEnoughForTcp) {
    target_.plan.type = HealthCheckType::tcp;
    sockaddr_storage address{};
    {
        const Listening listening([](int) {});
        address = listening.address();
        EXPECT_TRUE(ask(address).passed);
    }
    EXPECT_EQ(ask(address).reason, "connect: Connection refused");
}

// An upstream that waits for a PROXY header waits for it from checks, too.
TEST_F(HealthProbeTest, SaysThatTheConnectionIsItsOwn) {
    for (const auto& [version, header] :
         {std::pair<SendProxy, std::string>{SendProxy::v1, "PROXY UNKNOWN\r\n"},
          std::pair<SendProxy, std::string>{SendProxy::v2,
                                            {"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16}}}) {
        target_.send_proxy = version;
        std::string received;
        {
            const Listening listening([&](int fd) {
                char bytes[1024];
                while (received.find("\r\n\r\n", 16) == std::string::npos) {
                    const ssize_t got = ::recv(fd, bytes, sizeof bytes, 0);
                    if (got <= 0) return;
                    received.append(bytes, static_cast<std::size_t>(got));
                }
                constexpr std::string_view kText = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                (void)!::send(fd, kText.data(), kText.size(), MSG_NOSIGNAL);
            });
            EXPECT_TRUE(ask(listening.address()).passed);
        }
        EXPECT_TRUE(received.starts_with(header + "GET /health HTTP/1.1\r\n")) << received;
    }
}

// At whatever it waits.
TEST_F(HealthProbeTest, CancelEndsItAtOnce) {
    const Listening mute([](int fd) {
        char bytes[512];
        while (::recv(fd, bytes, sizeof bytes, 0) > 0) continue;
    });
    const io::tls::TestAuthority authority;
    const auto tls = io::tls::client_context(authority.client_settings());
    for (const auto& context : {std::shared_ptr<const io::tls::ClientContext>{}, tls})
        for (const auto protocol : {UpstreamProtocol::http1, UpstreamProtocol::http2}) {
            target_.tls = context;
            target_.protocol = protocol;
            HealthProbe probe(*env_, target_);
            io::Joinable running;
            CheckOutcome outcome{true, {}};
            const auto run = [&]() -> io::Task<void> {
                outcome =
                    co_await probe.ask(mute.address(), loop_->refresh_now() + 60 * kNsPerSecond);
            };
            running.start(run());
            io::Timer soon([](void* loop) { static_cast<io::Loop*>(loop)->stop(); }, loop_.get());
            loop_->timers().arm(soon, loop_->refresh_now() + 20 * kNsPerMs);
            loop_->run();
            EXPECT_TRUE(running.running());
            probe.cancel();
            EXPECT_FALSE(running.running());
            EXPECT_FALSE(outcome.passed);
        }
}

// ---- TLS, with OpenSSL as the target ------------------------------------------------------------

class TlsHealthProbeTest : public HealthProbeTest {
protected:
    // `alpn`: the one protocol the target speaks, or empty.
    CheckOutcome ask_tls(const io::tls::TestCertificate& certificate,
                         const std::string& alpn = {}) {
        const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
            SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
        SSL_CTX_use_certificate(context.get(), certificate.get());
        SSL_CTX_use_PrivateKey(context.get(), certificate.private_key());
        alpn_ = alpn;
        if (!alpn.empty()) SSL_CTX_set_alpn_select_cb(context.get(), &choose, &alpn_);
        const Listening listening([&](int fd) {
            const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), &SSL_free);
            SSL_set_fd(ssl.get(), fd);
            char bytes[1024];
            if (SSL_accept(ssl.get()) != 1 || SSL_read(ssl.get(), bytes, sizeof bytes) <= 0) return;
            resumed_ = resumed_ || SSL_session_reused(ssl.get()) == 1;
            constexpr std::string_view kText = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            (void)SSL_write(ssl.get(), kText.data(), static_cast<int>(kText.size()));
        });
        (void)ask(listening.address());
        return ask(listening.address());
    }
    static int choose(SSL*, const unsigned char** out, unsigned char* size, const unsigned char*,
                      unsigned, void* alpn) {
        const auto* const protocol = static_cast<const std::string*>(alpn);
        *out = reinterpret_cast<const unsigned char*>(protocol->data());
        *size = static_cast<unsigned char>(protocol->size());
        return SSL_TLSEXT_ERR_OK;
    }
    void SetUp() override {
        HealthProbeTest::SetUp();
        std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to peers that have gone
        target_.host = "shop.test";
        target_.tls = io::tls::client_context(authority_.client_settings());
    }
    const io::tls::TestAuthority authority_;
    std::string alpn_;
    bool resumed_ = false;
};

TEST_F(TlsHealthProbeTest, AsksAsExchangesDoAndNeverResumes) {
    EXPECT_EQ(ask_tls(authority_.server).reason, "");
    EXPECT_TRUE(ask_tls(authority_.server).passed);
    EXPECT_FALSE(resumed_);
}

TEST_F(TlsHealthProbeTest, ACertificateThatIsNotGoodIsTheReason) {
    const io::tls::TestCertificate expired(
        {.subject = {{"CN", "shop.test"}}, .names = "DNS:shop.test", .to_s = -60},
        &authority_.root);
    const io::tls::TestCertificate elsewhere(
        {.subject = {{"CN", "other.test"}}, .names = "DNS:other.test"}, &authority_.root);
    const io::tls::TestCertificate own({.subject = {{"CN", "x"}}, .names = "DNS:shop.test"});
    for (const auto type : {HealthCheckType::http, HealthCheckType::tcp}) {
        target_.plan.type = type;
        EXPECT_TRUE(ask_tls(expired).reason.starts_with("tls: certificate_expired"))
            << ask_tls(expired).reason;
        EXPECT_TRUE(ask_tls(elsewhere).reason.starts_with("tls: ")) << ask_tls(elsewhere).reason;
        EXPECT_TRUE(ask_tls(own).reason.starts_with("tls: ")) << ask_tls(own).reason;
    }
}

TEST_F(TlsHealthProbeTest, Http2MustBeAgreedOnWhereItIsNeeded) {
    io::tls::ClientSettings settings = authority_.client_settings();
    settings.alpn = {"h2", "http/1.1"};
    target_.tls = io::tls::client_context(settings);
    target_.protocol = UpstreamProtocol::negotiate;
    EXPECT_TRUE(ask_tls(authority_.server, "http/1.1").passed);
    target_.plan.type = HealthCheckType::grpc;
    EXPECT_EQ(ask_tls(authority_.server, "http/1.1").reason,
              "tls: the upstream does not speak HTTP/2 (ALPN)");
}

}  // namespace
}  // namespace glassgate::proxy
