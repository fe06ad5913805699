#include "store/codec/histogram_block.h"

#include <algorithm>
#include <array>

#include "store/codec/value_column.h"

namespace glassgate::store {
namespace {

constexpr uint8_t kTimeModeMask = 0x03;
constexpr uint8_t kStale = 0x04;  // all samples are staleness markers
constexpr uint8_t kGauge = 0x08;
constexpr uint8_t kCountIsSum = 0x10;  // count = zero_count + all buckets, added up in order
constexpr uint8_t kFlags = kTimeModeMask | kStale | kGauge | kCountIsSum;
constexpr std::size_t kMaxColumns = 4 * kMaxBuckets;  // of one block, each sign

using Buckets = std::vector<NativeHistogram::Bucket>;

uint64_t to_bits(double v) noexcept { return std::bit_cast<uint64_t>(v); }

double sum_of_buckets(const NativeHistogram& h) noexcept {
    double sum = h.zero_count;
    for (const auto& bucket : h.positive) sum += bucket.count;
    for (const auto& bucket : h.negative) sum += bucket.count;
    return sum;
}

// Counts by bucket and sample.
struct Table {
    std::vector<int32_t> indices;
    std::vector<uint64_t> cells;  // a column after the other, as bits
};
Table tabulate(std::span<const HistogramPtr> histograms, Buckets NativeHistogram::* buckets) {
    Table table;
    for (const HistogramPtr& h : histograms)
        for (const auto& bucket : (*h).*buckets)
            if (bucket.count != 0) table.indices.push_back(bucket.index);
    std::sort(table.indices.begin(), table.indices.end());
    table.indices.erase(std::unique(table.indices.begin(), table.indices.end()),
                        table.indices.end());
    table.cells.assign(table.indices.size() * histograms.size(), 0);
    for (std::size_t i = 0; i < histograms.size(); ++i) {
        for (const auto& bucket : (*histograms[i]).*buckets) {
            if (bucket.count == 0) continue;
            const auto at =
                std::lower_bound(table.indices.begin(), table.indices.end(), bucket.index);
            const auto column = static_cast<std::size_t>(at - table.indices.begin());
            table.cells[column * histograms.size() + i] = to_bits(bucket.count);
        }
    }
    return table;
}

void put_column(std::string& out, std::span<const uint64_t> values) {
    ValueContext fresh;
    put_values(out, fresh, values);
}

void put_table(std::string& out, const Table& table, std::size_t samples) {
    put_varint(out, table.indices.size());
    int32_t before = 0;
    for (std::size_t c = 0; c < table.indices.size(); ++c) {
        put_zigzag(out, int64_t{table.indices[c]} - before);
        before = table.indices[c];
        put_column(out, {table.cells.data() + c * samples, samples});
    }
}

void put_member(std::string& out, std::span<const HistogramPtr> histograms,
                double NativeHistogram::* member) {
    std::array<uint64_t, kMaxHistogramBlock> values;
    for (std::size_t i = 0; i < histograms.size(); ++i)
        values[i] = to_bits((*histograms[i]).*member);
    put_column(out, {values.data(), histograms.size()});
}

bool counts_are_sums(std::span<const HistogramPtr> histograms) noexcept {
    return std::all_of(histograms.begin(), histograms.end(), [](const HistogramPtr& h) {
        return to_bits(sum_of_buckets(*h)) == to_bits(h->count);
    });
}

}  // namespace

bool share_a_block(const HistogramPtr& a, const HistogramPtr& b) noexcept {
    if (a == nullptr || b == nullptr) return a == b;
    return a->schema == b->schema && a->gauge == b->gauge &&
           to_bits(a->zero_threshold) == to_bits(b->zero_threshold);
}

bool same_sample(const HistogramPtr& a, const HistogramPtr& b) noexcept {
    if (a == b) return true;
    if (a == nullptr || b == nullptr) return false;
    return share_a_block(a, b) && to_bits(a->sum) == to_bits(b->sum) &&
           to_bits(a->count) == to_bits(b->count) &&
           to_bits(a->zero_count) == to_bits(b->zero_count) && a->positive == b->positive &&
           a->negative == b->negative;
}

void put_histogram_block(std::string& out, TimeContext& context, std::span<const TimeMs> times,
                         std::span<const HistogramPtr> histograms) {
    const bool stale = histograms[0] == nullptr;
    Table positive, negative;
    if (!stale) {
        positive = tabulate(histograms, &NativeHistogram::positive);
        negative = tabulate(histograms, &NativeHistogram::negative);
        if (std::max(positive.indices.size(), negative.indices.size()) > kMaxColumns) {
            const std::size_t half = histograms.size() / 2;  // at most kMaxBuckets each: ends
            put_histogram_block(out, context, times.first(half), histograms.first(half));
            put_histogram_block(out, context, times.subspan(half), histograms.subspan(half));
            return;
        }
    }
    const std::size_t head = out.size();
    put_u8(out, 0);
    put_varint(out, times.size());
    uint8_t flags = put_times(out, context, times);
    const bool sums = !stale && counts_are_sums(histograms);
    flags |= static_cast<uint8_t>((stale                  ? kStale
                                   : histograms[0]->gauge ? kGauge
                                                          : 0) |
                                  (sums ? kCountIsSum : 0));
    out[head] = static_cast<char>(flags);
    if (stale) return;
    put_zigzag(out, histograms[0]->schema);
    put_u64(out, to_bits(histograms[0]->zero_threshold));
    put_member(out, histograms, &NativeHistogram::sum);
    if (!sums) put_member(out, histograms, &NativeHistogram::count);
    put_member(out, histograms, &NativeHistogram::zero_count);
    put_table(out, positive, histograms.size());
    put_table(out, negative, histograms.size());
}

// --- reading -------------------------------------------------------------------------------------

namespace {

struct Matrix {
    std::vector<int32_t> indices;
    std::vector<double> cells;  // a column after the other
};

class HistogramReader {
public:
    HistogramReader(std::string_view bytes, TimeMs from, TimeMs to) noexcept
        : in_(bytes), from_(from), to_(to) {}

