// Chunk: some hundred samples of one series, compressed and for ever unchanged, so that queries
// read it without a lock while the series goes on.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "store/series.h"

namespace glassgate::store {

// Where the bytes of a chunk lie, and what they hold. `bytes` is followed by kPadding readable
// bytes.
struct ChunkView {
    TimeMs first_ms = 0, last_ms = 0;
    uint32_t samples = 0;
    bool histograms = false;
    std::string_view bytes;
};

// Appends the samples in [from, to] to a series whose samples are all older. False: the bytes are
// not what they should be; the series then is as it was.
[[nodiscard]] bool append_samples(const ChunkView& chunk, TimeMs from_ms, TimeMs to_ms,
                                  Series& series);
// A series of plain numbers has no column of histograms; one that gets its first does.
void append_number(Series& series, TimeMs t_ms, double value);
void append_histogram(Series& series, TimeMs t_ms, std::shared_ptr<const NativeHistogram> h);

class Chunk;
using ChunkPtr = std::shared_ptr<const Chunk>;

class Chunk {
public:
    [[nodiscard]] static ChunkPtr make(const ChunkView& content);  // copies the bytes

    [[nodiscard]] ChunkView view() const noexcept { return view_; }
    [[nodiscard]] TimeMs first_ms() const noexcept { return view_.first_ms; }
    [[nodiscard]] TimeMs last_ms() const noexcept { return view_.last_ms; }
    [[nodiscard]] uint32_t samples() const noexcept { return view_.samples; }
    // What it takes of memory, all told.
    [[nodiscard]] std::size_t footprint() const noexcept;

private:
    explicit Chunk(const ChunkView& view) noexcept : view_(view) {}
    ChunkView view_;
};

}  // namespace glassgate::store
