#include "io/tls/refusal.h"

#include <gtest/gtest.h>

#include <set>

#include "io/tls/test_pair.h"

namespace glassgate::io::tls {
namespace {

const TestAuthority& authority() {
    static const TestAuthority made;
    return made;
}

// What a client with these settings says of a server with this certificate.
Refusal client_says(const TestCertificate& certificate, const std::string& host,
                    ClientSettings settings = authority().client_settings(),
                    const std::string& more_chain = {}) {
    ServerSettings server = authority().server_settings();
    server.certificates[0].identity = TestAuthority::identity(certificate, more_chain);
    TestPair pair(server_context(server), client_context(settings), {host, ""});
    const bool good = pair.shake();
    EXPECT_EQ(good, pair.client->refusal() == Refusal::none);
    EXPECT_TRUE(pair.client->failure().starts_with(good ? "" : to_text(pair.client->refusal())));
    return pair.client->refusal();
}

// What a server that requires certificates says of a client; `text`: for people.
Refusal server_says(const TestCertificate* certificate, ServerSettings server,
                    std::string* text = nullptr, const std::string& more_chain = {},
                    Refusal* client_learns = nullptr) {
    ClientSettings client = authority().client_settings();
    if (certificate != nullptr)
        client.certificate = TestAuthority::identity(*certificate, more_chain);
    TestPair pair(server_context(server), client_context(client), {"shop.test", ""});
    const bool good = pair.shake();
    EXPECT_EQ(good, pair.server->refusal() == Refusal::none) << pair.client->failure();
    if (text != nullptr) *text = pair.server->failure();
    if (client_learns != nullptr) *client_learns = pair.client->refusal();
    return pair.server->refusal();
}

ServerSettings mutual() {
    ServerSettings settings = authority().server_settings();
    settings.client_certificates = ClientCertificates::required;
    settings.client_trust.authorities.push_back({{}, authority().root.pem()});
    return settings;
}

TestCertificate issued(TestIssue issue, const TestCertificate* issuer = &authority().root) {
    if (issue.names.empty()) issue.names = "DNS:shop.test";
    return {issue, issuer};
}

TEST(TlsRefusal, SlugsAreDistinctAndPlain) {
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < static_cast<std::size_t>(Refusal::count_); ++i) {
        const std::string_view name = to_text(static_cast<Refusal>(i));
        EXPECT_FALSE(name.empty());
        EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"),
                  std::string_view::npos)
            << name;
        EXPECT_TRUE(seen.insert(name).second) << name;
    }
    EXPECT_EQ(to_text(Refusal::certificate_expired), "certificate_expired");
    EXPECT_EQ(to_text(Refusal::internal_error), "internal_error");
    EXPECT_EQ(to_text(Refusal::peer_alert_unknown_ca), "peer_alert_unknown_ca");
    EXPECT_EQ(to_text(Refusal::peer_alert_other), "peer_alert_other");
}

TEST(TlsRefusal, OfServerCertificates) {
    const TestCertificate good = issued({});
    EXPECT_EQ(client_says(good, "shop.test"), Refusal::none);
    EXPECT_EQ(client_says(issued({.to_s = -3600}), "shop.test"), Refusal::certificate_expired);
    EXPECT_EQ(client_says(issued({.from_s = 3600}), "shop.test"),
              Refusal::certificate_not_yet_valid);
    EXPECT_EQ(client_says(good, "other.test"), Refusal::host_mismatch);
    EXPECT_EQ(client_says(good, "192.0.2.1"), Refusal::host_mismatch);
    EXPECT_EQ(client_says(authority().server, "127.0.0.1"), Refusal::none);
    EXPECT_EQ(client_says(authority().server, "a.shop.test"), Refusal::none);
    EXPECT_EQ(client_says(authority().server, "a.b.shop.test"), Refusal::host_mismatch);
    EXPECT_EQ(client_says(issued({}, nullptr), "shop.test"), Refusal::unknown_ca);
    EXPECT_EQ(client_says(issued({.usage = "clientAuth"}), "shop.test"), Refusal::wrong_purpose);
    const TestCertificate by_name_only(TestIssue{.subject = {{"CN", "shop.test"}}},
                                       &authority().root);
    EXPECT_EQ(client_says(by_name_only, "shop.test"), Refusal::host_mismatch);
}

