#include "base/address_set.h"

#include <gtest/gtest.h>

#include <string>

namespace glassgate {
namespace {

AddressSet set_of(std::initializer_list<const char*> networks) {
    AddressSet set;
    for (const char* network : networks) EXPECT_TRUE(set.add(network)) << network;
    return set;
}

TEST(AddressSet, EmptyMatchesNothing) {
    EXPECT_TRUE(AddressSet().empty());
    EXPECT_FALSE(AddressSet().matches("127.0.0.1"));
    EXPECT_FALSE(set_of({"10.0.0.1"}).empty());
}

TEST(AddressSet, PrefixesAreExactToTheBit) {
    struct Case {
        const char *network, *inside, *outside;
    };
    for (const Case& c : std::initializer_list<Case>{
             {"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
             {"192.0.2.1", "192.0.2.1", "192.0.2.2"},
             {"192.0.2.1/32", "192.0.2.1", "192.0.2.0"},
             {"192.0.2.128/25", "192.0.2.255", "192.0.2.127"},
             {"192.0.2.4/30", "192.0.2.7", "192.0.2.8"},
             {"172.16.0.0/12", "172.31.255.255", "172.32.0.0"},
             {"10.1.2.3/8", "10.9.9.9", "9.1.2.3"},
             {"128.0.0.0/1", "255.0.0.1", "127.0.0.1"},
             {"0.0.0.0/0", "1.2.3.4", "::1"},
             {"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"},
             {"2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"},
             {"::1", "::1", "::2"},
             {"fe80::/10", "febf::1", "fec0::"},
             {"::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.1"},
         }) {
        const AddressSet set = set_of({c.network});
        EXPECT_TRUE(set.matches(c.inside)) << c.network << " " << c.inside;
        EXPECT_FALSE(set.matches(c.outside)) << c.network << " " << c.outside;
    }
    EXPECT_TRUE(set_of({"::/0"}).matches("2001:db8::1"));
}

TEST(AddressSet, MappedAddressesAreTheirIpv4) {
    EXPECT_TRUE(set_of({"10.0.0.0/8"}).matches("::ffff:10.1.2.3"));
    EXPECT_FALSE(set_of({"10.0.0.0/8"}).matches("::10.1.2.3"));
}

TEST(AddressSet, AnyOfSeveral) {
    const AddressSet set = set_of({"10.0.0.0/8", "2001:db8::/32", "192.0.2.1"});
    EXPECT_TRUE(set.matches("10.0.0.1"));
    EXPECT_TRUE(set.matches("2001:db8::1"));
    EXPECT_TRUE(set.matches("192.0.2.1"));
    EXPECT_FALSE(set.matches("192.0.2.3"));
}

TEST(AddressSet, RefusesWhatIsNone) {
    for (const char* bad :
         {"", "x", "10.0.0", "10.0.0.0.0", "256.0.0.1", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/",
          "10.0.0.0/a", "/8", "2001:db8::/129", "2001:db8:::1", "10.0.0.1 ", " 10.0.0.1", "[::1]",
          "10.0.0.0/8/8", "localhost"})
        EXPECT_FALSE(AddressSet().add(bad)) << bad;
    EXPECT_FALSE(AddressSet().add(std::string(100, '1')));
    const AddressSet set = set_of({"0.0.0.0/0", "::/0"});
    for (const char* bad : {"", "x", "10.0.0.1:80", "[::1]", "10.0.0.0/8"})
        EXPECT_FALSE(set.matches(bad)) << bad;
}

}  // namespace
}  // namespace glassgate
