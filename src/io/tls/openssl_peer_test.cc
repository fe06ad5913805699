// Our sessions against the openssl program, a peer that is not ours.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include <optional>

#include "io/tls/test_pair.h"

extern char** environ;

namespace glassgate::io::tls {
namespace {

const TestAuthority& authority() {
    static const TestAuthority made;
    return made;
}

// The openssl program with its standard input and output on pipes; ended with its object.
class Program {
public:
    explicit Program(std::vector<std::string> arguments) {
        int in[2], out[2];
        GW_CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, in[0], 0);
        posix_spawn_file_actions_adddup2(&actions, out[1], 1);
        posix_spawn_file_actions_adddup2(&actions, out[1], 2);
        arguments.insert(arguments.begin(), "openssl");
        std::vector<char*> argv;
        for (std::string& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        started_ = posix_spawnp(&pid_, "openssl", &actions, nullptr, argv.data(), environ) == 0;
        posix_spawn_file_actions_destroy(&actions);
        ::close(in[0]);
        ::close(out[1]);
        in_ = in[1];
        out_ = out[0];
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program() {
        ::close(in_);
        if (started_) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
        ::close(out_);
    }
    [[nodiscard]] bool started() const { return started_; }
    void say(std::string_view text) const { (void)!write(in_, text.data(), text.size()); }
    // Until it has said `text`; everything said so far.
    std::string wait_for(std::string_view text) {
        while (said_.find(text) == std::string::npos) {
            pollfd poll_for{out_, POLLIN, 0};
            char buffer[4096];
            if (poll(&poll_for, 1, 10'000) != 1) break;
            const ssize_t n = read(out_, buffer, sizeof buffer);
            if (n <= 0) break;
            said_.append(buffer, static_cast<std::size_t>(n));
        }
        return said_;
    }

private:
    pid_t pid_ = 0;
    bool started_ = false;
    int in_ = -1, out_ = -1;
    std::string said_;
};

class Listener {
public:
    Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        GW_CHECK(bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
        GW_CHECK(listen(fd_, 1) == 0);
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
    }
    ~Listener() { ::close(fd_); }
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] int accept() const {
        pollfd poll_for{fd_, POLLIN, 0};
        if (poll(&poll_for, 1, 10'000) != 1) return -1;
        return accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }

private:
    int fd_;
    uint16_t port_ = 0;
};

// Calls `step` until it no longer has to wait.
template <typename Step>
TlsResult complete(int fd, Step step) {
    for (;;) {
        const TlsResult r = step();
        if (r.state != TlsState::want_read && r.state != TlsState::want_write) return r;
        pollfd poll_for{fd, static_cast<short>(r.state == TlsState::want_read ? POLLIN : POLLOUT),
                        0};
        if (poll(&poll_for, 1, 10'000) != 1) return r;
    }
}

struct Client {
    Client(const ServerSettings& settings, std::vector<std::string> arguments) {
        std::vector<std::string> all = {"s_client", "-connect", listener.address(), "-CAfile",
                                        root.path()};
        all.insert(all.end(), arguments.begin(), arguments.end());
        program = std::make_unique<Program>(all);
        fd = listener.accept();
        GW_CHECK(fd >= 0);
        transport.emplace(fd);
        session = Session::accept(server_context(settings), *transport);
        result = complete(fd, [&] { return session->handshake(); });
    }
    ~Client() { ::close(fd); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    TestFile root{authority().root.pem()};
    Listener listener;
    std::unique_ptr<Program> program;
    int fd = -1;
    std::optional<FdTransport> transport;
    std::unique_ptr<Session> session;
    TlsResult result;
};

TEST(OpensslPeer, ClientTalksToOurServer) {
    Client client(authority().server_settings(),
                  {"-servername", "shop.test", "-alpn", "h2", "-verify_return_error"});
    ASSERT_TRUE(client.result.ok()) << client.session->failure();
    EXPECT_EQ(client.session->alpn(), "h2");
    client.program->say("hello\n");
    char buffer[64];
    const TlsResult r =
        complete(client.fd, [&] { return client.session->read(buffer, sizeof buffer); });
    EXPECT_EQ(std::string(buffer, r.bytes), "hello\n");
    EXPECT_TRUE(client.session->write("good day\n").ok());
    const std::string said = client.program->wait_for("good day");
    EXPECT_NE(said.find("Verify return code: 0 (ok)"), std::string::npos) << said;
    EXPECT_NE(said.find("ALPN protocol: h2"), std::string::npos) << said;
    EXPECT_NE(said.find("Compression: NONE"), std::string::npos);
    EXPECT_TRUE(client.session->shutdown().ok());
}

TEST(OpensslPeer, OldVersionsAndWeakCiphersAreRefused) {
    Client tls11(authority().server_settings(), {"-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"});
    EXPECT_EQ(tls11.session->refusal(), Refusal::protocol_version);
    Client weak(authority().server_settings(), {"-tls1_2", "-cipher", "AES128-SHA"});
    EXPECT_EQ(weak.session->refusal(), Refusal::no_shared_cipher);
    ServerSettings only12 = authority().server_settings();
    only12.crypto.max_version = "1.2";
    Client tls13(only12, {"-tls1_3"});
    EXPECT_EQ(tls13.session->refusal(), Refusal::protocol_version);
}

TEST(OpensslPeer, RenegotiationIsRefused) {
    Client client(authority().server_settings(), {"-tls1_2", "-servername", "shop.test"});
    ASSERT_TRUE(client.result.ok());
    client.program->say("R\n");
    char buffer[64];
    const TlsResult r =
        complete(client.fd, [&] { return client.session->read(buffer, sizeof buffer); });
    EXPECT_NE(r.state, TlsState::ok) << std::string(buffer, r.bytes);
    EXPECT_NE(client.program->wait_for("no renegotiation").find("no renegotiation"),
              std::string::npos);
}

TEST(OpensslPeer, KeyUpdatesAreFollowed) {
    Client client(authority().server_settings(), {"-tls1_3", "-servername", "shop.test"});
    ASSERT_TRUE(client.result.ok());
    client.program->say("K\n");  // update, and ask for ours
    char buffer[64];
    client.program->wait_for("KEYUPDATE");
    client.program->say("after\n");
    const TlsResult r =
        complete(client.fd, [&] { return client.session->read(buffer, sizeof buffer); });
    EXPECT_EQ(std::string(buffer, r.bytes), "after\n");
    EXPECT_TRUE(client.session->write("answered\n").ok());
    EXPECT_NE(client.program->wait_for("answered").find("answered"), std::string::npos);
}

TEST(OpensslPeer, ServerTalksToOurClient) {
    const TestFile certificate(authority().server.pem()), key(authority().server.key_pem()),
        root(authority().root.pem());
    Program server({"s_server", "-accept", "127.0.0.1:0", "-cert", certificate.path(), "-key",
                    key.path(), "-CAfile", root.path(), "-Verify", "2", "-verify_return_error",
                    "-naccept", "1"});
    const std::string said = server.wait_for("\nACCEPT");
    const auto at = said.find("ACCEPT 127.0.0.1:");
    ASSERT_NE(at, std::string::npos) << said;
    const int port = std::atoi(said.c_str() + at + 17);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    ClientSettings settings = authority().client_settings();
    settings.certificate = TestAuthority::identity(authority().client);
    FdTransport transport(fd);
    ResumptionCache cache;
    const auto session = Session::connect(client_context(settings), transport, {"127.0.0.1", "x"},
                                          &cache, test_now_s());
    ASSERT_TRUE(complete(fd, [&] { return session->handshake(); }).ok()) << session->failure();
    EXPECT_TRUE(session->write("hello from us\n").ok());
    EXPECT_NE(server.wait_for("hello from us").find("hello from us"), std::string::npos);
    server.say("good day\n");
    char buffer[64];
    const TlsResult r = complete(fd, [&] { return session->read(buffer, sizeof buffer); });
    EXPECT_EQ(std::string(buffer, r.bytes), "good day\n");
    EXPECT_EQ(cache.size(), 1u) << "its ticket";
    ::close(fd);
}

}  // namespace
}  // namespace glassgate::io::tls