TEST(TlsRefusal, OfRevokedServerCertificates) {
    const TestCertificate bad = issued({}), good = issued({});
    ClientSettings settings = authority().client_settings();
    settings.trust.crls.push_back({{}, authority().root.crl_pem({&bad})});
    EXPECT_EQ(client_says(bad, "shop.test", settings), Refusal::certificate_revoked);
    EXPECT_EQ(client_says(good, "shop.test", settings), Refusal::none);
    settings.trust.crls = {{{}, authority().root.crl_pem({&bad}, -3600)}};
    EXPECT_EQ(client_says(good, "shop.test", settings), Refusal::crl_expired);
    const TestCertificate other({.subject = {{"CN", "Other Root"}}, .ca = true});
    settings.trust.crls = {{{}, other.crl_pem({})}};
    EXPECT_EQ(client_says(good, "shop.test", settings), Refusal::crl_unavailable);
}

TEST(TlsRefusal, OfChains) {
    const TestCertificate middle({.subject = {{"CN", "Middle"}}, .ca = true}, &authority().root);
    const TestCertificate leaf = issued({}, &middle);
    EXPECT_EQ(client_says(leaf, "shop.test"), Refusal::unknown_ca);
    EXPECT_EQ(client_says(leaf, "shop.test", authority().client_settings(), middle.pem()),
              Refusal::none);
    ClientSettings shallow = authority().client_settings();
    shallow.trust.depth = 0;
    EXPECT_EQ(client_says(leaf, "shop.test", shallow, middle.pem()), Refusal::chain_too_long);
    ClientSettings anchor = authority().client_settings();
    anchor.trust.authorities = {{{}, middle.pem()}};
    EXPECT_EQ(client_says(leaf, "shop.test", anchor), Refusal::none)
        << "an intermediate certificate is an anchor when it is trusted itself";
    ClientSettings revoked_middle = authority().client_settings();
    revoked_middle.trust.crls = {{{}, authority().root.crl_pem({&middle})},
                                 {{}, middle.crl_pem({})}};
    EXPECT_EQ(client_says(leaf, "shop.test", revoked_middle, middle.pem()), Refusal::none);
    revoked_middle.trust.crl_scope = CrlScope::chain;
    EXPECT_EQ(client_says(leaf, "shop.test", revoked_middle, middle.pem()),
              Refusal::certificate_revoked);
}

TEST(TlsRefusal, NothingIsVerifiedWhenSwitchedOff) {
    ClientSettings settings;
    settings.skip_verify = true;
    EXPECT_EQ(client_says(issued({.to_s = -1}, nullptr), "other.test", settings), Refusal::none);
}

TEST(TlsRefusal, OfClientCertificates) {
    std::string text;
    Refusal learns{};
    EXPECT_EQ(server_says(&authority().client, mutual()), Refusal::none);
    EXPECT_EQ(server_says(nullptr, mutual(), nullptr, {}, &learns), Refusal::no_certificate);
    EXPECT_EQ(learns, Refusal::peer_alert_certificate_required);
    const TestCertificate expired(TestIssue{.subject = {{"CN", "old"}}, .to_s = -60},
                                  &authority().root);
    EXPECT_EQ(server_says(&expired, mutual(), &text, {}, &learns), Refusal::certificate_expired);
    EXPECT_EQ(learns, Refusal::peer_alert_certificate_expired);
    EXPECT_EQ(text, "certificate_expired: CN=old (certificate has expired)");
    const TestCertificate strange(TestIssue{.subject = {{"CN", "who"}}});
    EXPECT_EQ(server_says(&strange, mutual(), nullptr, {}, &learns), Refusal::unknown_ca);
    EXPECT_EQ(learns, Refusal::peer_alert_unknown_ca);
    const TestCertificate weak(TestIssue{.subject = {{"CN", "w"}}, .digest = EVP_sha1()},
                               &authority().root);
    const TestCertificate server_only(TestIssue{.subject = {{"CN", "s"}}, .usage = "serverAuth"},
                                      &authority().root);
    EXPECT_EQ(server_says(&server_only, mutual()), Refusal::wrong_purpose);
    ServerSettings with_crl = mutual();
    with_crl.client_trust.crls = {{{}, authority().root.crl_pem({&authority().client})}};
    EXPECT_EQ(server_says(&authority().client, with_crl, nullptr, {}, &learns),
              Refusal::certificate_revoked);
    EXPECT_EQ(learns, Refusal::peer_alert_certificate_revoked);
}

