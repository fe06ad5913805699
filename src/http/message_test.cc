#include "http/message.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace glassgate::http {
namespace {

constexpr std::array kNames = {"host",
                               "connection",
                               "keep-alive",
                               "proxy-connection",
                               "proxy-authenticate",
                               "proxy-authorization",
                               "transfer-encoding",
                               "content-length",
                               "te",
                               "trailer",
                               "upgrade",
                               "expect",
                               "via",
                               "forwarded",
                               "x-forwarded-for",
                               "x-forwarded-proto",
                               "x-forwarded-host",
                               "x-request-id",
                               "traceparent",
                               "tracestate",
                               "b3",
                               "x-b3-traceid",
                               "x-b3-spanid",
                               "x-b3-parentspanid",
                               "x-b3-sampled",
                               "x-b3-flags",
                               "authorization",
                               "cookie",
                               "set-cookie",
                               "user-agent",
                               "content-type",
                               "server",
                               "date",
                               "client_id",
                               "client_secret",
                               "max-forwards",
                               "x-ratelimit-limit",
                               "x-ratelimit-remaining",
                               "x-ratelimit-reset",
                               "retry-after",
                               "x-real-ip",
                               "http2-settings"};

TEST(KnownHeader, EveryNameInAnyCase) {
    static_assert(kNames.size() + 1 == kKnownHeaderCount);
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        const auto known = static_cast<KnownHeader>(i + 1);
        std::string name = kNames[i];
        EXPECT_EQ(known_header(name), known) << name;
        for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
        EXPECT_EQ(known_header(name), known) << name;
    }
}

TEST(KnownHeader, NothingElse) {
    EXPECT_EQ(known_header(""), KnownHeader::other);
    EXPECT_EQ(known_header("x"), KnownHeader::other);
    EXPECT_EQ(known_header(std::string(300, 'x')), KnownHeader::other);
    EXPECT_EQ(known_header("client-id"), KnownHeader::other) << "'-' is not '_'";
    EXPECT_EQ(known_header("keep_alive"), KnownHeader::other);
    // Every name with one character changed, added or taken away.
    const std::set<std::string> names(kNames.begin(), kNames.end());
    for (const std::string name : kNames) {
        for (std::size_t i = 0; i < name.size(); ++i) {
            for (const char c :
                 std::string("abcdefghijklmnopqrstuvwxyz0123456789-_!#$%&'*+.^`|~")) {
                std::string changed = name;
                changed[i] = c;
                if (!names.contains(changed)) {
                    EXPECT_EQ(known_header(changed), KnownHeader::other) << changed;
                }
            }
            const std::string shorter = name.substr(0, i) + name.substr(i + 1);
            if (!names.contains(shorter)) {
                EXPECT_EQ(known_header(shorter), KnownHeader::other) << shorter;
            }
        }
        EXPECT_EQ(known_header(name + "x"), KnownHeader::other);
    }
}

TEST(Find, FirstByNameOrNothing) {
    HeaderList headers;
    headers.push_back({"A", "1", KnownHeader::other});
    headers.push_back({"Cookie", "", KnownHeader::cookie});
    headers.push_back({"a", "2", KnownHeader::other});
    EXPECT_EQ(find(headers, "a"), "1");
    EXPECT_EQ(find(headers, KnownHeader::cookie), "");
    EXPECT_NE(find(headers, KnownHeader::cookie).data(), nullptr) << "there, and empty";
    EXPECT_EQ(find(headers, KnownHeader::host).data(), nullptr);
    EXPECT_EQ(find(headers, "b").data(), nullptr);
}

}  // namespace
}  // namespace glassgate::http
