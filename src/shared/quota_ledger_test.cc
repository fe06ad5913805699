#include "shared/quota_ledger.h"

#include <gtest/gtest.h>

#include <vector>

namespace glassgate::shared {
namespace {

constexpr QuotaTerms kOnePerSecond{1, 1000};

TEST(QuotaLedger, EachStateKeyHasItsOwnSpace) {
    QuotaLedger ledger;
    const auto a = ledger.space("catalog/rate-limit/0", 10);
    const auto b = ledger.space("cart/rate-limit/0", 10);
    EXPECT_TRUE(a->take(a->key(QuotaSubject::named, "x"), kOnePerSecond, 0).admitted);
    EXPECT_TRUE(b->take(b->key(QuotaSubject::named, "x"), kOnePerSecond, 0).admitted);
    EXPECT_FALSE(a->take(a->key(QuotaSubject::named, "x"), kOnePerSecond, 0).admitted);
    EXPECT_EQ(ledger.space("catalog/rate-limit/0", 10), a);
}

TEST(QuotaLedger, CountsSurviveAReload) {
    QuotaLedger ledger;
    auto before = ledger.space("catalog/rate-limit/0", 10);
    before->take(before->key(QuotaSubject::named, "x"), kOnePerSecond, 0);
    const auto after = ledger.space("catalog/rate-limit/0", 20);
    before.reset();
    EXPECT_EQ(after->max_keys(), 20u);
    EXPECT_FALSE(after->take(after->key(QuotaSubject::named, "x"), kOnePerSecond, 0).admitted);
}

TEST(QuotaLedger, WhatNobodyUsesIsFreed) {
    QuotaLedger ledger;
    std::weak_ptr<QuotaSpace> gone;
    {
        const auto space = ledger.space("old/rate-limit/0", 10);
        gone = space;
    }
    EXPECT_TRUE(gone.expired());
    const auto other = ledger.space("new/rate-limit/0", 10);
    std::vector<std::string> keys;
    ledger.for_each([&](const std::string& key, const QuotaSpace&) { keys.push_back(key); });
    EXPECT_EQ(keys, std::vector<std::string>{"new/rate-limit/0"});
}

}  // namespace
}  // namespace glassgate::shared
