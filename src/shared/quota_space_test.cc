#include "shared/quota_space.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <compare>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/ids.h"
#include "shared/quota_word.h"

namespace glassgate::shared {
namespace {

constexpr QuotaTerms kHundredPerMinute{100, 60'000};

QuotaSecrets secrets() { return {SipKey{1, 2}, SipKey{3, 4}}; }

Hash128 key(const QuotaSpace& space, int number) {
    return space.key(QuotaSubject::named, "client-" + std::to_string(number));
}

TEST(QuotaWord, WindowArithmetic) {
    const uint64_t word = QuotaWord::pack(1000, 7);
    EXPECT_EQ(QuotaWord::count(word), 7u);
    EXPECT_EQ(QuotaWord::age_ms(word, 1000), 0u);
    EXPECT_EQ(QuotaWord::age_ms(word, 1999), 999u);
    EXPECT_FALSE(QuotaWord::over(word, 1000, 1999));
    EXPECT_TRUE(QuotaWord::over(word, 1000, 2000));
    // A clock that lags behind the one that began the window.
    EXPECT_EQ(QuotaWord::age_ms(word, 990), 0u);
    EXPECT_EQ(QuotaWord::after_request(word, 1000, 990), QuotaWord::pack(1000, 8));
    EXPECT_EQ(QuotaWord::after_request(word, 1000, 2500), QuotaWord::pack(2500, 1));
    // A vacated word never goes back in time, even if the next owner's clock lags.
    EXPECT_EQ(QuotaWord::after_request(QuotaWord::pack(1000, 0), 10, 990),
              QuotaWord::pack(1000, 1));
    EXPECT_EQ(QuotaWord::after_request(QuotaWord::pack(1000, 0), 10, 1005),
              QuotaWord::pack(1005, 1));
    // Saturated: stays; time that wraps: goes on.
    const uint64_t full = QuotaWord::pack(1000, QuotaWord::kMaxCount);
    EXPECT_EQ(QuotaWord::after_request(full, 1000, 1001), full);
    const uint64_t late = QuotaWord::pack(QuotaWord::kTimeMask, 1);
    EXPECT_EQ(QuotaWord::age_ms(late, QuotaWord::kTimeMask + 6), 6u);
}

TEST(QuotaSpace, AdmitsExactlyTheLimitInAWindow) {
    QuotaSpace space(secrets(), 10);
    const Hash128 id = key(space, 1);
    for (uint64_t i = 1; i <= 100; ++i) {
        const QuotaDecision d = space.take(id, kHundredPerMinute, 5000 + i);
        EXPECT_TRUE(d.admitted);
        EXPECT_EQ(d.current, i);
        EXPECT_EQ(d.remaining, 100 - i);
    }
    const QuotaDecision refused = space.take(id, kHundredPerMinute, 25'001);
    EXPECT_FALSE(refused.admitted);
    EXPECT_EQ(refused.current, 101u);
    EXPECT_EQ(refused.remaining, 0u);
    EXPECT_EQ(refused.reset_ms, 40'000u);
    EXPECT_FALSE(space.take(id, kHundredPerMinute, 65'000).admitted);
    // The window began with the first request, at 5001.
    const QuotaDecision fresh = space.take(id, kHundredPerMinute, 65'001);
    EXPECT_TRUE(fresh.admitted);
    EXPECT_EQ(fresh.current, 1u);
    EXPECT_EQ(fresh.reset_ms, 60'000u);
}

TEST(QuotaSpace, KeysAreApart) {
    QuotaSpace space(secrets(), 10);
    const QuotaTerms one{1, 1000};
    EXPECT_TRUE(space.take(space.key(QuotaSubject::named, "10.0.0.1"), one, 1).admitted);
    EXPECT_TRUE(space.take(space.key(QuotaSubject::address, "10.0.0.1"), one, 1).admitted);
    EXPECT_TRUE(space.take(space.key(QuotaSubject::named, "10.0.0.2"), one, 1).admitted);
    EXPECT_TRUE(space.take(space.key(QuotaSubject::named, ""), one, 1).admitted);
    EXPECT_FALSE(space.take(space.key(QuotaSubject::named, "10.0.0.1"), one, 1).admitted);
    EXPECT_EQ(space.used(), 4u);
}

TEST(QuotaSpace, ANewLimitContinuesTheCount) {
    QuotaSpace space(secrets(), 10);
    const Hash128 id = key(space, 1);
    for (int i = 0; i < 60; ++i) EXPECT_TRUE(space.take(id, kHundredPerMinute, 0).admitted);
    const QuotaDecision d = space.take(id, {50, 60'000}, 1);
    EXPECT_FALSE(d.admitted);
    EXPECT_EQ(d.current, 61u);
}

// Every one of max_keys live keys has a window of its own, whatever the load of the buckets.
TEST(QuotaSpace, MaxKeysFit) {
    for (const std::size_t most : {1u, 2u, 7u, 16u, 100u, 4096u, 65'536u}) {
        QuotaSpace space(secrets(), most);
        for (std::size_t i = 0; i < most; ++i)
            EXPECT_EQ(space.take(key(space, static_cast<int>(i)), kHundredPerMinute, 0).current,
                      1u);
        EXPECT_EQ(space.used(), most);
        EXPECT_EQ(space.overflowed(), 0u) << most;
    }
}

TEST(QuotaSpace, MoreKeysShareOneWindow) {
    QuotaSpace space(secrets(), 1000);
    const std::size_t memory = space.memory_bytes();
    for (int i = 0; i < 1000; ++i)
        EXPECT_TRUE(space.take(key(space, i), kHundredPerMinute, 0).admitted);
    // 50,000 made-up keys: a hundred requests in all.
    int admitted = 0;
    for (int i = 1000; i < 51'000; ++i)
        admitted +=
            space.take(key(space, i), kHundredPerMinute, static_cast<uint64_t>(i) / 10).admitted;
    EXPECT_EQ(admitted, 100);
    EXPECT_EQ(space.overflowed(), 50'000u);
    EXPECT_EQ(space.used(), 1000u);
    EXPECT_EQ(space.memory_bytes(), memory);
    // Those who were there first are not disturbed.
    for (int i = 0; i < 1000; ++i)
        EXPECT_EQ(space.take(key(space, i), kHundredPerMinute, 5000).current, 2u);
}

TEST(QuotaSpace, WindowsThatAreOverMakeRoom) {
    QuotaSpace space(secrets(), 1000);
    const QuotaTerms terms{1, 100};
    int admitted = 0;
    // Nine new keys a ms, each with a window of 100 ms: 900 live windows at any time.
    for (int i = 0; i < 90'000; ++i) {
        admitted += space.take(key(space, i), terms, static_cast<uint64_t>(i) / 9).admitted;
        ASSERT_LE(space.used(), 1000u);
    }
    EXPECT_EQ(admitted, 90'000);
    EXPECT_EQ(space.overflowed(), 0u);
}

TEST(QuotaSpace, MoreRoomKeepsWindows) {
    QuotaSpace space(secrets(), 10);
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(space.take(key(space, i), kHundredPerMinute, 0).current, 1u);
    space.take(key(space, 10), kHundredPerMinute, 0);
    EXPECT_EQ(space.overflowed(), 1u);
    space.set_max_keys(5000);
    for (int i = 10; i < 5000; ++i)
        EXPECT_EQ(space.take(key(space, i), kHundredPerMinute, 0).current, 1u);
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(space.take(key(space, i), kHundredPerMinute, 0).current, 2u);
    EXPECT_EQ(space.overflowed(), 1u);
    EXPECT_EQ(space.used(), 5000u);
    // Less: as windows end.
    space.set_max_keys(20);
    space.take(key(space, 6000), kHundredPerMinute, 0);
    EXPECT_EQ(space.overflowed(), 2u);
    EXPECT_EQ(space.take(key(space, 6000), kHundredPerMinute, 60'001).current, 1u);
    EXPECT_LE(space.used(), 20u);
    // To and fro adds memory for the largest only.
    const std::size_t memory = space.memory_bytes();
    for (int i = 0; i < 200; ++i) space.set_max_keys(i % 2 == 0 ? 5000 : 20);
    EXPECT_EQ(space.memory_bytes(), memory);
}

// ---- threads
// --------------------------------------------------------------------------------------

constexpr int kThreads = 4;

template <typename Body>
void in_threads(Body body) {
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) threads.emplace_back(body, t);
    for (std::thread& thread : threads) thread.join();
}

// Each round is one window of one key: all threads hammer it until they are refused often.
TEST(QuotaSpaceThreads, OneKeyExactlyTheLimitInEveryWindow) {
    QuotaSpace space(secrets(), 100);
    const Hash128 id = key(space, 1);
    const QuotaTerms terms{500, 1000};
    constexpr int kWindows = 20;
    std::vector<std::atomic<int>> admitted(kWindows);
    for (int window = 0; window < kWindows; ++window) {
        in_threads([&](int thread) {
            for (int i = 0; i < 300; ++i) {
                // Clocks that differ by up to 30 ms, all within the window.
                const auto now = static_cast<uint64_t>(1000 + window * 1100 + thread * 10);
                admitted[window] += space.take(id, terms, now).admitted;
            }
        });
        EXPECT_EQ(admitted[window], 500) << window;
    }
}

// The first window of a key begins once, also when a thread is interrupted after it has found the
// key unknown and another one is quicker.
TEST(QuotaSpaceThreads, NewKeysAreNotDoubled) {
    constexpr uint64_t kKeys = 300'000;
    QuotaSpace space(secrets(), kKeys);
    std::atomic<uint64_t> admitted{0};
    in_threads([&](int) {
        for (uint64_t k = 1; k <= kKeys; ++k)
            admitted += space.take({k, k * 0x9e3779b97f4a7c15u}, {2, 1000}, 0).admitted;
    });
    EXPECT_EQ(admitted, 2 * kKeys);
    EXPECT_EQ(space.used(), kKeys);
}

// Slots go from key to key all the time while every thread takes from the same keys. A request that
// counted in another key's slot would leave a count of that window unexplained or explained twice.
TEST(QuotaSpaceThreads, RecyclingNeverMixesKeys) {
    constexpr unsigned kKeys = 64;
    constexpr uint64_t kSteps = 250;
    constexpr int kTakesPerStep = 120;
    constexpr QuotaTerms kTerms{3, 2};
    QuotaSpace space(secrets(), 8);
    std::vector<Hash128> keys;
    for (unsigned k = 0; k < kKeys; ++k) keys.push_back(key(space, static_cast<int>(k)));
    struct Seen {
        unsigned key;
        uint64_t window, current;
        auto operator<=>(const Seen&) const = default;
    };
    std::vector<std::vector<Seen>> seen(kThreads);
    std::barrier step(kThreads);
    in_threads([&](int thread) {
        Random random(static_cast<uint64_t>(thread));
        for (uint64_t now = 0; now < kSteps; ++now) {
            for (int i = 0; i < kTakesPerStep; ++i) {
                const auto k = static_cast<unsigned>(random.below(kKeys));
                const QuotaDecision d = space.take(keys[k], kTerms, now);
                EXPECT_EQ(d.admitted, d.current <= kTerms.limit);
                if (!d.overflow) seen[thread].push_back({k, now + d.reset_ms, d.current});
            }
            step.arrive_and_wait();
        }
    });
    EXPECT_LE(space.used(), 8u);
    std::vector<Seen> all;
    for (const auto& part : seen) all.insert(all.end(), part.begin(), part.end());
    std::sort(all.begin(), all.end());
    EXPECT_GT(all.size(), 1000u);
    for (std::size_t i = 0; i < all.size(); ++i) {
        const bool first =
            i == 0 || all[i].key != all[i - 1].key || all[i].window != all[i - 1].window;
        ASSERT_EQ(all[i].current, first ? 1 : all[i - 1].current + 1) << "key " << all[i].key;
    }
}

// The same without a common beat: threads are interrupted anywhere, also between finding a slot and
// counting in it, and find it with another key afterwards. A request whose clock shows the ms in
// which its window began cannot say which window that was; the others must leave no count out,
// except those that were given to such a request of the same key.
TEST(QuotaSpaceThreads, AnInterruptedRequestNeverCountsForAnotherKey) {
    constexpr unsigned kKeys = 16;
    constexpr std::size_t kRoom = 8;
    constexpr int kTakes = 400'000;
    constexpr QuotaTerms kTerms{1000, 50};
    QuotaSpace space(secrets(), kRoom);
    std::vector<Hash128> keys;
    for (unsigned k = 0; k < kKeys; ++k) keys.push_back(key(space, static_cast<int>(k)));
    std::atomic<uint64_t> clock{0};
    using Counts = std::map<uint64_t, std::vector<uint64_t>>;  // of a window, by its end
    std::vector<std::array<Counts, kKeys>> explained(kThreads);
    std::vector<std::array<std::multiset<uint64_t>, kKeys>> unclear(kThreads);
    in_threads([&](int thread) {
        Random random(static_cast<uint64_t>(thread));
        for (int i = 0; i < kTakes; ++i) {
            const auto k = static_cast<unsigned>(random.below(kKeys));
            const uint64_t now = clock.fetch_add(1) / 4;
            const QuotaDecision d = space.take(keys[k], kTerms, now);
            if (d.overflow) continue;
            if (d.reset_ms == kTerms.period_ms)
                unclear[thread][k].insert(d.current);
            else
                explained[thread][k][now + d.reset_ms].push_back(d.current);
        }
    });
    for (unsigned k = 0; k < kKeys; ++k) {
        Counts windows;
        std::multiset<uint64_t> missing, excuses;
        for (int t = 0; t < kThreads; ++t) {
            for (const auto& [end, counts] : explained[t][k])
                windows[end].insert(windows[end].end(), counts.begin(), counts.end());
            excuses.insert(unclear[t][k].begin(), unclear[t][k].end());
        }
        EXPECT_GT(windows.size(), 100u);
        for (auto& [end, counts] : windows) {
            std::sort(counts.begin(), counts.end());
            ASSERT_EQ(std::adjacent_find(counts.begin(), counts.end()), counts.end())
                << "window " << end;
            uint64_t next = 1;
            for (const uint64_t count : counts) {
                for (; next < count; ++next) missing.insert(next);
                next = count + 1;
            }
        }
        EXPECT_TRUE(std::includes(excuses.begin(), excuses.end(), missing.begin(), missing.end()))
            << "key " << k;
    }
    // No slot was lost on the way.
    const uint64_t later = clock + 1000;
    for (std::size_t i = 0; i < kRoom; ++i)
        EXPECT_FALSE(space.take(key(space, 100 + static_cast<int>(i)), kTerms, later).overflow);
    EXPECT_EQ(space.used(), kRoom);
}

}  // namespace
}  // namespace glassgate::shared
