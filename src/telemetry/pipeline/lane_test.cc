#include "telemetry/pipeline/lane.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/clock.h"

namespace glassgate::telemetry {
namespace {

using std::chrono::milliseconds;

// What a test's sink does is decided batch by batch.
struct Script {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::string> taken;    // lines delivered, in order
    std::vector<std::size_t> batches;  // sizes of the batches offered
    std::vector<uint64_t> times_ns;
    std::function<Delivered(std::span<const std::string_view>)> answer;
    bool hung = false;  // deliver() does not return while set
    int reopened = 0;
    std::atomic<uint32_t> hurried_ms{UINT32_MAX};

    template <typename Condition>
    bool wait(Condition condition) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, std::chrono::seconds(20), condition);
    }
};

class ScriptedSink final : public Sink {
public:
    ScriptedSink(std::shared_ptr<Script> script, SinkTraits traits)
        : script_(std::move(script)), traits_(std::move(traits)) {}
    [[nodiscard]] SinkTraits traits() const override { return traits_; }
    Projected project(const model::Exchange&, std::string&) override { return Projected::filtered; }
    Projected project(const model::Event&, std::string&) override { return Projected::filtered; }
    Delivered deliver(std::span<const std::string_view> batch) noexcept override {
        std::unique_lock lock(script_->mutex);
        script_->batches.push_back(batch.size());
        script_->times_ns.push_back(mono_now_ns());
        script_->changed.notify_all();
        script_->changed.wait(lock, [this] { return !script_->hung; });
        const Delivered result =
            script_->answer ? script_->answer(batch) : Delivered{batch.size(), false, 0, {}};
        for (std::size_t i = 0; i < std::min(result.records, batch.size()); ++i)
            script_->taken.emplace_back(batch[i]);
        script_->changed.notify_all();
        return result;
    }
    void reopen() noexcept override {
        const std::lock_guard lock(script_->mutex);
        ++script_->reopened;
        script_->changed.notify_all();
    }
    void hurry(uint32_t deadline_ms) noexcept override { script_->hurried_ms = deadline_ms; }

private:
    std::shared_ptr<Script> script_;
    SinkTraits traits_;
};

SinkTraits quick() {
    SinkTraits traits;
    traits.name = "test";
    traits.flush_ms = 1;
    traits.retry_initial_ms = 1;
    traits.retry_max_ms = 4;
    return traits;
}

Projection lines(std::initializer_list<std::string_view> texts) {
    Projection projection;
    for (const std::string_view text : texts) {
        projection.bytes += text;
        projection.entries.push_back({static_cast<uint32_t>(text.size()), false, false});
    }
    return projection;
}

class LaneTest : public ::testing::Test {
protected:
    Lane& start(SinkTraits traits = quick()) {
        lane = std::make_unique<Lane>(std::make_unique<ScriptedSink>(script, std::move(traits)));
        return *lane;
    }
    void push(Projection projection) {
        pushed += projection.entries.size() + projection.filtered + projection.sampled_out;
        lane->push(projection);
        expect_law();
    }
    void expect_law() const {
        const SinkCounts counts = lane->counts();
        EXPECT_EQ(counts.closed(), pushed);
    }
    bool wait_counts(const std::function<bool(const SinkCounts&)>& condition) {
        const uint64_t until = mono_now_ns() + 20 * kNsPerSecond;
        while (mono_now_ns() < until) {
            const SinkCounts counts = lane->counts();
            EXPECT_EQ(counts.closed(), pushed);  // at every instant
            if (condition(counts)) return true;
            std::this_thread::yield();
        }
        return false;
    }

    std::shared_ptr<Script> script = std::make_shared<Script>();
    std::unique_ptr<Lane> lane;
    uint64_t pushed = 0;
};

