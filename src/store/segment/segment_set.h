// SegmentSet: the segments of a directory, as they are now. Any thread; a segment that is replaced
// or dropped stays readable for those who hold it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/segment/segment.h"

namespace glassgate::store {

using SegmentPtr = std::shared_ptr<const Segment>;

class SegmentSet {
public:
    // Opens what is in the directory: of each span the newest sound one; older ones are deleted,
    // damaged ones moved aside and told to `damaged`. Leftovers of a crash are deleted.
    void load(const std::string& directory, uint64_t hash_seed,
              const std::function<void(const std::string& what)>& damaged);

    // Of a tier, those that may have samples in [from, to], ascending.
    [[nodiscard]] std::vector<SegmentPtr> select(int64_t step_ms, TimeMs from_ms,
                                                 TimeMs to_ms) const;
    [[nodiscard]] std::vector<SegmentPtr> all() const;
    [[nodiscard]] SegmentPtr find(int64_t step_ms, TimeMs span_from_ms) const;  // null: none
    // In the place of the one of the same span, whose file is deleted.
    void put(SegmentPtr segment);
    void remove(const SegmentPtr& segment);  // and delete its file
    void move_aside(const SegmentPtr& segment, const std::string& directory);

    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] uint64_t bytes() const;
    [[nodiscard]] uint64_t next_sequence();
    // Lets go of the indices used least recently until the rest takes no more than this.
    void trim_indices(std::size_t most_bytes);
    [[nodiscard]] std::size_t index_bytes() const;

private:
    [[nodiscard]] std::vector<SegmentPtr>::iterator place(int64_t step_ms, TimeMs span_from_ms);
    void forget(const SegmentPtr& segment);

    mutable std::mutex mutex_;
    std::vector<SegmentPtr> segments_;  // by step, then span
    uint64_t sequence_ = 0;
};

}  // namespace glassgate::store
