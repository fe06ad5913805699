#include <gtest/gtest.h>

#include "io/tls/resumption_cache.h"
#include "io/tls/test_pair.h"

namespace glassgate::io::tls {
namespace {

const TestAuthority& authority() {
    static const TestAuthority made;
    return made;
}

class TlsResumption : public testing::TestWithParam<const char*> {
protected:
    TlsResumption() {
        server_settings.ticket_keys = keys;
        server_settings.crypto.max_version = GetParam();
        client = client_context(authority().client_settings());
    }
    // Connects once; whether it was resumed, on both sides.
    bool connect(const std::shared_ptr<const ServerContext>& server,
                 const std::shared_ptr<const ClientContext>& with,
                 const std::string& host = "shop.test") {
        TestPair pair(server, with, {host, "target"}, &cache);
        EXPECT_TRUE(pair.shake()) << pair.server->failure() << pair.client->failure();
        EXPECT_EQ(pair.server->resumed(), pair.client->resumed());
        EXPECT_EQ(pair.server->version(), std::string("TLSv") + GetParam());
        if (pair.server->resumed()) {
            EXPECT_NE(pair.client->peer(), nullptr) << "the facts survive";
        }
        return pair.server->resumed();
    }

    std::shared_ptr<TicketKeys> keys = TicketKeys::make();
    ServerSettings server_settings = authority().server_settings();
    std::shared_ptr<const ClientContext> client;
    ResumptionCache cache;
};
INSTANTIATE_TEST_SUITE_P(Versions, TlsResumption, testing::Values("1.2", "1.3"));

TEST_P(TlsResumption, WorksWithoutStateAndAcrossReloads) {
    const auto server = server_context(server_settings);
    EXPECT_FALSE(connect(server, client));
    EXPECT_TRUE(connect(server, client));
    EXPECT_TRUE(connect(server_context(server_settings), client)) << "a new generation";
    EXPECT_EQ(cache.size(), 1u);
}

TEST_P(TlsResumption, NeedsTheSameKeys) {
    EXPECT_FALSE(connect(server_context(server_settings), client));
    server_settings.ticket_keys = TicketKeys::make();
    EXPECT_FALSE(connect(server_context(server_settings), client));
}

TEST_P(TlsResumption, OutlivesARotationButNotAll) {
    const auto server = server_context(server_settings);
    uint64_t now_ns = 1;
    const auto rotate = [&] { now_ns = keys->rotate(now_ns), (void)keys->rotate(now_ns); };
    EXPECT_FALSE(connect(server, client));
    rotate();
    EXPECT_TRUE(connect(server, client));
    rotate();
    rotate();
    EXPECT_TRUE(connect(server, client)) << "with the ticket made anew";
    rotate();
    rotate();
    rotate();
    EXPECT_FALSE(connect(server, client));
}

TEST_P(TlsResumption, CanBeSwitchedOff) {
    server_settings.ticket_keys = nullptr;
    const auto server = server_context(server_settings);
    EXPECT_FALSE(connect(server, client));
    EXPECT_FALSE(connect(server, client));
    EXPECT_EQ(cache.size(), 0u);
    server_settings.ticket_keys = keys;
    const auto with_tickets = server_context(server_settings);
    ClientSettings settings = authority().client_settings();
    settings.resume = false;
    const auto never = client_context(settings);
    EXPECT_FALSE(connect(with_tickets, never));
    EXPECT_FALSE(connect(with_tickets, never));
}

TEST_P(TlsResumption, DoesNotCrossListenersContextsOrHosts) {
    const auto server = server_context(server_settings);
    EXPECT_FALSE(connect(server, client));
    EXPECT_FALSE(connect(server, client_context(authority().client_settings())))
        << "another context of the client";
    EXPECT_FALSE(connect(server, client, "a.shop.test")) << "another host";
    server_settings.session_scope = "other listener";
    EXPECT_FALSE(connect(server_context(server_settings), client));
}

TEST_P(TlsResumption, KeepsTheClientCertificateAndForgetsItWithTheTrust) {
    ClientSettings client_settings = authority().client_settings();
    client_settings.certificate = TestAuthority::identity(authority().client);
    const auto with_certificate = client_context(client_settings);
    server_settings.client_certificates = ClientCertificates::required;
    server_settings.client_trust.authorities.push_back({{}, authority().root.pem()});
    const auto server = server_context(server_settings);
    EXPECT_FALSE(connect(server, with_certificate));
    TestPair pair(server, with_certificate, {"shop.test", "target"}, &cache);
    ASSERT_TRUE(pair.shake());
    EXPECT_TRUE(pair.server->resumed());
    ASSERT_NE(pair.server->peer(), nullptr);
    EXPECT_EQ(pair.server->peer()->subject, "CN=payments,O=Secure Bank\\, Inc.,C=DE");

    server_settings.client_trust.crls = {{{}, authority().root.crl_pem({&authority().client})}};
    TestPair revoked(server_context(server_settings), with_certificate, {"shop.test", "target"},
                     &cache);
    EXPECT_FALSE(revoked.shake()) << "revocation is not slept through";
    EXPECT_EQ(revoked.server->refusal(), Refusal::certificate_revoked);
}

TEST_P(TlsResumption, AnExpiredClientCertificateIsNotResumed) {
    const TestCertificate brief(TestIssue{.subject = {{"CN", "brief"}}, .to_s = 2},
                                &authority().root);
    ClientSettings client_settings = authority().client_settings();
    client_settings.certificate = TestAuthority::identity(brief);
    const auto with_certificate = client_context(client_settings);
    server_settings.client_certificates = ClientCertificates::required;
    server_settings.client_trust.authorities.push_back({{}, authority().root.pem()});
    const auto server = server_context(server_settings);
    EXPECT_FALSE(connect(server, with_certificate));
    while (X509_cmp_current_time(X509_get0_notAfter(brief.get())) > 0) usleep(50'000);
    TestPair pair(server, with_certificate, {"shop.test", "target"}, &cache);
    EXPECT_FALSE(pair.shake());
    EXPECT_EQ(pair.server->refusal(), Refusal::certificate_expired);
}

SessionPtr session_of(long age_s = 0) {
    SessionPtr session(SSL_SESSION_new());
    const unsigned char id[1] = {1};
    SSL_SESSION_set1_id(session.get(), id, 1);
    SSL_SESSION_set_time(session.get(), static_cast<long>(test_now_s()) - age_s);
    SSL_SESSION_set_timeout(session.get(), 100);
    return session;
}

TEST(TlsResumptionCache, IsBoundedAndForgetsTheLeastUsed) {
    ResumptionCache cache(2);
    cache.put("a", session_of());
    cache.put("b", session_of());
    EXPECT_NE(cache.find("a", test_now_s()), nullptr);
    cache.put("c", session_of());
    EXPECT_EQ(cache.size(), 2u);
    EXPECT_EQ(cache.find("b", test_now_s()), nullptr);
    EXPECT_NE(cache.find("a", test_now_s()), nullptr);
    cache.put("a", session_of());
    EXPECT_EQ(cache.size(), 2u);
    cache.forget("a");
    EXPECT_EQ(cache.find("a", test_now_s()), nullptr);
    EXPECT_EQ(cache.size(), 1u);
}

TEST(TlsResumptionCache, DoesNotOfferOldSessions) {
    ResumptionCache cache;
    cache.put("a", session_of(101));
    EXPECT_EQ(cache.find("a", test_now_s()), nullptr);
    EXPECT_EQ(cache.size(), 0u);
}

}  // namespace
}  // namespace glassgate::io::tls
