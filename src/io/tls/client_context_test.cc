#include "io/tls/client_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

Problems problems_of(const ClientSettings& settings) {
    Problems problems;
    const auto context = ClientContext::compile(settings, test_now_s(), problems);
    EXPECT_EQ(context == nullptr, problems.has_errors());
    return problems;
}

auto problem(const std::string& where, const std::string& message) {
    return AllOf(Field(&Problem::where, where), Field(&Problem::message, HasSubstr(message)));
}

TEST(TlsClientContext, VerifiesByDefaultAgainstTheSystemsBundle) {
    const auto context = client_context({});
    EXPECT_TRUE(context->verifies());
    TestPair pair(server_context(authority().server_settings()), context, {"shop.test", ""});
    EXPECT_FALSE(pair.shake());
    EXPECT_EQ(pair.client->refusal(), Refusal::unknown_ca);
}

TEST(TlsClientContext, AsksForAnotherNameWhenToldTo) {
    ClientSettings settings = authority().client_settings();
    settings.server_name = "shop.test";
    TestPair pair(server_context(authority().server_settings()), client_context(settings),
                  {"10.0.0.1", ""});
    EXPECT_TRUE(pair.shake()) << pair.client->failure();
    EXPECT_EQ(pair.server->server_name(), "shop.test");
}

TEST(TlsClientContext, AsksForNoNameByAddress) {
    TestPair pair(server_context(authority().server_settings()),
                  client_context(authority().client_settings()), {"127.0.0.1", ""});
    EXPECT_TRUE(pair.shake());
    EXPECT_EQ(pair.server->server_name(), "");
}

TEST(TlsClientContext, HasItsOwnCertificate) {
    ClientSettings settings = authority().client_settings();
    settings.certificate = TestAuthority::identity(authority().client);
    const auto context = client_context(settings);
    ASSERT_TRUE(context->certificate().has_value());
    EXPECT_EQ(context->certificate()->uris[0], "spiffe://bank/ns/pay");
}

TEST(TlsClientContext, ReportsEveryMistakeAtOnce) {
    ClientSettings settings;
    settings.trust.authorities = {PemSource::of("/nowhere/ca.pem")};
    settings.certificate = IdentitySettings{PemSource::of(authority().client.pem()),
                                            PemSource::of(authority().server.key_pem())};
    settings.server_name = "*.test";
    settings.crypto.ciphers = {"NONSENSE"};
    settings.alpn = {"h3"};
    const Problems problems = problems_of(settings);
    EXPECT_THAT(problems.all(), Contains(problem("trust.ca[0]", "No such file")));
    EXPECT_THAT(problems.all(), Contains(problem("certificate.key", "does not belong")));
    EXPECT_THAT(problems.all(), Contains(problem("serverName", "is not a host name")));
    EXPECT_THAT(problems.all(), Contains(problem("ciphers[0]", "unknown cipher 'NONSENSE'")));
    EXPECT_THAT(problems.all(), Contains(problem("alpn[0]", "unknown protocol 'h3'")));
    EXPECT_EQ(problems.all().size(), 5u) << text_of(problems);
}

TEST(TlsClientContext, ACaWithoutVerificationIsAMistake) {
    ClientSettings settings = authority().client_settings();
    settings.skip_verify = true;
    EXPECT_THAT(problems_of(settings).all(), Contains(problem("trust.ca", "has no use")));
}

}  // namespace
}  // namespace glassgate::io::tls