TEST(TlsRefusal, OptionalMeansNoneOrAGoodOne) {
    ServerSettings optional = mutual();
    optional.client_certificates = ClientCertificates::optional;
    EXPECT_EQ(server_says(nullptr, optional), Refusal::none);
    EXPECT_EQ(server_says(&authority().client, optional), Refusal::none);
    const TestCertificate strange(TestIssue{.subject = {{"CN", "who"}}});
    EXPECT_EQ(server_says(&strange, optional), Refusal::unknown_ca);
}

TEST(TlsRefusal, TheRefusedCertificateIsKnown) {
    const TestCertificate strange(TestIssue{.subject = {{"CN", "who"}}, .serial = 0xabc});
    ClientSettings client = authority().client_settings();
    client.certificate = TestAuthority::identity(strange);
    TestPair pair(server_context(mutual()), client_context(client), {"shop.test", ""});
    EXPECT_FALSE(pair.shake());
    ASSERT_NE(pair.server->peer(), nullptr);
    EXPECT_EQ(pair.server->peer()->subject, "CN=who");
    EXPECT_EQ(pair.server->peer()->serial, "0ABC");
}

TEST(TlsRefusal, TheVerifiedCertificateIsKnown) {
    ClientSettings client = authority().client_settings();
    client.certificate = TestAuthority::identity(authority().client);
    TestPair pair(server_context(mutual()), client_context(client), {"shop.test", ""});
    ASSERT_TRUE(pair.shake()) << pair.server->failure();
    const CertificateFacts* peer = pair.server->peer();
    ASSERT_NE(peer, nullptr);
    EXPECT_EQ(peer->subject, "CN=payments,O=Secure Bank\\, Inc.,C=DE");
    EXPECT_EQ(peer->dns_names, std::vector<std::string>{"payments.bank.test"});
    EXPECT_EQ(peer->uris, std::vector<std::string>{"spiffe://bank/ns/pay"});
    EXPECT_EQ(peer->fingerprint.size(), 64u);
    EXPECT_EQ(pair.server->peer_pem(), authority().client.pem());
    EXPECT_EQ(pair.server->peer_chain_pem(), authority().client.pem());
}

TEST(TlsRefusal, NothingInCommon) {
    const auto both = [](auto change_server, auto change_client) {
        ServerSettings server = authority().server_settings();
        ClientSettings client = authority().client_settings();
        change_server(server);
        change_client(client);
        TestPair pair(server_context(server), client_context(client), {"shop.test", ""});
        EXPECT_FALSE(pair.shake());
        return std::pair(pair.server->refusal(), pair.client->refusal());
    };
    EXPECT_EQ(both([](auto& s) { s.crypto.min_version = "1.3"; },
                   [](auto& c) { c.crypto.max_version = "1.2"; }),
              std::pair(Refusal::protocol_version, Refusal::peer_alert_protocol_version));
    EXPECT_EQ(both([](auto& s) { s.crypto.ciphers = {"TLS_AES_256_GCM_SHA384"}; },
                   [](auto& c) {
                       c.crypto.min_version = "1.3";
                       c.crypto.ciphers = {"TLS_AES_128_GCM_SHA256"};
                   }),
              std::pair(Refusal::no_shared_cipher, Refusal::peer_alert_handshake_failure));
    EXPECT_EQ(both([](auto& s) { s.crypto.groups = {"P-384"}; },
                   [](auto& c) {
                       c.crypto.min_version = "1.3";
                       c.crypto.groups = {"X25519"};
                   }),
              std::pair(Refusal::no_shared_group, Refusal::peer_alert_handshake_failure));
    EXPECT_EQ(
        both([](auto& s) { s.alpn = {"http/1.1"}; }, [](auto& c) { c.alpn = {"h2"}; }),
        std::pair(Refusal::no_application_protocol, Refusal::peer_alert_no_application_protocol));
    EXPECT_EQ(
        both(
            [](auto& s) { s.refuse_unknown_names = true, s.certificates[0].names = {"else.test"}; },
            [](auto&) {}),
        std::pair(Refusal::unrecognized_name, Refusal::peer_alert_unrecognized_name));
}

