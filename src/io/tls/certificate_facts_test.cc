#include "io/tls/certificate_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/tls/distinguished_name.h"
#include "io/tls/subject_allow_list.h"
#include "io/tls/test_pair.h"

namespace glassgate::io::tls {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string canonical(std::string_view text) {
    const auto result = canonical_name(text);
    return result ? *result : "error: " + result.error().message;
}

TEST(DistinguishedName, IsWrittenAsRfc4514Says) {
    const auto text = [](std::vector<std::pair<std::string, std::string>> subject) {
        return facts_of(TestCertificate(TestIssue{.subject = std::move(subject)}).get()).subject;
    };
    EXPECT_EQ(text({{"C", "DE"}, {"O", "Bank"}, {"CN", "a"}}), "CN=a,O=Bank,C=DE");
    EXPECT_EQ(text({{"CN", "a,b+c\"d\\e<f>g;h"}}), "CN=a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h");
    EXPECT_EQ(text({{"CN", " #x "}}), "CN=\\ #x\\ ");
    EXPECT_EQ(text({{"CN", "#x"}}), "CN=\\#x");
    EXPECT_EQ(text({{"CN", "M\xc3\xbcller"}}), "CN=M\xc3\xbcller");
    EXPECT_EQ(text({{"CN", "a\r\nb"}}), "CN=a\\0D\\0Ab") << "no line end ever";
    EXPECT_EQ(text({{"UID", "7"}, {"emailAddress", "x@y.z"}}), "emailAddress=x@y.z,UID=7");
}

TEST(DistinguishedName, IsComparedByMeaningNotBySpelling) {
    EXPECT_EQ(canonical("CN=a,O=Bank\\, Inc.,C=DE"), canonical("cn = a , O=Bank\\2c Inc. ,c=DE"));
    EXPECT_EQ(canonical("2.5.4.3=a"), canonical("CN=a"));
    EXPECT_EQ(canonical("CN=a+OU=b"), canonical("OU=b+CN=a"));
    EXPECT_EQ(canonical("CN=M\\C3\\BCller"), canonical("CN=M\xc3\xbcller"));
    EXPECT_EQ(canonical("CN=a\\ "), canonical("CN=a\\20"));
    EXPECT_EQ(canonical("CN=x=y"), canonical("CN=x\\=y"));
    EXPECT_NE(canonical("CN=a,O=b"), canonical("O=b,CN=a")) << "the order counts";
    EXPECT_NE(canonical("CN=a"), canonical("CN=A")) << "letter case counts";
    EXPECT_NE(canonical("CN=a,O=b"), canonical("CN=a\\,O\\=b"));
    EXPECT_NE(canonical("CN=a+O=b"), canonical("CN=a,O=b"));
    EXPECT_NE(canonical("CN=\\#0401"), canonical("CN=#0401"));
    EXPECT_NE(canonical("CN=a"), canonical("CN=a\\ "));
}

TEST(DistinguishedName, SaysWhatIsWrong) {
    EXPECT_EQ(canonical(""), "error: an empty name");
    EXPECT_EQ(canonical("payments"), "error: 'payments' has no '='");
    EXPECT_EQ(canonical("CN=a,"), "error: '' has no '='");
    EXPECT_EQ(canonical("XY=a"), "error: unknown attribute type 'XY'");
    EXPECT_EQ(canonical("CN=a\\"), "error: a lone '\\'");
    EXPECT_EQ(canonical("CN=\"a\""), "error: '\"' must be written as '\\\"'");
    EXPECT_EQ(canonical("CN=#12z4"), "error: '#' needs pairs of hex digits");
}

TEST(CertificateFacts, SayWhatTheCertificateSays) {
    const TestCertificate root(
        {.subject = {{"CN", "Root"}}, .ca = true, .serial = 0x1a2b3c, .rsa_bits = 2048});
    const TestCertificate leaf(
        TestIssue{.subject = {{"CN", "leaf"}},
                  .names = "DNS:a.test,DNS:*.b.test,IP:192.0.2.7,IP:2001:db8::1,"
                           "URI:spiffe://x/y,email:a@b.test",
                  .from_s = -100,
                  .to_s = 1000,
                  .serial = 10},
        &root);
    const CertificateFacts facts = facts_of(leaf.get());
    EXPECT_EQ(facts.subject, "CN=leaf");
    EXPECT_EQ(facts.issuer, "CN=Root");
    EXPECT_EQ(facts.serial, "0A");
    EXPECT_EQ(facts_of(root.get()).serial, "1A2B3C");
    EXPECT_THAT(facts.dns_names, ElementsAre("a.test", "*.b.test"));
    EXPECT_THAT(facts.ip_addresses, ElementsAre("192.0.2.7", "2001:db8::1"));
    EXPECT_THAT(facts.uris, ElementsAre("spiffe://x/y"));
    EXPECT_THAT(facts.emails, ElementsAre("a@b.test"));
    EXPECT_EQ(facts.key, "EC P-256");
    EXPECT_EQ(facts_of(root.get()).key, "RSA 2048");
    EXPECT_FALSE(facts.is_ca);
    EXPECT_TRUE(facts_of(root.get()).is_ca);
    EXPECT_NEAR(static_cast<double>(facts.not_after_s - test_now_s()), 1000, 5);
    EXPECT_EQ(facts.not_after_s - facts.not_before_s, 1100);
    EXPECT_EQ(facts.fingerprint.size(), 64u);
    const std::string text = describe(facts, test_now_s());
    EXPECT_THAT(text, HasSubstr("  subject: CN=leaf\n"));
    EXPECT_THAT(text, HasSubstr("  DNS names: a.test, *.b.test\n"));
    EXPECT_THAT(text, HasSubstr("(0 days left)"));
    EXPECT_THAT(describe(facts, test_now_s() + 2000), HasSubstr("(expired)"));
}

TEST(CertificateFacts, ExpiryHasSteps) {
    constexpr int64_t kDay = 86400, kEnd = 100 * kDay;
    EXPECT_EQ(expiry_of(kEnd, kEnd - 21 * kDay), Expiry::far);
    EXPECT_EQ(expiry_of(kEnd, kEnd - 21 * kDay + 1), Expiry::within_21_days);
    EXPECT_EQ(expiry_of(kEnd, kEnd - 7 * kDay + 1), Expiry::within_7_days);
    EXPECT_EQ(expiry_of(kEnd, kEnd - kDay + 1), Expiry::within_1_day);
    EXPECT_EQ(expiry_of(kEnd, kEnd), Expiry::within_1_day);
    EXPECT_EQ(expiry_of(kEnd, kEnd + 1), Expiry::expired);
    EXPECT_EQ(to_text(Expiry::within_7_days), "within_7_days");
    EXPECT_EQ(time_text(0), "1970-01-01T00:00:00Z");
}

CertificateFacts somebody() {
    CertificateFacts facts;
    facts.subject_key = *canonical_name("CN=payments,O=Bank,C=DE");
    facts.dns_names = {"pay.bank.test", "*.wild.test"};
    facts.uris = {"spiffe://bank/ns/pay/sa/api"};
    facts.emails = {"ops@bank.test"};
    facts.ip_addresses = {"2001:db8::7"};
    return facts;
}

bool allows(const std::string& entry) {
    Problems problems;
    const auto list = SubjectAllowList::compile({entry}, "allow", problems);
    EXPECT_FALSE(problems.has_errors()) << text_of(problems);
    return list.allows(somebody());
}

TEST(SubjectAllowList, MatchesNamesOfEveryKind) {
    EXPECT_TRUE(allows("dns:pay.bank.test"));
    EXPECT_TRUE(allows("PAY.bank.test"));
    EXPECT_TRUE(allows("*.bank.test"));
    EXPECT_FALSE(allows("*.test")) << "one label";
    EXPECT_FALSE(allows("bank.test"));
    EXPECT_FALSE(allows("dns:x.wild.test")) << "the certificate's wildcard is nobody's name";
    EXPECT_TRUE(allows("spiffe://bank/ns/pay/sa/api"));
    EXPECT_TRUE(allows("uri:spiffe://bank/ns/pay/*"));
    EXPECT_FALSE(allows("uri:spiffe://bank/ns/pay"));
    EXPECT_FALSE(allows("spiffe://bank/ns/Pay/*"));
    EXPECT_FALSE(allows("spiffe://bank/ns/pay/sa/api/*"));
    EXPECT_TRUE(allows("email:ops@bank.test"));
    EXPECT_TRUE(allows("ip:2001:DB8:0::7"));
    EXPECT_FALSE(allows("192.0.2.7"));
    EXPECT_TRUE(allows("CN=payments, O=Bank, C=DE"));
    EXPECT_TRUE(allows("dn:cn=payments,2.5.4.10=Bank,C=DE"));
    EXPECT_FALSE(allows("dn:CN=payments,O=Bank"));
    EXPECT_FALSE(allows("dn:C=DE,O=Bank,CN=payments"));
}

TEST(SubjectAllowList, AnEmptyListLetsNobodyIn) {
    EXPECT_FALSE(SubjectAllowList{}.allows(somebody()));
    Problems problems;
    const auto list = SubjectAllowList::compile({"dn:CN=x"}, "allow", problems);
    EXPECT_FALSE(list.allows(CertificateFacts{})) << "no subject is nobody";
}

TEST(SubjectAllowList, ReportsEveryMistake) {
    Problems problems;
    const auto list = SubjectAllowList::compile(
        {"dns:a b", "uri:spiffe://bank*", "uri:spiffe://*", "ip:1.2.3", "dn:XX=1", "*.*.test", ""},
        "route.allow", problems);
    ASSERT_EQ(problems.errors(), 7u) << text_of(problems);
    EXPECT_EQ(problems.all()[0].where, "route.allow[0]");
    EXPECT_THAT(problems.all()[4].message, HasSubstr("unknown attribute type 'XX'"));
    EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace glassgate::io::tls
