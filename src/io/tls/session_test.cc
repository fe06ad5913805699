#include "io/tls/session.h"

#include <gtest/gtest.h>

#include "io/tls/test_pair.h"

namespace glassgate::io::tls {
namespace {

class TlsSession : public testing::Test {
protected:
    static const TestAuthority& authority() {
        static const TestAuthority made;
        return made;
    }
    static std::shared_ptr<const ServerContext> server() {
        static const auto made = server_context(authority().server_settings());
        return made;
    }
    static std::shared_ptr<const ClientContext> client() {
        static const auto made = client_context(authority().client_settings());
        return made;
    }
    static std::string received(Session& session, std::size_t size) {
        std::string all(size, '\0');
        std::size_t filled = 0;
        for (int i = 0; i < 1000 && filled < size; ++i) {
            const TlsResult r = session.read(all.data() + filled, size - filled);
            if (r.state == TlsState::error || r.state == TlsState::closed) break;
            filled += r.bytes;
        }
        all.resize(filled);
        return all;
    }
};

TEST_F(TlsSession, CarriesBytesBothWaysAndStatesTheFacts) {
    TestPair pair(server(), client(), {"shop.test", ""});
    ASSERT_TRUE(pair.shake()) << pair.client->failure() << pair.server->failure();
    EXPECT_EQ(pair.server->version(), "TLSv1.3");
    EXPECT_EQ(pair.server->cipher(), "TLS_AES_128_GCM_SHA256");
    EXPECT_EQ(pair.server->server_name(), "shop.test");
    EXPECT_EQ(pair.server->alpn(), "");
    EXPECT_FALSE(pair.server->resumed());
    EXPECT_EQ(pair.server->peer(), nullptr);
    ASSERT_NE(pair.client->peer(), nullptr);
    EXPECT_EQ(pair.client->peer()->subject, "CN=shop.test");

    EXPECT_TRUE(pair.client->write("ping").ok());
    EXPECT_EQ(received(*pair.server, 4), "ping");
    EXPECT_TRUE(pair.server->write("pong").ok());
    EXPECT_EQ(received(*pair.client, 4), "pong");
}

TEST_F(TlsSession, CipherNamesAreIana) {
    ServerSettings settings = authority().server_settings();
    settings.crypto.max_version = "1.2";
    TestPair pair(server_context(settings), client(), {"shop.test", ""});
    ASSERT_TRUE(pair.shake());
    EXPECT_EQ(pair.server->version(), "TLSv1.2");
    EXPECT_EQ(pair.server->cipher(), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
}

TEST_F(TlsSession, PartsBecomeAsFewRecordsAsPossible) {
    TestPair pair(server(), client(), {"shop.test", ""});
    ASSERT_TRUE(pair.shake());
    const std::string head = "HTTP/1.1 200 OK\r\n\r\n", body(1000, 'b');
    const iovec parts[] = {{const_cast<char*>(head.data()), head.size()},
                           {nullptr, 0},
                           {const_cast<char*>(body.data()), body.size()}};
    const TlsResult r = pair.server->write(parts);
    EXPECT_TRUE(r.ok());
    EXPECT_EQ(r.bytes, head.size() + body.size());
    char wire[4096];
    const ssize_t n = recv(pair.sockets.b(), wire, sizeof wire, MSG_PEEK);
    EXPECT_LT(n, static_cast<ssize_t>(head.size() + body.size()) + 30) << "one record";
    EXPECT_EQ(received(*pair.client, head.size() + body.size()), head + body);
}

TEST_F(TlsSession, LargeWritesWaitForASlowReaderAndKeepTheOrder) {
    TestPair pair(server(), client(), {"shop.test", ""});
    ASSERT_TRUE(pair.shake());
    std::string sent(3'000'000, '\0');
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 >> 3);
    std::string got;
    std::size_t taken = 0, waits = 0;
    char buffer[50'000];
    while (got.size() < sent.size()) {
        if (taken < sent.size() || pair.server->has_output()) {
            const std::size_t half = (sent.size() - taken) / 3;
            const iovec parts[] = {{sent.data() + taken, half},
                                   {sent.data() + taken + half, sent.size() - taken - half}};
            const TlsResult w = pair.server->write(parts);
            ASSERT_NE(w.state, TlsState::error) << pair.server->failure();
            taken += w.bytes;
            if (w.state == TlsState::want_write) ++waits;
        }
        const TlsResult r = pair.client->read(buffer, sizeof buffer);
        ASSERT_NE(r.state, TlsState::error) << pair.client->failure();
        got.append(buffer, r.bytes);
    }
    EXPECT_GT(waits, 3u);
    EXPECT_TRUE(got == sent);
}

TEST_F(TlsSession, ReadHandsOutWhatIsThereAcrossRecords) {
    TestPair pair(server(), client(), {"shop.test", ""});
    ASSERT_TRUE(pair.shake());
    for (const char* piece : {"a", "b", "c"}) EXPECT_TRUE(pair.client->write(piece).ok());
    char buffer[16];
    const TlsResult r = pair.server->read(buffer, sizeof buffer);
    EXPECT_EQ(std::string(buffer, r.bytes), "abc");
    EXPECT_FALSE(pair.server->has_input());
    EXPECT_EQ(pair.server->read(buffer, sizeof buffer).state, TlsState::want_read);
}

TEST_F(TlsSession, CloseNotifyIsAnEndAndACutIsNot) {
    char buffer[16];
    {
        TestPair pair(server(), client(), {"shop.test", ""});
        ASSERT_TRUE(pair.shake());
        EXPECT_TRUE(pair.client->write("last").ok());
        EXPECT_TRUE(pair.client->shutdown().ok());
        pair.sockets.close_b();
        EXPECT_EQ(received(*pair.server, 4), "last");
        EXPECT_EQ(pair.server->read(buffer, 16).state, TlsState::closed);
        EXPECT_EQ(pair.server->read(buffer, 16).state, TlsState::closed);
        EXPECT_EQ(pair.server->refusal(), Refusal::none);
    }
    {
        TestPair pair(server(), client(), {"shop.test", ""});
        ASSERT_TRUE(pair.shake());
        EXPECT_TRUE(pair.client->write("last").ok());
        pair.sockets.close_b();
        EXPECT_EQ(received(*pair.server, 4), "last");
        EXPECT_EQ(pair.server->read(buffer, 16).state, TlsState::error);
        EXPECT_EQ(pair.server->refusal(), Refusal::truncated);
        EXPECT_EQ(pair.server->read(buffer, 16).state, TlsState::error);
        EXPECT_EQ(pair.server->write("x").state, TlsState::error);
    }
}

TEST_F(TlsSession, HalfClosedPeersCanStillBeAnswered) {
    TestPair pair(server(), client(), {"shop.test", ""});
    ASSERT_TRUE(pair.shake());
    EXPECT_TRUE(pair.client->shutdown().ok());
    char buffer[16];
    EXPECT_EQ(pair.server->read(buffer, 16).state, TlsState::closed);
    EXPECT_TRUE(pair.server->write("answer").ok());
    EXPECT_EQ(received(*pair.client, 6), "answer");
}

TEST_F(TlsSession, BrokenTransportsAreResets) {
    TestPair pair(server(), client(), {"shop.test", ""});
    ASSERT_TRUE(pair.shake());
    pair.sockets.close_b();
    EXPECT_EQ(pair.server->write("x").state, TlsState::error);
    EXPECT_EQ(pair.server->refusal(), Refusal::reset);
}

TEST_F(TlsSession, AlteredRecordsAreRefused) {
    TestPair pair(server(), client(), {"shop.test", ""});
    ASSERT_TRUE(pair.shake());
    EXPECT_TRUE(pair.client->write("hello").ok());
    char wire[256];
    const ssize_t n = recv(pair.sockets.a(), wire, sizeof wire, 0);
    ASSERT_GT(n, 10);
    wire[n - 1] = static_cast<char>(wire[n - 1] ^ 1);
    ASSERT_EQ(send(pair.sockets.b(), wire, static_cast<std::size_t>(n), 0), n);
    char buffer[16];
    EXPECT_EQ(pair.server->read(buffer, 16).state, TlsState::error);
    EXPECT_EQ(pair.server->refusal(), Refusal::bad_record);
}

TEST_F(TlsSession, ALongHandshakeMayArriveByteByByte) {
    TestPair pair(server(), client(), {"shop.test", ""});
    EXPECT_EQ(pair.client->handshake().state, TlsState::want_read);
    char hello[4096];
    const ssize_t n = recv(pair.sockets.a(), hello, sizeof hello, 0);
    ASSERT_GT(n, 100);
    for (ssize_t i = 0; i < n; ++i) {
        EXPECT_EQ(pair.server->handshake().state, TlsState::want_read);
        ASSERT_EQ(send(pair.sockets.b(), hello + i, 1, 0), 1);
    }
    EXPECT_TRUE(pair.shake());
}

TEST_F(TlsSession, AHandshakeIsFinishedOnlyWhenItsOutputIsSent) {
    struct Stuffed final : Transport {
        explicit Stuffed(int fd) : inner(fd) {}
        std::ptrdiff_t receive(char* buffer, std::size_t size) noexcept override {
            return inner.receive(buffer, size);
        }
        std::ptrdiff_t send(const char* bytes, std::size_t size) noexcept override {
            if (room == 0) return kBlocked;
            const std::size_t n = std::min(room, size);
            room -= n;
            return inner.send(bytes, n);
        }
        FdTransport inner;
        std::size_t room = 0;
    };
    TestSockets sockets;
    Stuffed stuffed(sockets.a());
    FdTransport plain(sockets.b());
    const auto a = Session::accept(server(), stuffed);
    const auto b = Session::connect(client(), plain, {"shop.test", ""}, nullptr, test_now_s());
    EXPECT_EQ(b->handshake().state, TlsState::want_read);
    EXPECT_EQ(a->handshake().state, TlsState::want_write);
    for (int i = 0; i < 100 && !b->handshake().ok(); ++i) {
        stuffed.room = 50;
        (void)a->handshake();
    }
    EXPECT_TRUE(b->established());
    stuffed.room = 10'000;
    EXPECT_TRUE(a->handshake().ok());
}

}  // namespace
}  // namespace glassgate::io::tls
