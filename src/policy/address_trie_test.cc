#include "policy/address_trie.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "base/address_set.h"

namespace glassgate::policy {
namespace {

using enum AddressTrie::Answer;

TEST(AddressTrie, Networks) {
    AddressTrie trie;
    for (const char* const network :
         {"10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "172.16", "198.51.100.", "203.0.*"})
        EXPECT_TRUE(trie.add(network)) << network;
    EXPECT_EQ(trie.size(), 6u);
    for (const char* const in : {"10.255.0.1", "192.0.2.1", "2001:db8:1::1", "::ffff:10.0.0.1",
                                 "172.16.3.4", "198.51.100.7", "203.0.113.1"})
        EXPECT_EQ(trie.find(in), inside) << in;
    for (const char* const out :
         {"11.0.0.1", "192.0.2.2", "2001:db9::1", "172.17.0.1", "198.51.101.7", "::1", "::a00:1"})
        EXPECT_EQ(trie.find(out), outside) << out;
    for (const char* const none : {"", "10", "10.0.0.1:80", "host", "10.0.0.1 "})
        EXPECT_EQ(trie.find(none), no_address) << none;
}

TEST(AddressTrie, WhatIsNoNetwork) {
    AddressTrie trie;
    for (const char* const none : {"", "10.0.0.0/33", "::/129", "10.0.0/8", "300.1", "10.0.0.0/",
                                   "10.0.0.0/-1", "x", ".", "1.2.3.4.5", "10..1"})
        EXPECT_FALSE(trie.add(none)) << none;
    EXPECT_EQ(trie.find("10.0.0.1"), outside);
}

TEST(AddressTrie, EverythingAndOverlaps) {
    AddressTrie trie;
    EXPECT_TRUE(trie.add("10.1.0.0/16"));
    EXPECT_TRUE(trie.add("10.0.0.0/8"));
    EXPECT_TRUE(trie.add("10.1.2.0/24"));
    EXPECT_EQ(trie.find("10.9.9.9"), inside);
    EXPECT_EQ(trie.find("10.1.2.3"), inside);
    EXPECT_TRUE(trie.add("0.0.0.0/0"));
    EXPECT_EQ(trie.find("8.8.8.8"), inside);
    EXPECT_EQ(trie.find("2001::1"), outside);
    EXPECT_TRUE(trie.add("::/0"));
    EXPECT_EQ(trie.find("2001::1"), inside);
}

TEST(AddressTrie, AgreesWithTheLinearSet) {
    std::mt19937 random(7);
    AddressTrie trie;
    AddressSet set;
    const auto address = [&] {
        const uint32_t r = static_cast<uint32_t>(random());
        return "10." + std::to_string(r & 7) + "." + std::to_string(r >> 8 & 255) + "." +
               std::to_string(r >> 16 & 255);
    };
    for (int i = 0; i < 200; ++i) {
        const std::string network = address() + "/" + std::to_string(14 + random() % 19);
        ASSERT_TRUE(trie.add(network));
        ASSERT_TRUE(set.add(network));
    }
    for (int i = 0; i < 5000; ++i) {
        const std::string a = address();
        ASSERT_EQ(trie.find(a) == inside, set.matches(a)) << a;
    }
}

}  // namespace
}  // namespace glassgate::policy
