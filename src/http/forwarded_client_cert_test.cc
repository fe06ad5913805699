#include "http/forwarded_client_cert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace glassgate::http {
namespace {

using testing::ElementsAre;
using enum ClientCertForwarding;

ClientCertElement somebody() {
    ClientCertElement element;
    element.by = "spiffe://bank/gw";
    element.hash = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";
    element.subject = "CN=payments,O=Secure Bank\\, Inc.,C=DE";
    element.uris = {"spiffe://bank/ns/pay"};
    element.dns_names = {"a.test", "b.test"};
    element.cert = url_encoded("-----BEGIN\nx+/=\n");
    return element;
}

TEST(ForwardedClientCert, IsWrittenAsEnvoyDoes) {
    EXPECT_EQ(client_cert_element_text(somebody(), {}),
              "By=spiffe://bank/gw;"
              "Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688;"
              "Subject=\"CN=payments,O=Secure Bank\\, Inc.,C=DE\";URI=spiffe://bank/ns/pay");
    const ClientCertDetails all{true, true, true, true, true};
    const std::string text = client_cert_element_text(somebody(), all);
    EXPECT_TRUE(text.ends_with(";DNS=a.test;DNS=b.test")) << text;
    EXPECT_NE(text.find(";Cert=\"-----BEGIN%0Ax%2B%2F%3D%0A\";Subject="), std::string::npos)
        << text;
    EXPECT_EQ(client_cert_element_text({}, {}), "Subject=\"\"");
}

TEST(ForwardedClientCert, NobodyReadsPastTheQuotes) {
    ClientCertElement element;
    const auto subject_of = [&](const std::string& subject) {
        element.subject = subject;
        const std::string text = client_cert_element_text(element, {});
        const auto parsed = parse_forwarded_client_cert(text);
        EXPECT_TRUE(parsed && parsed->size() == 1 && parsed->front().by.empty()) << text;
        return text;
    };
    EXPECT_EQ(subject_of("CN=a\\\",By=x"), "Subject=\"CN=a\\22,By=x\"");
    EXPECT_EQ(subject_of("CN=a\\\\"), "Subject=\"CN=a\\5C\"");
    EXPECT_EQ(subject_of("CN=a\\"), "Subject=\"CN=a\\5C\"");
    EXPECT_EQ(subject_of("CN=M\xc3\xbc\r\n"), "Subject=\"CN=M\\C3\\BC\\0D\\0A\"");
    element.uris = {"spiffe://a\",By=evil", "spiffe://b,c;d", "spiffe://\r\n"};
    EXPECT_EQ(client_cert_element_text(element, {false}), "URI=\"spiffe://b,c;d\"");
}

TEST(ForwardedClientCert, ModesSayWhatGoesUpstream) {
    const std::optional<std::string> none;
    EXPECT_EQ(forwarded_client_cert(sanitize, "Hash=1", "Hash=2"), none);
    EXPECT_EQ(forwarded_client_cert(forward, "Hash=1", "Hash=2"), "Hash=1");
    EXPECT_EQ(forwarded_client_cert(forward, "", "Hash=2"), none);
    EXPECT_EQ(forwarded_client_cert(append_forward, "Hash=1", "Hash=2"), "Hash=1,Hash=2");
    EXPECT_EQ(forwarded_client_cert(append_forward, "", "Hash=2"), "Hash=2");
    EXPECT_EQ(forwarded_client_cert(sanitize_set, "Hash=1", "Hash=2"), "Hash=2");
    EXPECT_EQ(forwarded_client_cert(always_forward, "Hash=1", ""), "Hash=1");
    for (const ClientCertForwarding mode : {sanitize, forward, append_forward, sanitize_set})
        EXPECT_EQ(forwarded_client_cert(mode, "Hash=forged", ""), none)
            << "a client without a certificate says nothing about one";
}

TEST(ForwardedClientCert, ModesHaveNames) {
    EXPECT_EQ(client_cert_forwarding("append"), append_forward);
    EXPECT_EQ(client_cert_forwarding("SANITIZE_SET"), sanitize_set);
    EXPECT_EQ(client_cert_forwarding("FORWARD_ONLY"), forward);
    EXPECT_EQ(client_cert_forwarding("keep"), std::nullopt);
}

TEST(ForwardedClientCert, IsReadBack) {
    const std::string text =
        "by=spiffe://x; Hash=12 ;Subject=\"CN=\\\"q\\\",O=a;b\";URI=;DNS=a.test;DNS=b.test;New=1 , "
        "Hash=34";
    const auto parsed = parse_forwarded_client_cert(text);
    ASSERT_TRUE(parsed.has_value());
    ASSERT_EQ(parsed->size(), 2u);
    EXPECT_EQ((*parsed)[0].by, "spiffe://x");
    EXPECT_EQ((*parsed)[0].hash, "12");
    EXPECT_EQ((*parsed)[0].subject, "CN=\"q\",O=a;b");
    EXPECT_TRUE((*parsed)[0].uris.empty());
    EXPECT_THAT((*parsed)[0].dns_names, ElementsAre("a.test", "b.test"));
    EXPECT_EQ((*parsed)[1].hash, "34");
    EXPECT_TRUE(parse_forwarded_client_cert("")->empty());

    const ClientCertDetails all{true, true, true, true, true};
    const auto again = parse_forwarded_client_cert(client_cert_element_text(somebody(), all));
    ASSERT_TRUE(again && again->size() == 1);
    EXPECT_EQ(again->front().subject, somebody().subject);
    EXPECT_EQ(again->front().cert, somebody().cert);
    EXPECT_EQ(again->front().dns_names, somebody().dns_names);
}

TEST(ForwardedClientCert, MalformedIsNothing) {
    for (const char* text : {"Hash", "=1", "Hash=1,", "Hash=1;", "Subject=\"x", "Subject=\"x\"y",
                             "Hash=a\"b", ",Hash=1", "Hash=1;;By=x", "Hash=1,,Hash=2"})
        EXPECT_FALSE(parse_forwarded_client_cert(text).has_value()) << text;
}

}  // namespace
}  // namespace glassgate::http
