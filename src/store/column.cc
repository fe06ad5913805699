#include "store/column.h"

#include <algorithm>

namespace glassgate::store {
namespace {

constexpr uint64_t kExponent = 0x7ff0'0000'0000'0000ULL;
// NaN or infinite: kept apart from the others, which are packed better without.
bool is_special(uint64_t bits) noexcept { return (bits & kExponent) == kExponent; }

uint64_t distance(TimeMs from, TimeMs to) noexcept {
    return static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
}

// What a string has outside of itself.
std::size_t heap_of(const std::string& s) noexcept {
    return s.capacity() > std::string().capacity() ? s.capacity() : 0;
}

std::size_t footprint(const HistogramPtr& h) noexcept {
    if (h == nullptr) return sizeof(h);
    return sizeof(NativeHistogram) + sizeof(h) + 48 +  // control block, mallocs
           (h->positive.capacity() + h->negative.capacity()) * sizeof(NativeHistogram::Bucket);
}

}  // namespace

// --- taking samples ------------------------------------------------------------------------------

void Column::begin_tail(TimeMs t_ms, uint64_t bits) noexcept {
    tail_count_ = 1;
    tail_first_ms_ = tail_last_ms_ = t_ms;
    tail_bits_ = bits;
    is_raw_ = false;
}

void Column::push(TimeMs t_ms, uint64_t bits, MemoryMeter& meter) {
    if (open_histograms_) [[unlikely]]
        seal(meter);
    if (tail_count_ == 0) {
        begin_tail(t_ms, bits);
        return;
    }
    const uint64_t d = distance(tail_last_ms_, t_ms);
    if (tail_count_ == 1) tail_step_ = d;
    const bool regular = d == tail_step_;
    if (is_special(bits) != is_special(tail_bits_)) [[unlikely]] {
        close_tail(meter);
        begin_tail(t_ms, bits);
        return;
    }
    if (is_raw_) {
        push_raw(t_ms, bits, regular, meter);
        return;
    }
    if (regular && bits == tail_bits_) {
        ++tail_count_;
        tail_last_ms_ = t_ms;
        if (tail_count_ == kMaxRun) close_tail(meter);
        return;
    }
    if (tail_count_ >= kBlockSamples) {
        close_tail(meter);
        begin_tail(t_ms, bits);
        return;
    }
    begin_raw(meter);
    push_raw(t_ms, bits, regular, meter);
}

// The run so far, spelled out.
void Column::begin_raw(MemoryMeter& meter) {
    is_raw_ = true;
    if (raw_ == nullptr) {
        raw_ = std::make_unique<Raw>();
        meter.add(sizeof(Raw));
    }
    std::fill_n(raw_->values.begin(), tail_count_, tail_bits_);
}

void Column::push_raw(TimeMs t_ms, uint64_t bits, bool regular, MemoryMeter& meter) {
    if (!regular && raw_->times == nullptr) {
        raw_->times = std::make_unique<std::array<TimeMs, kBlockSamples>>();
        meter.add(sizeof *raw_->times);
        for (uint32_t i = 0; i < tail_count_; ++i)
            (*raw_->times)[i] =
                static_cast<TimeMs>(static_cast<uint64_t>(tail_first_ms_) + tail_step_ * i);
    }
    if (raw_->times != nullptr) (*raw_->times)[tail_count_] = t_ms;
    raw_->values[tail_count_++] = bits;
    tail_bits_ = bits;
    tail_last_ms_ = t_ms;
    if (tail_count_ == kBlockSamples) close_tail(meter);
}

void Column::close_tail(MemoryMeter& meter) {
    if (tail_count_ == 0) return;
    const std::size_t before = heap_of(open_);
    if (!is_raw_) {
        put_number_run(open_, context_, tail_first_ms_, tail_step_, tail_count_, tail_bits_);
        if (raw_ != nullptr && tail_count_ >= 4 * kBlockSamples) {  // it stands still now
            meter.release(sizeof(Raw));
            raw_ = nullptr;
        }
    } else {
        const std::span<const uint64_t> values(raw_->values.data(), tail_count_);
        if (raw_->times != nullptr) {
            put_number_block(open_, context_, {raw_->times->data(), tail_count_}, values);
            meter.release(sizeof *raw_->times);
            raw_->times = nullptr;
        } else {
            put_regular_block(open_, context_, tail_first_ms_, tail_step_, values);
        }
    }
    const uint32_t samples = std::exchange(tail_count_, 0);
    is_raw_ = false;
    note_block(tail_first_ms_, tail_last_ms_, samples, before, meter);
}

void Column::push(TimeMs t_ms, HistogramPtr histogram, MemoryMeter& meter) {
    if (!open_histograms_) {
        seal(meter);
        open_histograms_ = true;
        if (histograms_ == nullptr) {
            histograms_ = std::make_unique<Histograms>();
            meter.add(sizeof(Histograms) +
                      kHistogramTail * (sizeof(TimeMs) + sizeof(HistogramPtr)));
        }
    }
    Histograms& h = *histograms_;
    if (!h.tail.empty() && !share_a_block(h.tail.back(), histogram)) close_histograms(meter);
    if (h.tail.empty()) tail_first_ms_ = t_ms;
    if (h.tail.empty() || h.tail.back() != histogram) {
        const std::size_t bytes = footprint(histogram);
        h.bytes += bytes;
        meter.add(bytes);
    }
    h.times.push_back(t_ms);
    h.tail.push_back(std::move(histogram));
    tail_last_ms_ = t_ms;
    tail_count_ = static_cast<uint32_t>(h.tail.size());
    if (h.tail.size() == kHistogramTail) close_histograms(meter);
}

void Column::close_histograms(MemoryMeter& meter) {
    Histograms& h = *histograms_;
    if (h.tail.empty()) return;
    const std::size_t before = heap_of(open_);
    put_histogram_block(open_, h.context, h.times, h.tail);
    const std::size_t samples = h.tail.size();
    h.times.clear();
    h.tail.clear();
    meter.release(std::exchange(h.bytes, 0));
    tail_count_ = 0;
    note_block(tail_first_ms_, tail_last_ms_, samples, before, meter);
}

void Column::note_block(TimeMs first_ms, TimeMs last_ms, std::size_t samples,
                        std::size_t capacity_before, MemoryMeter& meter) {
    meter.add(heap_of(open_));
    meter.release(capacity_before);
    if (open_samples_ == 0) open_first_ms_ = first_ms;
    open_last_ms_ = last_ms;
    open_samples_ += static_cast<uint32_t>(samples);
    const std::size_t most = open_histograms_ ? kMaxHistogramBlock : kChunkSamples;
    if (open_samples_ >= most || open_.size() >= (open_histograms_ ? 16 : 1) * kChunkBytes)
        seal_open(meter);
}

void Column::seal(MemoryMeter& meter) {
    if (open_histograms_)
        close_histograms(meter);
    else
        close_tail(meter);
    seal_open(meter);
    open_histograms_ = false;
}

void Column::seal_open(MemoryMeter& meter) {
    if (open_samples_ == 0) return;
    if (open_histograms_) merge_histogram_blocks();
    sealed_.push_back(Chunk::make(
        {open_first_ms_, open_last_ms_, open_samples_, open_histograms_, std::string_view(open_)}));
    meter.add(sealed_.back()->footprint() + sizeof(ChunkPtr));
    meter.release(heap_of(open_));
    std::string().swap(open_);  // assigning an empty one would keep the room
    open_samples_ = 0;
    context_ = {};
    if (histograms_ != nullptr) histograms_->context = {};
}

// The few samples of a tail each spelled out all buckets: as one block they do so once.
void Column::merge_histogram_blocks() {
    open_.append(kPadding, '\0');
    const std::string_view bytes(open_.data(), open_.size() - kPadding);
    std::vector<TimeMs> times;
    std::vector<HistogramPtr> all;
    const bool good = read_histogram_blocks(bytes, open_samples_, open_first_ms_, open_last_ms_,
                                            INT64_MIN, INT64_MAX, {times, all});
    std::string merged;
    TimeContext context;
    for (std::size_t begin = 0; good && begin < all.size();) {
        std::size_t end = begin + 1;
        while (end < all.size() && end - begin < kMaxHistogramBlock &&
               share_a_block(all[begin], all[end]))
            ++end;
        put_histogram_block(merged, context, {times.data() + begin, end - begin},
                            {all.data() + begin, end - begin});
        begin = end;
    }
    open_.resize(open_.size() - kPadding);
    if (good && merged.size() < open_.size()) open_.assign(merged);
}

// --- giving them ---------------------------------------------------------------------------------

TimeMs Column::first_ms() const noexcept {
    if (!sealed_.empty()) return sealed_.front()->first_ms();
    return has_open() ? open_first() : INT64_MAX;
}

ColumnSnapshot Column::snapshot(TimeMs from_ms, TimeMs to_ms) const {
    ColumnSnapshot s;
    s.first_ms_ = first_ms();
    const auto begin = std::partition_point(
        sealed_.begin(), sealed_.end(), [&](const ChunkPtr& c) { return c->last_ms() < from_ms; });
    const auto end = std::partition_point(
        begin, sealed_.end(), [&](const ChunkPtr& c) { return c->first_ms() <= to_ms; });
    s.sealed_.assign(begin, end);
    for (const ChunkPtr& chunk : s.sealed_) s.samples_ += chunk->samples();
    if (open_samples_ != 0 && open_last_ms_ >= from_ms && open_first_ms_ <= to_ms) {
        s.open_bytes_.reserve(open_.size() + kPadding);
        s.open_bytes_.append(open_).append(kPadding, '\0');
        s.open_ = {open_first_ms_, open_last_ms_, open_samples_, open_histograms_, {}};
        s.samples_ += open_samples_;
    }
    if (tail_count_ == 0 || tail_last_ms_ < from_ms || tail_first_ms_ > to_ms) return s;
    s.samples_ += tail_count_;
    if (open_histograms_) {
        s.times_ = histograms_->times;
        s.histograms_ = histograms_->tail;
    } else if (!is_raw_) {
        s.run_ = {tail_first_ms_, tail_step_, tail_count_, tail_bits_};
    } else {
        s.values_.assign(raw_->values.begin(), raw_->values.begin() + tail_count_);
        if (raw_->times != nullptr)
            s.times_.assign(raw_->times->begin(), raw_->times->begin() + tail_count_);
        else
            s.run_ = {tail_first_ms_, tail_step_, 0, 0};
    }
    return s;
}

bool ColumnSnapshot::append_to(Series& series, TimeMs from_ms, TimeMs to_ms) const {
    for (const ChunkPtr& chunk : sealed_)
        if (!append_samples(chunk->view(), from_ms, to_ms, series)) return false;
    if (open_.samples != 0) {
        ChunkView open = open_;
        open.bytes = {open_bytes_.data(), open_bytes_.size() - kPadding};
        if (!append_samples(open, from_ms, to_ms, series)) return false;
    }
    const auto time_of = [this](std::size_t i) {
        return times_.empty()
                   ? static_cast<TimeMs>(static_cast<uint64_t>(run_.first_ms) + run_.step * i)
                   : times_[i];
    };
    const std::size_t count = !histograms_.empty() ? histograms_.size()
                              : !values_.empty()   ? values_.size()
                                                   : run_.count;
    for (std::size_t i = 0; i < count; ++i) {
        const TimeMs t = time_of(i);
        if (t < from_ms || t > to_ms) continue;
        if (!histograms_.empty())
            append_histogram(series, t, histograms_[i]);
        else
            append_number(series, t,
                          std::bit_cast<double>(values_.empty() ? run_.bits : values_[i]));
    }
    return true;
}

// --- giving them up ------------------------------------------------------------------------------

uint64_t Column::drop(TimeMs before_ms, MemoryMeter& meter) {
    uint64_t samples = 0;
    auto end = sealed_.begin();
    for (; end != sealed_.end() && (*end)->last_ms() < before_ms; ++end) {
        samples += (*end)->samples();
        meter.release((*end)->footprint() + sizeof(ChunkPtr));
    }
    sealed_.erase(sealed_.begin(), end);
    return samples;
}

std::vector<ChunkPtr> Column::take(MemoryMeter& meter) {
    seal(meter);
    for (const ChunkPtr& chunk : sealed_) meter.release(chunk->footprint() + sizeof(ChunkPtr));
    return std::exchange(sealed_, {});
}

void Column::clear(MemoryMeter& meter) {
    (void)take(meter);
    if (raw_ != nullptr) meter.release(sizeof(Raw));
    raw_ = nullptr;
    if (histograms_ != nullptr)
        meter.release(sizeof(Histograms) +
                      kHistogramTail * (sizeof(TimeMs) + sizeof(HistogramPtr)));
    histograms_ = nullptr;
}

}  // namespace glassgate::store
