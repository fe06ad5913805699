// Segments: the samples of all series at one resolution over one span of time, in one immutable
// file (docs/formats/store.md): a head; for each series an extent with its chunks; an index of
// label sets and extents; a foot. Everything is checksummed: the index as a whole, each extent by
// itself, so that a damaged extent costs one series its share of the span and nothing else.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "store/labels.h"
#include "store/matcher_set.h"
#include "store/segment/disk.h"
#include "store/segment/frame.h"
#include "store/series_kind.h"
#include "store/symbols.h"

namespace glassgate::store {

struct SegmentHead {
    int64_t step_ms = 0;            // the tier's
    TimeMs from_ms = 0, to_ms = 0;  // the span: [from, to)
    uint64_t sequence = 0;          // a later one of the same span holds all that is in this
};

struct SegmentEntry {
    uint32_t labels_begin = 0, labels_count = 0;  // in SegmentIndex's pairs
    SeriesKind kind = SeriesKind::gauge;
    uint32_t crc = 0;
    uint64_t offset = 0, length = 0;
    TimeMs first_ms = 0, last_ms = 0;
    uint64_t samples = 0;
    uint64_t hash = 0;  // of the labels, with this process' seed
};

// The index of a segment, read. Immutable.
class SegmentIndex {
public:
    // `data_end`: where the extents end. Nothing: it is no sound index.
    [[nodiscard]] static std::shared_ptr<const SegmentIndex> parse(std::string bytes,
                                                                   const SegmentHead& head,
                                                                   uint64_t data_end,
                                                                   uint64_t hash_seed);
    [[nodiscard]] std::span<const SegmentEntry> entries() const noexcept { return entries_; }
    [[nodiscard]] Labels labels(const SegmentEntry& entry) const;
    [[nodiscard]] bool has_labels(const SegmentEntry& entry, const Labels& labels) const noexcept;
    // Entries all matchers fit, in order.
    [[nodiscard]] std::vector<uint32_t> select(const MatcherSet& matchers) const;
    [[nodiscard]] std::size_t footprint() const noexcept;

private:
    struct Pair {
        Symbol name, value;
    };
    [[nodiscard]] bool read_symbols(ByteReader& in);
    [[nodiscard]] bool read_entry(ByteReader& in, const SegmentHead& head, SegmentEntry& entry);
    [[nodiscard]] std::string_view value_of(const SegmentEntry& entry, Symbol name) const noexcept;
    [[nodiscard]] bool in_order(const SegmentEntry& a, const SegmentEntry& b) const noexcept;

    std::string bytes_;  // symbols_ point into it
    std::vector<std::string_view> symbols_;
    std::vector<Pair> pairs_;
    std::vector<SegmentEntry> entries_;
};

// Any thread.
class Segment {
public:
    [[nodiscard]] static Result<std::shared_ptr<Segment>> open(const std::string& path,
                                                               uint64_t hash_seed);

    [[nodiscard]] const SegmentHead& head() const noexcept { return head_; }
    [[nodiscard]] TimeMs first_ms() const noexcept { return first_ms_; }
    [[nodiscard]] TimeMs last_ms() const noexcept { return last_ms_; }
    [[nodiscard]] uint64_t bytes() const noexcept { return file_.size(); }
    [[nodiscard]] const std::string& path() const noexcept { return file_.path(); }

    // Read on first use, then kept until forget_index().
    [[nodiscard]] Result<std::shared_ptr<const SegmentIndex>> index() const;
    void forget_index() const;
    [[nodiscard]] std::size_t index_bytes() const;                               // kept right now
    [[nodiscard]] uint64_t used_ns() const noexcept { return used_ns_.load(); }  // last, mono clock

    // An extent's bytes, verified, in `buffer`, with kPadding after them. Error: damaged or
    // unreadable.
    [[nodiscard]] Result<std::string_view> read(const SegmentEntry& entry,
                                                std::string& buffer) const;

private:
    Segment(InFile file, uint64_t hash_seed) : file_(std::move(file)), hash_seed_(hash_seed) {}
    [[nodiscard]] Status read_head();
    [[nodiscard]] Status read_foot();

    InFile file_;
    uint64_t hash_seed_;
    SegmentHead head_;
    TimeMs first_ms_ = 0, last_ms_ = 0;
    uint64_t index_offset_ = 0, index_length_ = 0;
    uint32_t index_crc_ = 0;
    mutable std::atomic<uint64_t> used_ns_{0};
    mutable std::mutex mutex_;
    mutable std::shared_ptr<const SegmentIndex> index_;
};

// Writes a segment; series come in the order of their labels. One thread.
class SegmentWriter {
public:
    [[nodiscard]] static Result<SegmentWriter> create(Disk& disk, std::string path,
                                                      const SegmentHead& head);
    // A series without chunks is left out.
    [[nodiscard]] Status add(const Labels& labels, SeriesKind kind,
                             std::span<const ChunkView> chunks);
    // The same with an extent as it lies in another segment.
    [[nodiscard]] Status copy(const Labels& labels, const SegmentEntry& entry,
                              std::string_view extent);
    // Index and foot, and all of it on the disk.
    [[nodiscard]] Status finish(bool sync);
    [[nodiscard]] bool empty() const noexcept { return series_ == 0; }
    [[nodiscard]] uint64_t samples() const noexcept { return samples_; }

private:
    [[nodiscard]] Status put_extent(const Labels& labels, SegmentEntry entry,
                                    std::string_view extent);
    [[nodiscard]] Symbol symbol(const std::string& text);

    OutFile file_;
    SegmentHead head_;
    std::string buffer_;  // on its way to the file
    std::unordered_map<std::string, Symbol> symbols_;
    std::string symbol_bytes_, entry_bytes_, extent_;
    uint64_t series_ = 0, samples_ = 0, data_bytes_ = 0;
    TimeMs first_ms_ = INT64_MAX, last_ms_ = INT64_MIN;
};

[[nodiscard]] std::string segment_path(const std::string& directory, const SegmentHead& head);

}  // namespace glassgate::store
