#include "shared/audit_gate.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

namespace glassgate::shared {
namespace {

constexpr uint64_t kReserved = 1000;

struct Waited {
    AuditGate::Waiter waiter;
    int woken = 0;
    explicit Waited(uint64_t ticket, AuditQuorum quorum = {}) {
        waiter = {ticket, quorum, [](void* self) { ++static_cast<Waited*>(self)->woken; }, this};
    }
};

// A worker's loop, as far as the gate needs it.
struct Posted {
    std::vector<std::function<void()>> work;
    void run() {
        auto now = std::move(work);
        work.clear();
        for (const auto& w : now) w();
    }
};

TEST(AuditGate, AdmitsWhatThereIsRoomFor) {
    AuditGate gate(1);
    EXPECT_EQ(gate.reserve(1, 0), AuditGate::Admission::closed);
    gate.open(true);
    gate.set_room(2 * kReserved);
    EXPECT_EQ(gate.reserve(kReserved, 0), AuditGate::Admission::granted);
    EXPECT_EQ(gate.reserve(kReserved, 0), AuditGate::Admission::granted);
    EXPECT_EQ(gate.reserve(1, 0), AuditGate::Admission::full);
    gate.release(kReserved);
    EXPECT_EQ(gate.reserve(kReserved, 0), AuditGate::Admission::granted);
}

TEST(AuditGate, AWriterThatHangsIsNotWaitedFor) {
    AuditGate gate(1);
    gate.open(true);
    gate.set_room(1'000'000);
    gate.commit_began(5);
    EXPECT_EQ(gate.reserve(1, 5 + AuditGate::kStallNs), AuditGate::Admission::granted);
    EXPECT_EQ(gate.reserve(1, 6 + AuditGate::kStallNs), AuditGate::Admission::stalled);
    gate.commit_began(0);
    EXPECT_EQ(gate.reserve(1, 6 + AuditGate::kStallNs), AuditGate::Admission::granted);
}

TEST(AuditGate, AWaiterIsWokenOnceWhenItsRecordIsDurable) {
    AuditGate gate(1);
    Posted posted;
    gate.attach(0, [&](std::function<void()> work) { posted.work.push_back(std::move(work)); });
    gate.open(true);
    gate.set_room(1'000'000);
    Waited first(gate.submit(0, "a", kReserved, AuditDurability::group));
    Waited second(gate.submit(0, "b", kReserved, AuditDurability::group));
    EXPECT_FALSE(gate.wait(0, &first.waiter));
    EXPECT_FALSE(gate.wait(0, &second.waiter));
    gate.durable(0, first.waiter.ticket, 10);
    gate.wake_workers();
    posted.run();
    EXPECT_EQ(first.woken, 1);
    EXPECT_EQ(second.woken, 0);
    gate.leave(0, &second.waiter);
    gate.durable(0, second.waiter.ticket, 11);
    gate.wake_workers();
    posted.run();
    EXPECT_EQ(first.woken, 1);
    EXPECT_EQ(second.woken, 0);
    EXPECT_TRUE(gate.wait(0, &second.waiter));  // settled: not kept
}

TEST(AuditGate, AQuorumOfDestinationsCounts) {
    AuditGate gate(1);
    const uint32_t a = gate.destination("relp://a"), b = gate.destination("relp://b");
    EXPECT_EQ(gate.destination("relp://a"), a);
    const AuditQuorum any{uint32_t{1} << a | uint32_t{1} << b, 1}, all{any.destinations, 2};
    gate.set_room(1'000'000);
    gate.open(true);
    EXPECT_FALSE(gate.reachable(any));
    gate.set_reachable(b, true);
    EXPECT_TRUE(gate.reachable(any));
    EXPECT_FALSE(gate.reachable(all));
    const uint64_t ticket = gate.submit(0, "x", kReserved, AuditDurability::group);
    gate.durable(0, ticket, 42);
    EXPECT_TRUE(gate.settled(0, ticket, {}));
    EXPECT_FALSE(gate.settled(0, ticket, any));
    gate.acknowledged(b, 41);
    EXPECT_FALSE(gate.settled(0, ticket, any));
    gate.acknowledged(b, 42);
    EXPECT_TRUE(gate.settled(0, ticket, any));
    EXPECT_FALSE(gate.settled(0, ticket, all));
    gate.acknowledged(a, 100);
    EXPECT_TRUE(gate.settled(0, ticket, all));
}

TEST(AuditGate, WhatFindsNoRoomIsCounted) {
    AuditGate gate(1);
    EXPECT_FALSE(gate.offer(0, "x", 0));
    EXPECT_EQ(gate.take_lost(), 1u);
    EXPECT_EQ(gate.take_lost(), 0u);
    EXPECT_EQ(gate.lost_total(), 1u);
}

// Workers that reserve, submit and give back against a writer: never more admitted than there is
// room for, every record taken once and in its worker's order, every reservation given back.
TEST(AuditGate, ManyWorkersAndOneWriter) {
    constexpr unsigned kWorkers = 4, kRecords = 5000;
    constexpr uint64_t kRoom = 20 * kReserved;
    AuditGate gate(kWorkers);
    gate.set_room(kRoom);
    gate.open(true);
    std::vector<std::thread> workers;
    for (unsigned w = 0; w < kWorkers; ++w)
        workers.emplace_back([&gate, w] {
            for (unsigned i = 0; i < kRecords;) {
                if (gate.reserve(kReserved, 0) != AuditGate::Admission::granted) {
                    std::this_thread::yield();
                    continue;
                }
                if (i % 7 == 3) gate.release(kReserved);
                if (i % 7 != 3)
                    gate.submit(
                        w, std::to_string(i), kReserved,
                        i % 2 == 0 ? AuditDurability::before_reply : AuditDurability::group);
                ++i;
            }
        });
    std::map<unsigned, uint64_t> last;
    std::size_t taken = 0;
    constexpr std::size_t kAll = kWorkers * (kRecords - (kRecords + 3) / 7);
    std::vector<AuditGate::Entry> entries;
    while (taken < kAll) {
        gate.await_entries(false, 1'000'000'000);
        gate.take(entries);
        EXPECT_LE(entries.size() * kReserved, kRoom);
        uint64_t given_back = 0;
        for (const auto& entry : entries) {
            EXPECT_EQ(entry.ticket, last[entry.worker] + 1);
            last[entry.worker] = entry.ticket;
            given_back += entry.reserved;
        }
        taken += entries.size();
        gate.give_back(given_back);
    }
    for (auto& worker : workers) worker.join();
    EXPECT_EQ(gate.reserve(kRoom, 0), AuditGate::Admission::granted);
}

}  // namespace
}  // namespace glassgate::shared
