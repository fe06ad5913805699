// Two sessions over a socket pair, driven by turns: what the tests of this folder share.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ctime>
#include <memory>
#include <string>
#include <utility>

#include "base/check.h"
#include "io/tls/client_context.h"
#include "io/tls/server_context.h"
#include "io/tls/session.h"
#include "io/tls/test_certificates.h"

namespace glassgate::io::tls {

inline int64_t test_now_s() { return std::time(nullptr); }

// Problems as lines, "where: message", for messages of failed tests.
inline std::string text_of(const Problems& problems) {
    std::string text;
    for (const Problem& p : problems.all())
        text += (p.warning ? "warning: " : "error: ") + p.where + ": " + p.message + " [" +
                p.expected + "] [" + p.nearest + "]\n";
    return text;
}

// A root, and what it has issued for the usual case.
struct TestAuthority {
    TestCertificate root{{.subject = {{"CN", "Test Root"}}, .ca = true}};
    TestCertificate server{{.subject = {{"CN", "shop.test"}},
                            .names = "DNS:shop.test,DNS:*.shop.test,IP:127.0.0.1",
                            .usage = "serverAuth"},
                           &root};
    TestCertificate client{
        {.subject = {{"C", "DE"}, {"O", "Secure Bank, Inc."}, {"CN", "payments"}},
         .names = "DNS:payments.bank.test,URI:spiffe://bank/ns/pay",
         .usage = "clientAuth"},
        &root};

    [[nodiscard]] ServerSettings server_settings() const {
        ServerSettings settings;
        settings.certificates.push_back({identity(server), {}, {}});
        settings.session_scope = "public";
        return settings;
    }
    [[nodiscard]] ClientSettings client_settings() const {
        ClientSettings settings;
        settings.trust.authorities.push_back({{}, root.pem()});
        return settings;
    }
    static IdentitySettings identity(const TestCertificate& certificate,
                                     const std::string& more = {}) {
        return {{{}, certificate.pem() + more}, {{}, certificate.key_pem()}};
    }
};

inline std::shared_ptr<const ServerContext> server_context(const ServerSettings& settings) {
    Problems problems;
    auto context = ServerContext::compile(settings, test_now_s(), problems);
    if (context == nullptr) std::fprintf(stderr, "%s", text_of(problems).c_str());
    GW_CHECK(context != nullptr);
    return context;
}
inline std::shared_ptr<const ClientContext> client_context(const ClientSettings& settings) {
    Problems problems;
    auto context = ClientContext::compile(settings, test_now_s(), problems);
    if (context == nullptr) std::fprintf(stderr, "%s", text_of(problems).c_str());
    GW_CHECK(context != nullptr);
    return context;
}

class TestSockets {
public:
    TestSockets() {
        int fds[2];
        GW_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
        a_ = fds[0];
        b_ = fds[1];
    }
    ~TestSockets() {
        close_a();
        close_b();
    }
    TestSockets(const TestSockets&) = delete;
    TestSockets& operator=(const TestSockets&) = delete;
    [[nodiscard]] int a() const { return a_; }
    [[nodiscard]] int b() const { return b_; }
    void close_a() { close(a_); }
    void close_b() { close(b_); }

private:
    static void close(int& fd) {
        if (fd >= 0) ::close(std::exchange(fd, -1));
    }
    int a_ = -1, b_ = -1;
};

struct TestPair {
    TestPair(std::shared_ptr<const ServerContext> server_of,
             std::shared_ptr<const ClientContext> client_of, const TlsTarget& target,
             ResumptionCache* cache = nullptr)
        : server_transport(sockets.a()),
          client_transport(sockets.b()),
          server(Session::accept(std::move(server_of), server_transport)),
          client(Session::connect(std::move(client_of), client_transport, target, cache,
                                  test_now_s())) {}

    // True when both are established. Afterwards what follows a handshake (tickets, alerts) has
    // been exchanged, too.
    bool shake() {
        TlsResult s, c;
        for (int i = 0; i < 20; ++i) {
            c = client->handshake();
            s = server->handshake();
            const bool both = c.ok() && s.ok();
            const bool over = c.state == TlsState::error && s.state == TlsState::error;
            if (both || over) break;
        }
        char none[1];
        if (c.ok()) (void)client->read(none, 0), (void)client->read(none, 1);
        return c.ok() && s.ok() && client->refusal() == Refusal::none;
    }

    TestSockets sockets;
    FdTransport server_transport, client_transport;
    std::unique_ptr<Session> server, client;
};

}  // namespace glassgate::io::tls