    // One block, at most `most` samples, none before `least`. 0: not such a block.
    std::size_t read(std::size_t most, TimeMs least, HistogramColumns columns) {
        const uint8_t head = in_.u8();
        count_ = in_.varint_up_to(std::min(most, kMaxHistogramBlock));
        if (!in_.ok() || count_ == 0 || (head & ~kFlags) != 0) return 0;
        BlockTimes times;
        if (!read_times(in_, head & kTimeModeMask, context_, count_, times, times_.data()))
            return 0;
        if (times.regular)
            for (std::size_t i = 0; i < count_; ++i)
                times_[i] =
                    static_cast<TimeMs>(static_cast<uint64_t>(times.first) + times.step * i);
        if (times_[0] < least) return 0;
        for (std::size_t i = 1; i < count_; ++i)
            if (times_[i - 1] >= times_[i]) return 0;
        if ((head & kStale) == 0 && !read_histograms(head)) return 0;
        append((head & kStale) != 0, columns);
        return count_;
    }
    [[nodiscard]] TimeMs last() const noexcept { return times_[count_ - 1]; }
    [[nodiscard]] bool at_end() const noexcept { return in_.at_end(); }

private:
    // A column of count_ values, marking where it changes.
    bool read_column(double* values) {
        ValueContext fresh;
        BlockValues block;
        if (!read_values(in_, fresh, count_, block, values)) return false;
        if (block.constant) {
            std::fill_n(values, count_, std::bit_cast<double>(block.value));
            return true;
        }
        for (std::size_t i = 1; i < count_; ++i)
            changed_[i] |= to_bits(values[i]) != to_bits(values[i - 1]);
        return true;
    }
    bool read_matrix(Matrix& matrix) {
        const uint64_t columns = in_.varint_up_to(kMaxColumns);
        matrix.indices.resize(columns);
        matrix.cells.resize(columns * count_);
        int64_t index = 0;
        for (std::size_t c = 0; c < columns; ++c) {
            const int64_t ahead = in_.zigzag();
            if (!in_.ok() || ahead < -(int64_t{1} << 32) || ahead > int64_t{1} << 32) return false;
            index += ahead;
            if (index < INT32_MIN || index > INT32_MAX || (c > 0 && ahead <= 0)) return false;
            matrix.indices[c] = static_cast<int32_t>(index);
            if (!read_column(matrix.cells.data() + c * count_)) return false;
        }
        return in_.ok();
    }
    bool read_histograms(uint8_t head) {
        changed_.fill(0);
        const int64_t schema = in_.zigzag();
        if (schema < INT32_MIN || schema > INT32_MAX) return false;
        common_.schema = static_cast<int32_t>(schema);
        common_.gauge = (head & kGauge) != 0;
        common_.zero_threshold = std::bit_cast<double>(in_.u64());
        count_is_sum_ = (head & kCountIsSum) != 0;
        return in_.ok() && read_column(sums_.data()) &&
               (count_is_sum_ || read_column(counts_.data())) && read_column(zeros_.data()) &&
               read_matrix(positive_) && read_matrix(negative_);
    }

    void fill(Buckets& buckets, const Matrix& matrix, std::size_t sample) const {
        buckets.reserve(matrix.indices.size());
        for (std::size_t c = 0; c < matrix.indices.size(); ++c) {
            const double count = matrix.cells[c * count_ + sample];
            if (count != 0) buckets.push_back({matrix.indices[c], count});
        }
    }
    [[nodiscard]] HistogramPtr make(std::size_t sample) const {
        auto h = std::make_shared<NativeHistogram>(common_);
        h->sum = sums_[sample];
        h->zero_count = zeros_[sample];
        fill(h->positive, positive_, sample);
        fill(h->negative, negative_, sample);
        h->count = count_is_sum_ ? sum_of_buckets(*h) : counts_[sample];
        return h;
    }
    void append(bool stale, HistogramColumns columns) {
        HistogramPtr made;
        for (std::size_t i = 0; i < count_; ++i) {
            if (changed_[i] != 0) made = nullptr;
            if (times_[i] < from_ || times_[i] > to_) continue;
            if (!stale && made == nullptr) made = make(i);
            columns.times.push_back(times_[i]);
            columns.histograms.push_back(stale ? nullptr : made);
        }
    }

    ByteReader in_;
    TimeMs from_, to_;
    TimeContext context_;
    std::size_t count_ = 0;
    std::array<TimeMs, kMaxHistogramBlock> times_;
    std::array<uint8_t, kMaxHistogramBlock> changed_{};
    std::array<double, kMaxHistogramBlock> sums_, counts_, zeros_;
    bool count_is_sum_ = false;
    NativeHistogram common_;
    Matrix positive_, negative_;
};

}  // namespace

bool read_histogram_blocks(std::string_view bytes, std::size_t samples, TimeMs first, TimeMs last,
                           TimeMs from, TimeMs to, HistogramColumns columns) {
    HistogramReader reader(bytes, from, to);
    for (std::size_t read = 0; read < samples;) {
        const TimeMs least = read == 0 ? first : reader.last() + 1;
        const std::size_t count = reader.read(samples - read, least, columns);
        if (count == 0 || reader.last() > last) return false;
        read += count;
        if (reader.last() >= to) return true;
        if (reader.last() == last) return read == samples && reader.at_end();
    }
    return false;
}

}  // namespace glassgate::store