TEST_F(LaneTest, DeliversInOrderAndCounts) {
    start();
    push(lines({"a", "b"}));
    Projection more = lines({"c"});
    more.filtered = 2;
    more.sampled_out = 3;
    push(more);
    ASSERT_TRUE(wait_counts([](const SinkCounts& c) { return c.delivered == 3; }));
    const SinkCounts counts = lane->counts();
    EXPECT_EQ(counts.filtered, 2u);
    EXPECT_EQ(counts.sampled_out, 3u);
    EXPECT_EQ(counts.queue_bytes, 0u);
    EXPECT_EQ(script->taken, (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(LaneTest, ABatchWaitsForItsNumberOrItsAge) {
    SinkTraits traits = quick();
    traits.flush_ms = 3'600'000;
    traits.batch_records = 3;
    start(traits);
    push(lines({"a", "b"}));
    EXPECT_EQ(lane->counts().queued, 2u);
    push(lines({"c", "d"}));
    ASSERT_TRUE(wait_counts([](const SinkCounts& c) { return c.delivered == 4; }));
    EXPECT_EQ(script->batches, (std::vector<std::size_t>{3, 1}));
}

TEST_F(LaneTest, BatchesAreLimitedInBytes) {
    SinkTraits traits = quick();
    traits.batch_bytes = 10;
    start(traits);
    push(lines({"0123456789ABCDEF", "12345", "67890", "x"}));
    ASSERT_TRUE(wait_counts([](const SinkCounts& c) { return c.delivered == 4; }));
    EXPECT_EQ(script->batches, (std::vector<std::size_t>{1, 2, 1}));
}

TEST_F(LaneTest, AFullQueueLosesTheNewest) {
    SinkTraits traits = quick();
    traits.queue_bytes = 4;
    script->hung = true;
    start(traits);
    push(lines({"a"}));
    ASSERT_TRUE(script->wait([&] { return !script->batches.empty(); }));
    push(lines({"bb", "cc", "d", "e"}));  // 1 byte is in hand: 3 are free
    const SinkCounts counts = lane->counts();
    EXPECT_EQ(counts.lost, 2u);
    EXPECT_EQ(counts.queued, 3u);
    EXPECT_EQ(counts.queue_bytes, 4u);
    EXPECT_EQ(lane->losses().records, 2u);
    {
        const std::lock_guard lock(script->mutex);
        script->hung = false;
    }
    script->changed.notify_all();
    ASSERT_TRUE(wait_counts([](const SinkCounts& c) { return c.queued == 0; }));
    EXPECT_EQ(script->taken, (std::vector<std::string>{"a", "bb", "d"}));
}

// Half of the queue is for what is final.
TEST_F(LaneTest, InterimRecordsFillHalfTheQueueAtMost) {
    SinkTraits traits = quick();
    traits.queue_bytes = 8;
    script->hung = true;
    start(traits);
    push(lines({"a"}));
    ASSERT_TRUE(script->wait([&] { return !script->batches.empty(); }));
    Projection interim;
    for (const std::string_view text : {"bb", "cc", "d"}) {
        interim.bytes += text;
        interim.entries.push_back({static_cast<uint32_t>(text.size()), true, false, true});
    }
    lane->push(interim);  // 3 bytes are free for them
    const SinkCounts counts = lane->counts();
    EXPECT_EQ(counts.events_queued, 2u);
    EXPECT_EQ(counts.events_lost, 1u);
    push(lines({"eeee"}));
    EXPECT_EQ(lane->counts().lost, 0u);
    {
        const std::lock_guard lock(script->mutex);
        script->hung = false;
    }
    script->changed.notify_all();
    ASSERT_TRUE(wait_counts([](const SinkCounts& c) { return c.queue_bytes == 0; }));
    EXPECT_EQ(script->taken, (std::vector<std::string>{"a", "bb", "d", "eeee"}));
    EXPECT_EQ(lane->counts().events_delivered, 2u);
}

TEST_F(LaneTest, PartialDeliveryGoesOnWhereItStopped) {
    script->answer = [](auto batch) {
        return Delivered{std::min<std::size_t>(2, batch.size()), true, 0, "slow"};
    };
    start();
    push(lines({"a", "b", "c", "d", "e"}));
    ASSERT_TRUE(wait_counts([](const SinkCounts& c) { return c.delivered == 5; }));
    EXPECT_EQ(script->taken, (std::vector<std::string>{"a", "b", "c", "d", "e"}));
    EXPECT_EQ(lane->counts().lost, 0u);
}

TEST_F(LaneTest, ARefusedRestIsLostAtOnce) {
    script->answer = [](auto) { return Delivered{1, false, 0, "refused"}; };
    start();
    push(lines({"a", "b", "c"}));
    ASSERT_TRUE(wait_counts([](const SinkCounts& c) { return c.queued == 0; }));
    EXPECT_EQ(lane->counts().delivered, 1u);
    EXPECT_EQ(lane->counts().lost, 2u);
    EXPECT_EQ(lane->losses().error, "refused");
    EXPECT_EQ(script->batches.size(), 1u);
}

TEST_F(LaneTest, RetriesWithLongerAndLongerPausesThenGivesUp) {
    script->answer = [](auto) { return Delivered{0, true, 0, "down"}; };
    SinkTraits traits = quick();
    traits.retry_initial_ms = 8;
    traits.retry_max_ms = 32;
    traits.retry_attempts = 5;
    start(traits);
    push(lines({"a"}));
    ASSERT_TRUE(wait_counts([](const SinkCounts& c) { return c.lost == 1; }));
    ASSERT_EQ(script->times_ns.size(), 5u);
    for (std::size_t i = 0; i < 4; ++i) {  // 8, 16, 32, 32 ms, of which at least half
        const uint64_t least_ms = std::min<uint64_t>(8u << i, 32) / 2;
        EXPECT_GE(script->times_ns[i + 1] - script->times_ns[i], least_ms * kNsPerMs) << i;
    }
}

TEST_F(LaneTest, TheReceiverMaySayWhenToTryAgain) {
    script->answer = [this](auto batch) {
        return script->batches.size() == 1 ? Delivered{0, true, 60, "later"}
                                           : Delivered{batch.size(), false, 0, {}};
    };
    start();
    push(lines({"a"}));
    ASSERT_TRUE(wait_counts([](const SinkCounts& c) { return c.delivered == 1; }));
    EXPECT_GE(script->times_ns[1] - script->times_ns[0], 60 * kNsPerMs);
}

TEST_F(LaneTest, LostEventsAreCountedApartAndTheirOwnReportsDoNotFeedThemselves) {
    script->answer = [](auto) { return Delivered{0, false, 0, "no"}; };
    start();
    Projection projection;
    projection.bytes = "abc";
    projection.entries = {{1, false, false}, {1, true, false}, {1, true, true}};
    projection.events_filtered = 4;
    lane->push(projection);
    pushed = 1;
    ASSERT_TRUE(wait_counts([](const SinkCounts& c) { return c.events_lost == 2; }));
    EXPECT_EQ(lane->counts().lost, 1u);
    EXPECT_EQ(lane->counts().events_filtered, 4u);
    EXPECT_EQ(lane->losses().records, 1u);
    EXPECT_EQ(lane->losses().events, 1u);
}

TEST_F(LaneTest, StopDeliversWhatIsThere) {
    SinkTraits traits = quick();
    traits.flush_ms = 3'600'000;
    start(traits);
    push(lines({"a", "b"}));
    lane->begin_stop(20'000);
    lane->end_stop();
    EXPECT_TRUE(lane->finished());
    EXPECT_EQ(lane->counts().delivered, 2u);
    EXPECT_EQ(script->hurried_ms.load(), 20'000u);
}

TEST_F(LaneTest, StopCutsRetriesAtTheDeadline) {
    script->answer = [](auto) { return Delivered{0, true, 600'000, "later"}; };
    start();
    push(lines({"a", "b"}));
    ASSERT_TRUE(script->wait([&] { return !script->batches.empty(); }));
    const uint64_t begin = mono_now_ns();
    lane->begin_stop(30);
    lane->end_stop();
    EXPECT_LT(mono_now_ns() - begin, 10 * kNsPerSecond);
    EXPECT_EQ(lane->counts().lost, 2u);
    expect_law();
}

TEST_F(LaneTest, AHungSinkIsLeftBehindAndCounted) {
    script->hung = true;
    start();
    push(lines({"a", "b"}));
    ASSERT_TRUE(script->wait([&] { return !script->batches.empty(); }));
    push(lines({"c"}));
    const uint64_t begin = mono_now_ns();
    lane->begin_stop(20);
    lane->end_stop();
    EXPECT_LT(mono_now_ns() - begin, 10 * kNsPerSecond);
    EXPECT_EQ(lane->counts().lost, 3u);
    EXPECT_EQ(lane->counts().queue_bytes, 0u);
    expect_law();
    // It returns after all: nothing is counted twice, and nothing is touched that is gone.
    const std::weak_ptr<Script> alive = script;
    lane.reset();
    {
        const std::lock_guard lock(script->mutex);
        script->hung = false;
        script->changed.notify_all();
    }
    script.reset();
    const uint64_t until = mono_now_ns() + 20 * kNsPerSecond;
    while (!alive.expired() && mono_now_ns() < until) std::this_thread::yield();
    EXPECT_TRUE(alive.expired());
}

TEST_F(LaneTest, WhatComesAfterTheStopIsLost) {
    start();
    lane->begin_stop(1000);
    push(lines({"a"}));
    lane->end_stop();
    EXPECT_EQ(lane->counts().lost, 1u);
}

TEST_F(LaneTest, ReopensOnTheLane) {
    start();
    lane->reopen();
    EXPECT_TRUE(script->wait([&] { return script->reopened == 1; }));
}

TEST_F(LaneTest, TheLawHoldsWhateverHappensMeanwhile) {
    script->answer = [this](auto batch) {
        switch (script->batches.size() % 5) {
            case 0:
                return Delivered{batch.size(), false, 0, {}};
            case 1:
                return Delivered{0, true, 0, "down"};
            case 2:
                return Delivered{batch.size() / 2, true, 0, "partial"};
            case 3:
                return Delivered{batch.size() / 3, false, 0, "refused"};
            default:
                return Delivered{batch.size() + 7, false, 0, {}};  // a sink that claims too much
        }
    };
    SinkTraits traits = quick();
    traits.queue_bytes = 2000;
    traits.batch_records = 16;
    start(traits);
    for (int i = 0; i < 20'000; ++i) push(lines({"one", "two", "three"}));
    ASSERT_TRUE(wait_counts([](const SinkCounts& c) { return c.queued == 0; }));
    const SinkCounts counts = lane->counts();
    EXPECT_GT(counts.delivered, 0u);
    EXPECT_GT(counts.lost, 0u);
    EXPECT_EQ(counts.delivered, script->taken.size());
}

}  // namespace
}  // namespace glassgate::telemetry
