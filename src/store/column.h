// Column: the samples of one series at one resolution, as far as they are in memory: sealed chunks,
// then an open one that takes samples. Not thread-safe; its series' lock guards it.
//
// Samples that repeat the one before at a regular distance cost nothing but a count: most series of
// a gateway stand still most of the time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "store/chunk.h"
#include "store/codec/histogram_block.h"
#include "store/codec/number_block.h"

namespace glassgate::store {

// Bytes of memory the store holds. Any thread.
class MemoryMeter {
public:
    void add(std::size_t bytes) noexcept {
        bytes_.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed);
    }
    void release(std::size_t bytes) noexcept {
        bytes_.fetch_sub(static_cast<int64_t>(bytes), std::memory_order_relaxed);
    }
    [[nodiscard]] uint64_t bytes() const noexcept {
        return static_cast<uint64_t>(std::max<int64_t>(0, bytes_.load(std::memory_order_relaxed)));
    }

private:
    std::atomic<int64_t> bytes_{0};
};

// A copy of what a column held at one moment, to be read without the lock.
class ColumnSnapshot {
public:
    // Appends the samples in [from, to]. False: damaged (our own bug, or memory's).
    [[nodiscard]] bool append_to(Series& series, TimeMs from_ms, TimeMs to_ms) const;
    [[nodiscard]] std::size_t samples() const noexcept { return samples_; }  // at most
    // Of the whole column, not only of what was asked for; INT64_MAX: it was empty.
    [[nodiscard]] TimeMs first_ms() const noexcept { return first_ms_; }

private:
    friend class Column;
    struct Run {
        TimeMs first_ms;
        uint64_t step, count, bits;
    };
    std::vector<ChunkPtr> sealed_;
    ChunkView open_;  // its bytes are in open_bytes_
    std::string open_bytes_;
    Run run_{0, 0, 0, 0};
    std::vector<TimeMs> times_;
    std::vector<uint64_t> values_;
    std::vector<HistogramPtr> histograms_;
    std::size_t samples_ = 0;
    TimeMs first_ms_ = INT64_MAX;
};

class Column {
public:
    static constexpr std::size_t kChunkSamples = 1024;
    static constexpr std::size_t kChunkBytes = 2048;
    static constexpr std::size_t kHistogramTail = 16;

    Column() = default;
    Column(const Column&) = delete;
    Column& operator=(const Column&) = delete;

    // After all before. A null histogram is a staleness marker among histograms.
    void push(TimeMs t_ms, uint64_t bits, MemoryMeter& meter);
    void push(TimeMs t_ms, HistogramPtr histogram, MemoryMeter& meter);

    [[nodiscard]] bool empty() const noexcept { return sealed_.empty() && !has_open(); }
    [[nodiscard]] TimeMs first_ms() const noexcept;  // INT64_MAX: empty
    // What is needed for the samples in [from, to].
    [[nodiscard]] ColumnSnapshot snapshot(TimeMs from_ms, TimeMs to_ms) const;

    // Drops sealed chunks that end before `before`; returns how many samples that were.
    uint64_t drop(TimeMs before_ms, MemoryMeter& meter);
    // Seals the open chunk, so that all of it can be dropped.
    void seal(MemoryMeter& meter);
    void clear(MemoryMeter& meter);
    // As an encoder: seals, gives the chunks away, and is empty.
    [[nodiscard]] std::vector<ChunkPtr> take(MemoryMeter& meter);

private:
    // Samples not yet encoded, as values where they change or are irregular.
    struct Raw {
        std::array<uint64_t, kBlockSamples> values;
        std::unique_ptr<std::array<TimeMs, kBlockSamples>> times;  // null: regular
    };
    struct Histograms {
        std::vector<TimeMs> times;
        std::vector<HistogramPtr> tail;
        TimeContext context;
        std::size_t bytes = 0;  // metered
    };
    [[nodiscard]] bool has_open() const noexcept { return tail_count_ != 0 || open_samples_ != 0; }
    [[nodiscard]] TimeMs open_first() const noexcept {
        return open_samples_ != 0 ? open_first_ms_ : tail_first_ms_;
    }
    void begin_tail(TimeMs t_ms, uint64_t bits) noexcept;
    void begin_raw(MemoryMeter& meter);
    void push_raw(TimeMs t_ms, uint64_t bits, bool regular, MemoryMeter& meter);
    void close_tail(MemoryMeter& meter);
    void close_histograms(MemoryMeter& meter);
    void note_block(TimeMs first_ms, TimeMs last_ms, std::size_t samples, std::size_t bytes_before,
                    MemoryMeter& meter);
    void seal_open(MemoryMeter& meter);
    void merge_histogram_blocks();

    std::vector<ChunkPtr> sealed_;
    // The open chunk's blocks so far.
    std::string open_;
    TimeMs open_first_ms_ = 0, open_last_ms_ = 0;
    uint32_t open_samples_ = 0;
    bool open_histograms_ = false;
    // The samples after those: a run of equal ones, or raw.
    bool is_raw_ = false;
    uint32_t tail_count_ = 0;
    TimeMs tail_first_ms_ = 0, tail_last_ms_ = 0;
    uint64_t tail_step_ = 0, tail_bits_ = 0;  // tail_bits_: the last value
    std::unique_ptr<Raw> raw_;
    BlockContext context_;
    std::unique_ptr<Histograms> histograms_;
};

}  // namespace glassgate::store
