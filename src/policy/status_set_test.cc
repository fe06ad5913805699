#include "policy/status_set.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace glassgate::policy {
namespace {

TEST(StatusSet, SinglesAndRanges) {
    StatusSet set;
    EXPECT_TRUE(set.add("429"));
    EXPECT_TRUE(set.add("502 - 504"));
    for (const uint16_t in : std::initializer_list<uint16_t>{429, 502, 503, 504})
        EXPECT_TRUE(set.contains(in)) << in;
    for (const uint16_t out :
         std::initializer_list<uint16_t>{0, 99, 428, 430, 501, 505, 600, 65'535})
        EXPECT_FALSE(set.contains(out)) << out;
    EXPECT_TRUE(set.add("100-599"));
    EXPECT_TRUE(set.contains(100) && set.contains(599));
}

TEST(StatusSet, Mistakes) {
    StatusSet set;
    for (const char* text : {"", "99", "600", "504-502", "5xx", "-", "500-", "-500", "500-502-504"})
        EXPECT_FALSE(set.add(text)) << text;
    for (uint16_t status = 0; status < 1000; ++status) EXPECT_FALSE(set.contains(status));
}

}  // namespace
}  // namespace glassgate::policy
