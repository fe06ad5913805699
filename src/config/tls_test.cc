// What the TLS configuration gives beside the plan: ends of certificates, the files it depends on,
// what outlives a reload. Its mistakes and words are in tests/golden/config/tls-*.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "config/load.h"
#include "config/shared_tls.h"
#include "config/test_certificate_folder.h"

namespace glassgate::config {
namespace {

class TlsTest : public testing::Test {
protected:
    // `tls`: what a listener has beside its certificates; `upstream_tls`: an upstream's.
    Loaded load(const std::string& tls = {}, const std::string& upstream_tls = "trustedCa: ca.pem",
                const std::string& gateway = "shop") {
        folder_.write(
            "gateway.yaml",
            "apiVersion: gateway.mulesoft.com/v1alpha1\nkind: Gateway\nmetadata: {name: " +
                gateway +
                "}\nspec:\n  listeners:\n    - name: public\n      address: https://127.0.0.1:0\n"
                "      tls: {certificates: [{certificate: site.pem, key: site.key}]" +
                tls + "}\n  routes:\n    - {id: a, upstream: {url: https://a.example, tls: {" +
                upstream_tls + "}}}\n");
        Loaded loaded = config::load({folder_.path() + "/gateway.yaml"}, 1);
        for (const Diagnostic& d : loaded.diagnostics.all()) said_ += to_text(d) + "\n";
        return loaded;
    }
    [[nodiscard]] bool names(const Loaded& loaded, const std::string& file) const {
        return std::count(loaded.files.begin(), loaded.files.end(), folder_.path() + "/" + file) ==
               1;
    }
    TestCertificateFolder folder_;
    std::string said_;
};

TEST_F(TlsTest, TellsWhenCertificatesEnd) {
    const Loaded loaded = load(", clientCertificates: {trustedCa: ca.pem, mode: optional}",
                               "trustedCa: ca.pem, certificate: client.pem, key: client.key");
    ASSERT_TRUE(loaded.configuration) << said_;
    const auto& ends = loaded.configuration->certificates;
    ASSERT_EQ(ends.size(), 2u);
    EXPECT_EQ(ends[0].listener, "public");
    EXPECT_EQ(ends[0].name, "shop.example");
    EXPECT_EQ(ends[0].not_after_s,
              loaded.configuration->plan->listeners[0].tls->certificates()[0].not_after_s);
    EXPECT_EQ(ends[1].listener, "");
    EXPECT_EQ(ends[1].upstream, "a.example:443");
    EXPECT_EQ(ends[1].name, "spiffe://shop/gateway");
}

TEST_F(TlsTest, FollowsEachFileItDependsOnAlsoOneThatIsMissing) {
    const Loaded good = load(", sessionTickets: {keysFile: tickets.key}");
    ASSERT_TRUE(good.configuration) << said_;
    for (const char* file : {"gateway.yaml", "site.pem", "site.key", "tickets.key", "ca.pem"})
        EXPECT_TRUE(names(good, file)) << file;
    ASSERT_EQ(good.seen.size(), good.files.size());
    const Loaded bad = load(", clientCertificates: {trustedCa: later.pem}");
    EXPECT_FALSE(bad.configuration);
    EXPECT_TRUE(names(bad, "later.pem"));
}

TEST_F(TlsTest, TheDigestNamesWhatIsServedButNothingSecret) {
    const std::string before = load().configuration->digest;
    EXPECT_EQ(load().configuration->digest, before);
    folder_.write("site.key", folder_.text("site.key") + "\n");  // the same key
    EXPECT_EQ(load().configuration->digest, before);
    folder_.pair("site", {.subject = {{"CN", "shop.example"}}, .names = "DNS:shop.example"});
    EXPECT_NE(load().configuration->digest, before);
}

TEST_F(TlsTest, TicketKeysOutliveReloadsWithTheirSettings) {
    const Loaded first = load();
    const auto keys = [](const Loaded& loaded) {
        EXPECT_EQ(loaded.configuration->ticket_keys.size(), 1u);
        return loaded.configuration->ticket_keys.at(0);
    };
    EXPECT_EQ(keys(first)->lifetime(), std::chrono::hours(2));
    EXPECT_EQ(keys(load()), keys(first));
    const Loaded other = load(", sessionTickets: {rotateMs: 60000}");
    EXPECT_NE(keys(other), keys(first));
    EXPECT_EQ(keys(other)->lifetime(), std::chrono::minutes(2));
    EXPECT_NE(keys(load({}, "trustedCa: ca.pem", "other")), keys(first));
    EXPECT_TRUE(load(", sessionTickets: {enabled: false}").configuration->ticket_keys.empty());
    EXPECT_TRUE(
        load(", sessionTickets: {keysFile: tickets.key}").configuration->ticket_keys.empty());
}

// Sessions with upstreams go on over a reload, and pools with them, as long as all they were
// verified with is the same.
TEST_F(TlsTest, AnUpstreamsContextStaysUntilItsSettingsOrFilesChange) {
    const auto upstream = [](const Loaded& loaded) -> const proxy::UpstreamPlan& {
        return loaded.configuration->plan->upstreams.at(0);
    };
    const Loaded first = load();
    ASSERT_TRUE(first.configuration) << said_;
    const Loaded same = load();
    EXPECT_EQ(upstream(same).tls, upstream(first).tls);
    EXPECT_EQ(upstream(same).state_key, upstream(first).state_key);
    for (const char* settings :
         {"trustedCa: ca.pem, serverName: b.example", "trustedCa: ca.pem, minVersion: 1.3",
          "trustedCa: ca.pem, crl: ca.crl", "trustedCa: ca.pem, verifyDepth: 1", "verify: false"}) {
        const Loaded other = load({}, settings);
        ASSERT_TRUE(other.configuration) << said_;
        EXPECT_NE(upstream(other).tls, upstream(first).tls) << settings;
        EXPECT_NE(upstream(other).state_key, upstream(first).state_key) << settings;
    }
    folder_.write("ca.pem", folder_.text("ca.pem") + folder_.text("site.pem"));
    EXPECT_NE(upstream(load()).state_key, upstream(first).state_key);
}

TEST_F(TlsTest, WarnsOfAnEndInGoodTime) {
    folder_.write("site.pem", folder_.text("soon.pem"));
    folder_.write("site.key", folder_.text("soon.key"));
    EXPECT_TRUE(load().configuration);
    EXPECT_NE(said_.find("gateway.yaml:8:42: warning: the certificate CN=soon.example expires in "
                         "10 days"),
              std::string::npos)
        << said_;
}

}  // namespace
}  // namespace glassgate::config
