#include "shared/audit_gate.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"

namespace glassgate::shared {

AuditGate::AuditGate(unsigned workers) {
    for (unsigned i = 0; i < workers; ++i) slots_.push_back(std::make_unique<Slot>());
}

void AuditGate::attach(unsigned worker, std::function<void(std::function<void()>)> post) {
    slots_[worker]->post = std::move(post);
}

uint32_t AuditGate::destination(std::string_view url) {
    const std::lock_guard lock(names_mutex_);
    for (std::size_t i = 0; i < destination_count_; ++i)
        if (destinations_[i].url == url) return static_cast<uint32_t>(i);
    if (destination_count_ == kMaxDestinations) return kMaxDestinations;
    destinations_[destination_count_].url = url;
    return static_cast<uint32_t>(destination_count_++);
}

std::vector<std::string> AuditGate::destinations() const {
    const std::lock_guard lock(names_mutex_);
    std::vector<std::string> urls;
    for (std::size_t i = 0; i < destination_count_; ++i) urls.push_back(destinations_[i].url);
    return urls;
}

// ---- workers
// -----------------------------------------------------------------------------------

AuditGate::Admission AuditGate::reserve(uint64_t bytes, uint64_t now_ns) noexcept {
    if (!open_.load()) return Admission::closed;
    const uint64_t began_ns = commit_began_ns_.load();
    if (began_ns != 0 && now_ns > began_ns + kStallNs) return Admission::stalled;
    uint64_t outstanding = outstanding_.load();
    do {
        if (outstanding + bytes > room_.load()) return Admission::full;
    } while (!outstanding_.compare_exchange_weak(outstanding, outstanding + bytes));
    return Admission::granted;
}

void AuditGate::release(uint64_t bytes) noexcept {
    if (bytes != 0) outstanding_.fetch_sub(bytes);
}

uint64_t AuditGate::submit(unsigned worker, std::string_view body, uint64_t reserved,
                           AuditDurability durability) {
    GW_CHECK(body.size() + kRecordOverhead <= reserved);
    Slot& slot = *slots_[worker];
    const uint64_t ticket = ++slot.submitted;
    {
        const std::lock_guard lock(slot.mutex);
        slot.entries.push_back({std::string(body), reserved, worker, ticket, durability});
    }
    const bool first = pending_.fetch_add(1) == 0;
    const bool urgent = durability == AuditDurability::before_reply && urgent_.fetch_add(1) == 0;
    if (first || urgent) {
        // The lock makes sure that the writer either sees the count or is already asleep.
        {
            const std::lock_guard lock(sleep_mutex_);
        }
        sleep_.notify_one();
    }
    return ticket;
}

bool AuditGate::offer(unsigned worker, std::string_view body, uint64_t now_ns) {
    const uint64_t bytes = body.size() + kRecordOverhead;
    if (reserve(bytes, now_ns) != Admission::granted) {
        lost_.fetch_add(1);
        lost_total_.fetch_add(1);
        return false;
    }
    submit(worker, body, bytes, AuditDurability::async);
    return true;
}

bool AuditGate::settled(unsigned worker, uint64_t ticket, const AuditQuorum& quorum) {
    Slot& slot = *slots_[worker];
    if (slot.durable.load() < ticket) return false;
    if (quorum.needed == 0) return true;
    uint64_t seq = 0;
    {
        const std::lock_guard lock(slot.mutex);
        const auto batch =
            std::lower_bound(slot.batches.begin(), slot.batches.end(), ticket,
                             [](const Batch& b, uint64_t t) { return b.ticket < t; });
        if (batch != slot.batches.end()) seq = batch->seq;
    }
    uint32_t have = 0;
    for (std::size_t i = 0; i < kMaxDestinations; ++i)
        if ((quorum.destinations >> i & 1) != 0 && destinations_[i].acknowledged.load() >= seq)
            ++have;
    return have >= quorum.needed;
}

bool AuditGate::reachable(const AuditQuorum& quorum) const noexcept {
    uint32_t have = 0;
    for (std::size_t i = 0; i < kMaxDestinations; ++i)
        if ((quorum.destinations >> i & 1) != 0 && destinations_[i].reachable.load()) ++have;
    return have >= quorum.needed;
}

void AuditGate::count_refused(uint32_t index) noexcept {
    refused_[index].fetch_add(1, std::memory_order_relaxed);
}

bool AuditGate::wait(unsigned worker, Waiter* waiter) {
    Slot& slot = *slots_[worker];
    slot.waited.store(true);
    if (settled(worker, waiter->ticket, waiter->quorum)) return true;
    slot.waiters.push_back(waiter);
    return false;
}

void AuditGate::leave(unsigned worker, Waiter* waiter) noexcept {
    std::erase(slots_[worker]->waiters, waiter);
}

// On the worker's thread: wakes those whose time has come.
void AuditGate::look(unsigned worker) {
    Slot& slot = *slots_[worker];
    std::vector<Waiter*> ready;
    std::erase_if(slot.waiters, [&](Waiter* waiter) {
        if (!settled(worker, waiter->ticket, waiter->quorum)) return false;
        ready.push_back(waiter);
        return true;
    });
    if (slot.waiters.empty()) slot.waited.store(false);
    // Waking one may end another's request, but then that one has been woken, too: its wait is over
    // whatever it is told first.
    for (Waiter* const waiter : ready) waiter->wake(waiter->context);
}

// ---- the writer
// --------------------------------------------------------------------------------

void AuditGate::take(std::vector<Entry>& entries) {
    entries.clear();
    std::vector<Entry> taken;
    for (const auto& slot : slots_) {
        taken.clear();
        {
            const std::lock_guard lock(slot->mutex);
            taken.swap(slot->entries);
        }
        for (Entry& entry : taken) {
            pending_.fetch_sub(1);
            if (entry.durability == AuditDurability::before_reply) urgent_.fetch_sub(1);
            entries.push_back(std::move(entry));
        }
    }
}

void AuditGate::await_entries(bool urgent, uint64_t timeout_ns) {
    std::unique_lock lock(sleep_mutex_);
    sleep_.wait_for(lock, std::chrono::nanoseconds(timeout_ns),
                    [&] { return woken_ || (urgent ? urgent_.load() : pending_.load()) != 0; });
    woken_ = false;
}

void AuditGate::wake_writer() {
    {
        const std::lock_guard lock(sleep_mutex_);
        woken_ = true;
    }
    sleep_.notify_one();
}

void AuditGate::durable(unsigned worker, uint64_t ticket, uint64_t seq) {
    constexpr std::size_t kMaxBatches = 4096;
    Slot& slot = *slots_[worker];
    {
        const std::lock_guard lock(slot.mutex);
        slot.batches.push_back({ticket, seq});
        // Of the old ones the newest stands for them: nobody waits as long as that.
        if (slot.batches.size() > kMaxBatches) slot.batches.pop_front();
    }
    slot.durable.store(ticket);
}

void AuditGate::wake_workers() {
    for (unsigned i = 0; i < slots_.size(); ++i)
        if (slots_[i]->waited.load() && slots_[i]->post) slots_[i]->post([this, i] { look(i); });
}

// ---- lanes
// -------------------------------------------------------------------------------------

void AuditGate::acknowledged(uint32_t destination, uint64_t seq) {
    destinations_[destination].acknowledged.store(seq);
    wake_workers();
}

void AuditGate::set_reachable(uint32_t destination, bool is_reachable) noexcept {
    destinations_[destination].reachable.store(is_reachable);
}

}  // namespace glassgate::shared
