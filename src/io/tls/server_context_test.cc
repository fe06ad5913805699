#include "io/tls/server_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "io/tls/test_pair.h"

namespace glassgate::io::tls {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;

const TestAuthority& authority() {
    static const TestAuthority made;
    return made;
}

Problems problems_of(const ServerSettings& settings) {
    Problems problems;
    const auto context = ServerContext::compile(settings, test_now_s(), problems);
    EXPECT_EQ(context == nullptr, problems.has_errors());
    return problems;
}

auto problem(const std::string& where, const std::string& message,
             const std::string& nearest = {}) {
    return AllOf(Field(&Problem::where, where), Field(&Problem::message, HasSubstr(message)),
                 Field(&Problem::nearest, nearest));
}

ServerCertificate certificate(const TestCertificate& made) {
    return {TestAuthority::identity(made), {}, {}};
}

TestCertificate issued(const std::string& name, unsigned rsa_bits = 0) {
    return {TestIssue{.subject = {{"CN", name}}, .names = "DNS:" + name, .rsa_bits = rsa_bits},
            &authority().root};
}

// Which certificate the server shows for a name, and the rest of the session.
std::string shown_for(const std::shared_ptr<const ServerContext>& context, const std::string& name,
                      bool rsa_only = false) {
    ClientSettings settings;
    settings.skip_verify = true;
    if (rsa_only) {
        settings.crypto.max_version = "1.2";
        settings.crypto.ciphers = {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"};
    }
    TestPair pair(context, client_context(settings), {name, ""});
    EXPECT_TRUE(pair.shake()) << pair.server->failure();
    return pair.client->peer() == nullptr ? "" : pair.client->peer()->subject;
}

TEST(TlsServerContext, ChoosesTheCertificateByName) {
    ServerSettings settings = authority().server_settings();  // shop.test, *.shop.test
    settings.certificates.push_back(certificate(issued("bank.test")));
    settings.certificates.push_back(certificate(issued("*.bank.test")));
    settings.certificates.push_back(certificate(issued("a.shop.test")));
    settings.certificates.push_back(certificate(issued("aliased.test")));
    settings.certificates.back().names = {"Other.Test"};
    const auto context = server_context(settings);
    EXPECT_EQ(shown_for(context, "shop.test"), "CN=shop.test");
    EXPECT_EQ(shown_for(context, "BANK.test"), "CN=bank.test");
    EXPECT_EQ(shown_for(context, "x.bank.test"), "CN=*.bank.test");
    EXPECT_EQ(shown_for(context, "a.shop.test"), "CN=a.shop.test") << "exact before wildcard";
    EXPECT_EQ(shown_for(context, "b.shop.test"), "CN=shop.test");
    EXPECT_EQ(shown_for(context, "x.y.bank.test"), "CN=shop.test") << "one label only";
    EXPECT_EQ(shown_for(context, "unknown.test"), "CN=shop.test");
    EXPECT_EQ(shown_for(context, "127.0.0.1"), "CN=shop.test") << "no name at all";
    EXPECT_EQ(shown_for(context, "other.test"), "CN=aliased.test");
    EXPECT_EQ(shown_for(context, "aliased.test"), "CN=shop.test") << "names replace, not add";
    ASSERT_EQ(context->certificates().size(), 5u);
    EXPECT_EQ(context->certificates()[1].subject, "CN=bank.test");
}

TEST(TlsServerContext, ServesRsaAndEcForTheSameName) {
    ServerSettings settings;
    const TestCertificate rsa(
        TestIssue{.subject = {{"CN", "rsa"}}, .names = "DNS:a.test", .rsa_bits = 2048},
        &authority().root);
    const TestCertificate ec(TestIssue{.subject = {{"CN", "ec"}}, .names = "DNS:a.test"},
                             &authority().root);
    settings.certificates = {certificate(rsa), certificate(ec)};
    const auto context = server_context(settings);
    EXPECT_EQ(shown_for(context, "a.test"), "CN=ec");
    EXPECT_EQ(shown_for(context, "a.test", true), "CN=rsa");
    settings.certificates.push_back(certificate(ec));
    EXPECT_THAT(problems_of(settings).all(),
                Contains(problem("certificates[2].chain", "same names and the same kind of key")));
}

TEST(TlsServerContext, WarnsOfANameThatIsTaken) {
    ServerSettings settings = authority().server_settings();
    const TestCertificate both(
        TestIssue{.subject = {{"CN", "b"}}, .names = "DNS:shop.test,DNS:more.test"},
        &authority().root);
    settings.certificates.push_back(certificate(both));
    const Problems problems = problems_of(settings);
    EXPECT_FALSE(problems.has_errors());
    EXPECT_THAT(problems.all(),
                Contains(problem("certificates[1].names", "'shop.test' is a name of an earlier")));
}

TEST(TlsServerContext, ChoosesTheProtocolByOurPreference) {
    ServerSettings settings = authority().server_settings();
    ClientSettings client = authority().client_settings();
    const auto agreed = [&](std::vector<std::string> ours, std::vector<std::string> theirs) {
        settings.alpn = std::move(ours);
        client.alpn = std::move(theirs);
        TestPair pair(server_context(settings), client_context(client), {"shop.test", ""});
        EXPECT_TRUE(pair.shake());
        EXPECT_EQ(pair.server->alpn(), pair.client->alpn());
        return std::string(pair.server->alpn());
    };
    EXPECT_EQ(agreed({"h2", "http/1.1"}, {"http/1.1", "h2"}), "h2");
    EXPECT_EQ(agreed({"http/1.1", "h2"}, {"h2", "http/1.1"}), "http/1.1");
    EXPECT_EQ(agreed({"h2", "http/1.1"}, {"http/1.1"}), "http/1.1");
    EXPECT_EQ(agreed({"h2", "http/1.1"}, {}), "");
    EXPECT_EQ(agreed({}, {"h2"}), "");
}

TEST(TlsServerContext, ReportsEveryMistakeAtOnce) {
    ServerSettings settings;
    const TestCertificate a = issued("a.test"), b = issued("b.test");
    const std::string cut = a.pem().substr(0, 300);
    settings.certificates = {
        {{PemSource::of(b.key_pem()), {}}, {}, {}},                              // no certificate
        {{PemSource::of(a.pem()), PemSource::of(b.key_pem())}, {}, {}},          // not its key
        {{PemSource::of(a.pem()), PemSource::of(a.key_pem("secret"))}, {}, {}},  // encrypted
        {{PemSource::of(cut), PemSource::of(a.key_pem())}, {}, {}},
        {{PemSource::of("/nowhere/x.pem"), PemSource::of("/nowhere/x.key")}, "/nowhere/x.der", {}},
        {{PemSource::of(b.pem() + a.pem()), PemSource::of(a.key_pem())}, {}, {}},  // wrong order
    };
    settings.crypto.min_version = "TLSv1.0";
    settings.crypto.max_version = "1.4";
    settings.crypto.ciphers = {"TLS_AES_128_GCM_SHA265", "RC4-SHA", "ECDHE-RSA-AES128-GCM-SHA256"};
    settings.crypto.groups = {"P-255"};
    settings.alpn = {"http1.1"};
    settings.client_certificates = ClientCertificates::required;
    settings.client_trust.crls = {PemSource::of("/nowhere/x.crl")};
    const Problems problems = problems_of(settings);
    const auto& all = problems.all();
    EXPECT_THAT(all, Contains(problem("certificates[0].chain",
                                      "has a block PRIVATE KEY but none CERTIFICATE")));
    EXPECT_THAT(all, Contains(problem("certificates[1].key",
                                      "does not belong to the certificate (CN=a.test)")));
    EXPECT_THAT(all, Contains(problem("certificates[2].key", "is encrypted")));
    EXPECT_THAT(all, Contains(problem("certificates[3].chain", "is cut short")));
    EXPECT_THAT(all, Contains(problem("certificates[4].chain",
                                      "/nowhere/x.pem: No such file or directory")));
    EXPECT_THAT(all, Contains(problem("certificates[4].key", "No such file")));
    EXPECT_THAT(all, Contains(problem("certificates[4].ocsp", "No such file")));
    EXPECT_THAT(all, Contains(problem("certificates[5].chain",
                                      "belongs to certificate 2 of the chain, not to the first")));
    EXPECT_THAT(all, Contains(problem("minVersion", "'TLSv1.0' is no longer offered")));
    EXPECT_THAT(all, Contains(problem("maxVersion", "unknown TLS version '1.4'")));
    EXPECT_THAT(all, Contains(problem("ciphers[0]", "unknown cipher", "TLS_AES_128_GCM_SHA256")));
    EXPECT_THAT(all, Contains(problem("ciphers[1]", "broken or obsolete")));
    EXPECT_THAT(all, Contains(problem("groups[0]", "unknown group", "P-256")));
    EXPECT_THAT(all, Contains(problem("alpn[0]", "unknown protocol", "http/1.1")));
    EXPECT_THAT(all, Contains(problem("clientCertificates.ca", "no CA")));
    EXPECT_THAT(all, Contains(problem("clientCertificates.crl[0]", "No such file")));
    EXPECT_EQ(problems.errors(), all.size()) << text_of(problems);
    EXPECT_EQ(all.size(), 16u) << text_of(problems);
}

TEST(TlsServerContext, WarnsOfWhatCanStillBeUsed) {
    ServerSettings settings = authority().server_settings();
    const TestCertificate old(TestIssue{.subject = {{"CN", "old"}}, .to_s = -60},
                              &authority().root);
    const TestCertificate stranger({.subject = {{"CN", "Stranger"}}, .ca = true});
    settings.certificates = {
        {TestAuthority::identity(old, stranger.pem()), {}, {"old.test"}},
    };
    settings.crypto.ciphers = {"AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256",
                               "ECDHE-RSA-AES128-GCM-SHA256"};
    const Problems problems = problems_of(settings);
    EXPECT_FALSE(problems.has_errors()) << text_of(problems);
    EXPECT_THAT(problems.all(), Contains(problem("certificates[0].chain", "CN=old has expired")));
    EXPECT_THAT(problems.all(), Contains(problem("certificates[0].chain",
                                                 "2 of the chain did not issue certificate 1")));
    EXPECT_THAT(problems.all(), Contains(problem("ciphers[0]", "no forward secrecy")));
    EXPECT_THAT(problems.all(), Contains(problem("ciphers[1]", "CBC")));
    EXPECT_EQ(problems.all().size(), 4u);
}

TEST(TlsServerContext, RefusesWeakKeys) {
    ServerSettings settings;
    settings.certificates = {certificate(issued("weak.test", 1024))};
    EXPECT_THAT(problems_of(settings).all(),
                Contains(problem("certificates[0].chain", "key too small")));
}

TEST(TlsServerContext, NeedsACertificate) {
    EXPECT_THAT(problems_of({}).all(), Contains(problem("certificates", "no certificate")));
}

TEST(TlsServerContext, ReadsFilesAndCombinedPem) {
    const TestCertificate a = issued("a.test");
    const TestFile chain(a.pem()), key(a.key_pem()), both(a.key_pem() + a.pem());
    ServerSettings settings;
    settings.certificates = {
        {{PemSource::of(chain.path()), PemSource::of(key.path())}, {}, {}},
        {{PemSource::of(both.path()), {}}, {}, {"b.test"}},
    };
    const auto context = server_context(settings);
    EXPECT_EQ(shown_for(context, "b.test"), "CN=a.test");
    key.write("");
    EXPECT_THAT(problems_of(settings).all(), Contains(problem("certificates[0].key", "is empty")));
}

TEST(TlsServerContext, TellsDerFromPem) {
    const TestCertificate a = issued("a.test");
    unsigned char* der = nullptr;
    const int size = i2d_X509(a.get(), &der);
    const TestFile file({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
    OPENSSL_free(der);
    ServerSettings settings;
    settings.certificates = {{{PemSource::of(file.path()), PemSource::of(a.key_pem())}, {}, {}}};
    EXPECT_THAT(problems_of(settings).all(),
                Contains(problem("certificates[0].chain", "is DER, not PEM")));
}

struct Stapled {
    bool asked_and_given = false;
    bool good = false;
};

Stapled staple_of(const std::shared_ptr<const ServerContext>& context) {
    const ContextPtr client(SSL_CTX_new(TLS_client_method()));
    const SslPtr ssl(SSL_new(client.get()));
    TestSockets sockets;
    FdTransport transport(sockets.a());
    const auto server = Session::accept(context, transport);
    SSL_set_fd(ssl.get(), sockets.b());
    SSL_set_tlsext_status_type(ssl.get(), TLSEXT_STATUSTYPE_ocsp);
    SSL_set_connect_state(ssl.get());
    for (int i = 0; i < 10 && SSL_is_init_finished(ssl.get()) == 0; ++i) {
        SSL_do_handshake(ssl.get());
        (void)server->handshake();
    }
    const unsigned char* response = nullptr;
    const long size = SSL_get_tlsext_status_ocsp_resp(ssl.get(), &response);
    return {size > 0, SSL_is_init_finished(ssl.get()) == 1};
}

TEST(TlsServerContext, StaplesAGoodResponse) {
    const TestFile response(authority().root.ocsp_der(authority().server));
    ServerSettings settings = authority().server_settings();
    settings.certificates[0].ocsp_path = response.path();
    Stapled stapled = staple_of(server_context(settings));
    EXPECT_TRUE(stapled.good);
    EXPECT_TRUE(stapled.asked_and_given);
    settings.certificates[0].ocsp_path.clear();
    stapled = staple_of(server_context(settings));
    EXPECT_TRUE(stapled.good);
    EXPECT_FALSE(stapled.asked_and_given);
}

TEST(TlsServerContext, DoesNotStapleABadResponse) {
    ServerSettings settings = authority().server_settings();
    const auto& [root, server, client] = authority();
    const std::pair<std::string, std::string> bad[] = {
        {root.ocsp_der(client), "is about another certificate"},
        {root.ocsp_der(server, V_OCSP_CERTSTATUS_GOOD, -60), "is out of date"},
        {root.ocsp_der(server, V_OCSP_CERTSTATUS_REVOKED), "is revoked"},
        {root.ocsp_der(server, V_OCSP_CERTSTATUS_UNKNOWN), "does not know"},
    };
    for (const auto& [der, why] : bad) {
        const TestFile response(der);
        settings.certificates[0].ocsp_path = response.path();
        const Problems problems = problems_of(settings);
        EXPECT_FALSE(problems.has_errors());
        EXPECT_THAT(problems.all(), Contains(problem("certificates[0].ocsp", why)));
        EXPECT_FALSE(staple_of(server_context(settings)).asked_and_given);
    }
    const TestFile garbage("garbage");
    settings.certificates[0].ocsp_path = garbage.path();
    EXPECT_THAT(problems_of(settings).all(),
                Contains(problem("certificates[0].ocsp", "is not an OCSP response")));
}

TEST(TlsServerContext, IsSharedByThreads) {
    ServerSettings settings = authority().server_settings();
    settings.ticket_keys = TicketKeys::make();
    settings.client_certificates = ClientCertificates::optional;
    settings.client_trust.authorities.push_back({{}, authority().root.pem()});
    const auto server = server_context(settings);
    ClientSettings client_settings = authority().client_settings();
    client_settings.certificate = TestAuthority::identity(authority().client);
    const auto client = client_context(client_settings);
    std::vector<std::thread> threads;
    std::atomic<int> good{0}, resumed{0};
    for (int t = 0; t < 3; ++t)
        threads.emplace_back([&] {
            ResumptionCache cache;
            for (int i = 0; i < 20; ++i) {
                TestPair pair(server, client, {"shop.test", "t"}, &cache);
                if (pair.shake()) ++good;
                if (pair.server->resumed()) ++resumed;
            }
        });
    std::thread rotating([&] {
        for (uint64_t i = 1; i < 4; ++i) (void)settings.ticket_keys->rotate(i * 4'000'000'000'000);
    });
    for (auto& thread : threads) thread.join();
    rotating.join();
    EXPECT_EQ(good, 60);
    EXPECT_GT(resumed, 40);
}

TEST(TlsServerContext, ConnectionsKeepTheContextTheyBeganWith) {
    auto server = server_context(authority().server_settings());
    TestPair pair(server, client_context(authority().client_settings()), {"shop.test", ""});
    EXPECT_EQ(pair.client->handshake().state, TlsState::want_read);
    const std::weak_ptr<const ServerContext> old = server;
    server.reset();  // a reload
    EXPECT_FALSE(old.expired());
    EXPECT_TRUE(pair.shake());
    pair.server.reset();
    EXPECT_TRUE(old.expired());
}

}  // namespace
}  // namespace glassgate::io::tls
