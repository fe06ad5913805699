#include "telemetry/metrics/client_table.h"

#include <cstring>

#include "base/ids.h"
#include "telemetry/metrics/number_text.h"

namespace glassgate::telemetry {

void ClientTable::set_limit(uint32_t limit) noexcept {
    // Workers that took the table for full have to ask again.
    if (limit_.exchange(limit) != limit) index_.clock().tick();
}

SeriesGroup* ClientTable::admit(std::string_view id, uint64_t now_ns) {
    const std::lock_guard lock(mutex_);
    if (const auto found = clients_.find(std::string(id)); found != clients_.end())
        return found->second.group;
    const uint32_t limit = limit_.load(std::memory_order_relaxed);
    if (clients_.size() >= limit) evict_idle(now_ns);
    if (clients_.size() >= limit) {
        index_.count_overflow();
        return nullptr;
    }
    const std::string_view labels[] = {id};
    SeriesGroup& group = index_.obtain(Subject::client, labels, nullptr, Claim::named);
    if (group.labels.front() != id) {  // the series budget is spent
        index_.release(group);
        return nullptr;
    }
    clients_.emplace(id, Client{&group, now_ns});
    return &group;
}

uint64_t ClientTable::last_seen_ns(const Client& client) const {
    uint64_t last = client.admitted_ns;
    CellStore& store = index_.store();
    for (unsigned worker = 0; worker < store.workers(); ++worker) {
        const CellIndex cell = client.group->first_cell + cells::client::kLastSeenNs;
        last = std::max(last, store.at(worker, cell)->read());
    }
    return last;
}

void ClientTable::evict_idle(uint64_t now_ns) {
    if (now_ns < swept_ns_ + kSweepNs) return;
    swept_ns_ = now_ns;
    // The cells of the evicted wait for every worker and for the scraper. Should they not come,
    // memory must not grow: rather count new clients as "other".
    if (index_.existing(Subject::client) >= 2 * std::size_t{limit_.load()}) return;
    const uint64_t time = index_.clock().now() + 1;
    bool any = false;
    std::erase_if(clients_, [&](const auto& entry) {
        const Client& client = entry.second;
        if (last_seen_ns(client) + kIdleNs > now_ns) return false;
        client.group->evicted_at.store(time);
        index_.release(*client.group);
        any = true;
        return true;
    });
    if (any) index_.clock().tick();
}

ClientCache::ClientCache(ClientTable& table, unsigned worker)
    : table_(table), worker_(worker), seed_(Random().next() | 1), slots_(64) {}

void ClientCache::reset(uint64_t now) {
    slots_.assign(64, {});
    used_ = 0;
    full_ = false;
    ask_again_ns_ = 0;
    clock_ = now;
    table_.index().clock().acknowledge(worker_, now);
}

// Seeded, so that a client cannot choose ids that share a slot.
uint64_t ClientCache::hash_of(std::string_view id) const noexcept {
    uint64_t hash = seed_ ^ id.size();
    while (!id.empty()) {
        uint64_t word = 0;
        const std::size_t size = std::min(id.size(), sizeof word);
        std::memcpy(&word, id.data(), size);
        id.remove_prefix(size);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
    }
    return hash;
}

Cell* ClientCache::find(std::string_view id, uint64_t now_ns) {
    const uint64_t hash = hash_of(id);
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t i = hash & mask; slots_[i].cells != nullptr; i = (i + 1) & mask)
        if (slots_[i].hash == hash && slots_[i].id == id) return slots_[i].cells;
    if (full_ && now_ns < ask_again_ns_) return other();
    return first_sight(id, hash, now_ns);
}

Cell* ClientCache::first_sight(std::string_view id, uint64_t hash, uint64_t now_ns) {
    if (id.size() > ClientTable::kMaxIdBytes || id == "other" || !is_clean_label(id))
        return other();
    CellStore& store = table_.index().store();
    if (SeriesGroup* group = table_.admit(id, now_ns)) {
        Cell* cells = store.at(worker_, group->first_cell);
        insert(id, hash, cells);
        return cells;
    }
    if (!full_) {
        slots_.assign(slots_.size(), {});
        used_ = 0;
        table_.for_each([&](const std::string& known, const SeriesGroup& group) {
            insert(known, hash_of(known), store.at(worker_, group.first_cell));
        });
        full_ = true;
    }
    ask_again_ns_ = now_ns + ClientTable::kSweepNs;
    return other();
}

void ClientCache::insert(std::string_view id, uint64_t hash, Cell* cells) {
    if (2 * (used_ + 1) > slots_.size()) grow();
    const std::size_t mask = slots_.size() - 1;
    std::size_t i = hash & mask;
    while (slots_[i].cells != nullptr) i = (i + 1) & mask;
    slots_[i] = {hash, cells, std::string(id)};
    ++used_;
}

void ClientCache::grow() {
    std::vector<Slot> old = std::move(slots_);
    slots_.assign(old.size() * 2, {});
    const std::size_t mask = slots_.size() - 1;
    for (Slot& slot : old) {
        if (slot.cells == nullptr) continue;
        std::size_t i = slot.hash & mask;
        while (slots_[i].cells != nullptr) i = (i + 1) & mask;
        slots_[i] = std::move(slot);
    }
}

Cell* ClientCache::other() {
    if (other_ == nullptr) {
        SeriesIndex& index = table_.index();
        other_ = index.store().at(worker_, index.overflow(Subject::client).first_cell);
    }
    return other_;
}

}  // namespace glassgate::telemetry
