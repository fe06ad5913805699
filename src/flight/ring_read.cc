// The reading half of Ring: what there is at one moment is noted under the lock, and read without.
#include <algorithm>

#include "base/clock.h"
#include "flight/ring.h"

namespace glassgate::flight {

std::shared_ptr<const StoredPlan> Ring::plan_of(uint64_t key) const {
    {
        const std::lock_guard lock(plans_mutex_);
        if (const auto known = plans_.find(key); known != plans_.end()) return known->second;
    }
    std::shared_ptr<const std::string> bytes;
    {
        const std::shared_lock lock(mutex_);
        for (auto s = segments_.rbegin(); bytes == nullptr && s != segments_.rend(); ++s)
            if (const auto known = (*s)->plans().find(key); known != (*s)->plans().end())
                bytes = known->second;
    }
    std::shared_ptr<const StoredPlan> plan = unknown_plan();
    if (bytes != nullptr)
        if (auto decoded = decode_plan(*bytes)) plan = *std::move(decoded);
    if (plan == unknown_plan()) return plan;
    const std::lock_guard lock(plans_mutex_);
    if (plans_.size() >= 64) plans_.clear();  // of reloads long ago
    plans_.emplace(key, plan);
    return plan;
}

bool Ring::open_block(const Place& place, std::string& body, Block& block) const {
    if (!place.segment->read_body(*place.block, body)) {
        damaged_blocks_.fetch_add(1, std::memory_order_relaxed);
        return false;
    }
    std::vector<std::shared_ptr<const StoredPlan>> plans;
    for (const uint64_t key : place.block->head.plans) plans.push_back(plan_of(key));
    block.open(place.block->head, body, std::move(plans));
    return true;
}

// Oldest first.
std::vector<Record> Ring::open_records() const {
    std::vector<std::string> entries;
    uint64_t sequence = 0;
    {
        const std::shared_lock lock(mutex_);
        entries = open_;
        sequence = next_sequence_ - open_.size();
    }
    std::vector<Record> records;
    records.reserve(entries.size());
    for (const std::string& entry : entries) {
        Record record;
        uint64_t key = 0;
        const bool good = decode_entry(entry, record, key);
        record.sequence = sequence++;
        if (!good) continue;
        record.plan = plan_of(key);
        record.attach();
        records.push_back(std::move(record));
    }
    return records;
}

std::vector<Record> Ring::find(std::string_view id, std::size_t limit) const {
    std::vector<Record> found;
    std::string scratch;
    std::vector<Record> open = open_records();
    for (auto record = open.rbegin(); record != open.rend() && found.size() < limit; ++record)
        if (request_id_of(*record, scratch) == id) found.push_back(std::move(*record));

    struct Candidate {
        Place place;
        std::size_t index;
    };
    std::vector<Candidate> candidates;
    {
        const uint32_t wanted = fingerprint(id);
        const std::shared_lock lock(mutex_);
        for (auto s = segments_.rbegin(); s != segments_.rend(); ++s)
            for (auto b = (*s)->blocks().rbegin(); b != (*s)->blocks().rend(); ++b) {
                const std::vector<uint32_t>& prints = (*b)->head.fingerprints;
                for (std::size_t i = prints.size(); i-- > 0;)
                    if (prints[i] == wanted && candidates.size() < 4096)
                        candidates.push_back({{*s, *b}, i});
            }
    }
    Block block;
    std::string body;
    const BlockRef* opened = nullptr;
    for (const Candidate& candidate : candidates) {
        if (found.size() >= limit) break;
        if (opened != candidate.place.block.get() && !open_block(candidate.place, body, block))
            continue;
        opened = candidate.place.block.get();
        Record record;
        // Between two readings of open entries and blocks one may have moved from here to there.
        if (block.record(candidate.index, record) && request_id_of(record, scratch) == id &&
            std::none_of(found.begin(), found.end(),
                         [&](const Record& f) { return f.sequence == record.sequence; }))
            found.push_back(std::move(record));
    }
    return found;
}

std::vector<Ring::Place> Ring::places(const Scan& scan) const {
    std::vector<Place> places;
    const std::shared_lock lock(mutex_);
    for (const auto& segment : segments_)
        for (const auto& block : segment->blocks()) {
            const BlockHead& head = block->head;
            if (head.last_at_ns < scan.from_ns || head.first_at_ns > scan.to_ns ||
                head.first_sequence >= scan.below_sequence ||
                head.first_sequence + head.count() <= scan.from_sequence)
                continue;
            places.push_back({segment, block});
        }
    return places;
}

// One scan on its way.
class Ring::Walk {
public:
    Walk(const Ring& ring, const Scan& scan) : ring_(ring), scan_(scan) {
        if (scan.filter != nullptr) run_.emplace(*scan.filter);
    }

    // False: the scan is over.
    bool visit(const Record& record) {
        if (!in_range(record.row, record.sequence)) return true;
        ++result.looked_at;
        if (run_ && !run_->matches(record)) return true;
        return keep([&](Record& kept) {
            kept = record;
            return true;
        });
    }
    bool visit(const Place& place) {
        std::span<const Row> rows;
        if (!ring_.open_block(place, body_, block_) || !block_.rows(rows)) {
            ++result.damaged_blocks;
            return true;
        }
        if (run_) run_->begin(block_);
        for (std::size_t n = 0; n < rows.size(); ++n) {
            const std::size_t i = scan_.newest_first ? rows.size() - 1 - n : n;
            if (!in_range(rows[i], block_.sequence(i))) continue;
            ++result.looked_at;
            if (run_ && !run_->matches(rows[i], i)) continue;
            if (!keep([&](Record& kept) { return block_.record(i, kept); })) return false;
        }
        return true;
    }
    bool past_deadline() {
        if (scan_.deadline_ns == UINT64_MAX || mono_now_ns() < scan_.deadline_ns) return false;
        return result.gave_up = true;
    }

    Scanned result;

private:
    bool in_range(const Row& row, uint64_t sequence) const noexcept {
        return row.at_ns >= scan_.from_ns && row.at_ns <= scan_.to_ns &&
               sequence >= scan_.from_sequence && sequence < scan_.below_sequence;
    }
    template <typename Get>
    bool keep(Get&& get) {
        if (result.records.size() >= scan_.limit) {
            result.more = true;
            return false;
        }
        Record record;
        if (get(record)) result.records.push_back(std::move(record));
        return true;
    }

    const Ring& ring_;
    const Scan& scan_;
    std::optional<FilterRun> run_;
    Block block_;
    std::string body_;
};

Scanned Ring::scan(const Scan& scan) const {
    Walk walk(*this, scan);
    // Open entries first: what leaves them for a block in the meantime is met once or twice, and
    // the sequence says which.
    std::vector<Record> open = open_records();
    const uint64_t open_from = open.empty() ? UINT64_MAX : open.front().sequence;
    std::vector<Place> all = places(scan);
    std::erase_if(all, [&](const Place& p) { return p.block->head.first_sequence >= open_from; });
    if (scan.newest_first) {
        std::reverse(all.begin(), all.end());
        std::reverse(open.begin(), open.end());
    }
    const auto visit_open = [&] {
        return std::all_of(open.begin(), open.end(),
                           [&](const Record& r) { return walk.visit(r); });
    };
    const auto visit_blocks = [&] {
        return std::all_of(all.begin(), all.end(), [&](const Place& place) {
            return !walk.past_deadline() && walk.visit(place);
        });
    };
    if (scan.newest_first)
        (void)(visit_open() && visit_blocks());
    else
        (void)(visit_blocks() && visit_open());
    return std::move(walk.result);
}

}  // namespace glassgate::flight
