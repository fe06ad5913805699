#include "http/forwarded.h"

#include <gtest/gtest.h>

namespace glassgate::http {
namespace {

AddressSet trusted() {
    AddressSet set;
    EXPECT_TRUE(set.add("10.0.0.0/8"));
    EXPECT_TRUE(set.add("fd00::/8"));
    return set;
}

TEST(Forwarded, TheRightmostThatIsNotTrusted) {
    const AddressSet t = trusted();
    const auto client = [&](std::string_view list) { return client_address("10.0.0.1", list, t); };
    EXPECT_EQ(client(""), "10.0.0.1");
    EXPECT_EQ(client("192.0.2.7"), "192.0.2.7");
    EXPECT_EQ(client("6.6.6.6, 192.0.2.7"), "192.0.2.7")
        << "what a stranger wrote before does not count";
    EXPECT_EQ(client("6.6.6.6,192.0.2.7 ,\t10.1.1.1, 10.2.2.2"), "192.0.2.7");
    EXPECT_EQ(client("10.3.3.3, 10.2.2.2"), "10.3.3.3") << "all trusted: the leftmost";
    EXPECT_EQ(client("2001:db8::7, fd00::1"), "2001:db8::7");
    EXPECT_EQ(client("192.0.2.7, , 10.2.2.2,"), "192.0.2.7") << "empty elements say nothing";
}

TEST(Forwarded, WhatIsNoAddressEndsTheWalk) {
    const AddressSet t = trusted();
    const auto client = [&](std::string_view list) { return client_address("10.0.0.1", list, t); };
    for (const char* hop :
         {"unknown", "_hidden", "10.0.0.0/8", "1.2.3", "999.1.1.1", "\"1.2.3.4\"", "[::1", "a:80"})
        EXPECT_EQ(client("192.0.2.7, " + std::string(hop)), "10.0.0.1") << hop;
    EXPECT_EQ(client("192.0.2.7, unknown, 10.2.2.2"), "10.2.2.2");
    EXPECT_EQ(client("192.0.2.7, " + std::string(300, '1')), "10.0.0.1");
}

TEST(Forwarded, PortsAreLeftOut) {
    const AddressSet t = trusted();
    EXPECT_EQ(client_address("10.0.0.1", "192.0.2.7:4711", t), "192.0.2.7");
    EXPECT_EQ(client_address("10.0.0.1", "[2001:db8::7]:4711, 10.0.0.2:1", t), "2001:db8::7");
    EXPECT_EQ(client_address("10.0.0.1", "[2001:db8::7]", t), "2001:db8::7");
}

TEST(Forwarded, SeveralFieldsAreOneList) {
    const AddressSet t = trusted();
    HeaderList headers;
    headers.push_back({"X-Forwarded-For", "6.6.6.6", KnownHeader::x_forwarded_for});
    headers.push_back({"Other", "7.7.7.7", KnownHeader::other});
    headers.push_back({"x-forwarded-for", "192.0.2.7, 10.1.1.1", KnownHeader::x_forwarded_for});
    headers.push_back({"x-forwarded-for", "10.2.2.2", KnownHeader::x_forwarded_for});
    EXPECT_EQ(client_address("10.0.0.1", headers, t), "192.0.2.7")
        << "not the first field, which anybody can send";
    EXPECT_EQ(client_address("10.0.0.1", HeaderList{}, t), "10.0.0.1");
}

}  // namespace
}  // namespace glassgate::http