TEST(TlsRefusal, OfPeersThatDoNotSpeakTls) {
    const auto says = [](std::string_view bytes, bool end = false) {
        TestSockets sockets;
        FdTransport transport(sockets.a());
        static const auto context = server_context(authority().server_settings());
        const auto session = Session::accept(context, transport);
        EXPECT_EQ(send(sockets.b(), bytes.data(), bytes.size(), 0),
                  static_cast<ssize_t>(bytes.size()));
        if (end) sockets.close_b();
        const TlsResult r = session->handshake();
        EXPECT_EQ(r.state, TlsState::error) << bytes;
        char reply[64];
        if (!end) {
            const ssize_t n = recv(sockets.b(), reply, sizeof reply, 0);
            EXPECT_TRUE(n < 0 || session->refusal() != Refusal::plain_http)
                << "no alert for a client that cannot read it";
        }
        return session->refusal();
    };
    EXPECT_EQ(says("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Refusal::plain_http);
    EXPECT_EQ(says("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Refusal::plain_http);
    EXPECT_EQ(says("SSH-2.0-OpenSSH_9.2\r\n"), Refusal::not_tls);
    EXPECT_EQ(says("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n"), Refusal::not_tls);
    EXPECT_EQ(says(std::string_view("\0\0\0\0\0\0\0\0", 8)), Refusal::not_tls);
    EXPECT_EQ(says("", true), Refusal::closed);
    EXPECT_EQ(says("\x16\x03\x01", true), Refusal::closed);
    EXPECT_EQ(says(std::string_view("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10)),
              Refusal::decode_error);
    EXPECT_EQ(says(std::string_view("\x17\x03\x03\x00\x01\x00", 6)), Refusal::unexpected_message);
    EXPECT_EQ(says(std::string_view("\x15\x03\x03\x00\x02\x02\x30", 7)),
              Refusal::unexpected_message)
        << "an alert, before anything was said";
}

TEST(TlsRefusal, SaysWhatThePeerBeganWith) {
    TestSockets sockets;
    FdTransport transport(sockets.a());
    const auto session = Session::accept(server_context(authority().server_settings()), transport);
    ASSERT_EQ(send(sockets.b(), "SSH-2.0\r\n", 9, 0), 9);
    (void)session->handshake();
    EXPECT_EQ(session->failure(), "not_tls: the peer began with 'SSH-2.0..'");
}

TEST(TlsRefusal, APlainServerIsSeenByTheClient) {
    TestSockets sockets;
    FdTransport transport(sockets.a());
    const auto session = Session::connect(client_context(authority().client_settings()), transport,
                                          {"shop.test", ""}, nullptr, test_now_s());
    EXPECT_EQ(session->handshake().state, TlsState::want_read);
    ASSERT_GT(send(sockets.b(), "HTTP/1.1 400 Bad Request\r\n\r\n", 28, 0), 0);
    EXPECT_EQ(session->handshake().state, TlsState::error);
    EXPECT_EQ(session->refusal(), Refusal::plain_http);
}

}  // namespace
}  // namespace glassgate::io::tls
