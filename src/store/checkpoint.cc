// Checkpoints: what memory has and segments have not becomes segments, span by span, joined with
// what the segment of that span had before. Then the journal begins anew.
//
// At every moment all that was flushed is in a published segment or in a journal: journals are
// deleted when the segments are on the disk, and the new journal first gets the newest sample of
// every series whose coarser tiers still wait for the end of an interval.
#include <unistd.h>

#include <algorithm>
#include <set>

#include "store/store_state.h"

namespace glassgate::store {
namespace {

constexpr int64_t kSegmentIntervals = 3600;  // a segment spans so many of its tier's steps
// A last chunk of fewer samples is joined with what comes.
constexpr uint32_t kSmallChunk = Column::kChunkSamples / 2;
constexpr uint32_t kSmallHistogramChunk = kMaxHistogramBlock;

TimeMs span_begin(TimeMs t, int64_t span) noexcept {
    const int64_t past = ((t % span) + span) % span;
    return t < INT64_MIN + past ? INT64_MIN : t - past;
}

struct Live {
    Handle handle;
    Labels labels;
    SeriesKind kind = SeriesKind::gauge;
};

// Writes the segment of one tier and one span.
class SpanWriter {
public:
    SpanWriter(StoreState& state, const std::vector<Live>& live, std::size_t tier, SegmentHead head)
        : state_(state), live_(live), tier_(tier), head_(head) {}

    Status run() {
        find_old();
        head_.sequence = state_.segments.next_sequence();
        const std::string path = segment_path(state_.settings.directory, head_);
        const std::string unfinished = path + ".tmp";
        const Status written = write(unfinished);
        if (!written || !has_new_) {
            ::unlink(unfinished.c_str());
            if (written) mark_persisted();  // there was nothing to write
            return written;
        }
        TRY_STATUS(publish(state_.disk, unfinished, path));
        auto segment = TRY(Segment::open(path, state_.table.hash_seed()));
        if (damaged_) quarantine(state_.settings.directory, old_->path());
        state_.segments.put(std::move(segment));
        mark_persisted();
        return {};
    }

private:
    struct Taken {
        Handle handle;
        TimeMs to_ms;
    };

    void find_old() {
        old_ = state_.segments.find(head_.step_ms, head_.from_ms);
        if (old_ == nullptr) return;
        if (auto index = old_->index()) {
            index_ = std::move(*index);
            return;
        }
        state_.faults.segment(old_->path() + ": moved to quarantine");
        state_.segments.move_aside(old_, state_.settings.directory);
        old_ = nullptr;
    }

    Status write(const std::string& path) {
        SegmentWriter writer = TRY(SegmentWriter::create(state_.disk, path, head_));
        const auto entries =
            index_ == nullptr ? std::span<const SegmentEntry>{} : index_->entries();
        auto live = live_.begin();
        for (const SegmentEntry& entry : entries) {
            const Labels labels = index_->labels(entry);
            for (; live != live_.end() && live->labels < labels; ++live)
                TRY_STATUS(put_new(writer, *live));
            if (live != live_.end() && live->labels == labels)
                TRY_STATUS(put_both(writer, *live++, entry));
            else
                TRY_STATUS(put_old(writer, labels, entry));
        }
        for (; live != live_.end(); ++live) TRY_STATUS(put_new(writer, *live));
        return writer.finish(state_.settings.sync);
    }

    // The samples of a series that belong here and are in no segment, after `after`.
    Series fresh(const Live& live, TimeMs after) {
        Series series;
        TierSnapshot snapshot;
        TimeMs from = head_.from_ms, to = kNever;
        {
            SeriesTable::Access access(state_.table);
            const StoredSeries* const stored = access.find(live.handle);
            if (stored == nullptr) return series;
            const auto& tier = stored->tier(tier_);
            to = std::min(tier.last_ms, head_.to_ms - 1);
            if (tier.persisted_ms >= to) return series;
            if (tier.persisted_ms != kNever) from = std::max(from, tier.persisted_ms + 1);
            if (after != kNever) from = std::max(from, after + 1);
            snapshot = stored->snapshot(tier_, from, to);
        }
        // `to` is not after what the tier has taken: never the pending sample.
        if (!snapshot.append_to(series, from, to))
            state_.faults.block("memory", "a chunk in memory makes no sense");
        taken_.push_back({live.handle, to});
        has_new_ |= !series.times_ms.empty();
        return series;
    }

    Status put_new(SegmentWriter& writer, const Live& live) {
        return put(writer, live, {}, fresh(live, kNever));
    }

    Status put_both(SegmentWriter& writer, const Live& live, const SegmentEntry& entry) {
        Series series = fresh(live, entry.last_ms);
        if (series.times_ms.empty()) return put_old(writer, live.labels, entry);
        auto extent = read_old(entry);
        std::vector<ChunkView> chunks;
        if (!extent || !read_extent(*extent, chunks)) {
            note_damage(entry);
            return put(writer, live, {}, series);
        }
        const ChunkView& last = chunks.back();
        if (last.samples < (last.histograms ? kSmallHistogramChunk : kSmallChunk)) {
            Series joined;
            if (append_samples(last, INT64_MIN, INT64_MAX, joined)) {
                append(joined, series);
                series = std::move(joined);
                chunks.pop_back();
            }
        }
        return put(writer, live, chunks, series);
    }

    Status put(SegmentWriter& writer, const Live& live, std::vector<ChunkView> chunks,
               const Series& series) {
        const std::vector<ChunkPtr> encoded = encoder_.encode(series);
        for (const ChunkPtr& chunk : encoded) chunks.push_back(chunk->view());
        return writer.add(live.labels, live.kind, chunks);
    }

    Status put_old(SegmentWriter& writer, const Labels& labels, const SegmentEntry& entry) {
        const auto extent = read_old(entry);
        if (extent) return writer.copy(labels, entry, *extent);
        note_damage(entry);
        return {};
    }

    Result<std::string_view> read_old(const SegmentEntry& entry) {
        return old_->read(entry, buffer_);
    }
    // The damaged file is kept aside: what was in it is not in the new one.
    void note_damage(const SegmentEntry& entry) {
        damaged_ = true;
        state_.faults.block(old_->path() + std::to_string(entry.offset),
                            old_->path() + ": damaged at " + std::to_string(entry.offset));
    }

    static void append(Series& to, const Series& more) {
        for (std::size_t i = 0; i < more.times_ms.size(); ++i) {
            const bool histogram = !more.histograms.empty() &&
                                   (more.histograms[i] != nullptr || is_stale(more.values[i]));
            if (histogram)
                append_histogram(to, more.times_ms[i], more.histograms[i]);
            else
                append_number(to, more.times_ms[i], more.values[i]);
        }
    }

    void mark_persisted() {
        SeriesTable::Access access(state_.table);
        for (const Taken& taken : taken_)
            if (StoredSeries* const series = access.find(taken.handle))
                series->persisted(tier_, taken.to_ms);
    }

    StoreState& state_;
    const std::vector<Live>& live_;
    std::size_t tier_;
    SegmentHead head_;
    SegmentPtr old_;
    std::shared_ptr<const SegmentIndex> index_;
    Encoder encoder_;
    std::string buffer_;
    std::vector<Taken> taken_;
    bool has_new_ = false, damaged_ = false;
};

class Checkpoint {
public:
    explicit Checkpoint(StoreState& state) : state_(state) {}

    Status run(bool settle_all) {
        collect(settle_all);
        (void)state_.flush();  // if it failed, the segments get what the journal has not
        TRY_STATUS(rotate());
        for (std::size_t tier = 0; tier < state_.settings.tiers.size(); ++tier) {
            const int64_t step = state_.settings.tiers[tier].step_ms;
            const int64_t span = step * kSegmentIntervals;
            for (const TimeMs from : spans(tier, span)) {
                const SegmentHead head{step, from,
                                       from > INT64_MAX - span ? INT64_MAX : from + span, 0};
                TRY_STATUS(SpanWriter(state_, live_, tier, head).run());
            }
        }
        return delete_old_journals();
    }

private:
    void collect(bool settle_all) {
        const TimeMs idle = state_.now() - kIdleMs / 2;
        for (const Handle handle : state_.table.all()) {
            Live live;
            live.handle = handle;
            {
                SeriesTable::Access access(state_.table);
                StoredSeries* const series = access.find(handle);
                if (series == nullptr) continue;
                live.kind = series->kind();
                if (settle_all || series->last_ms() < idle) series->settle(state_.meter);
            }
            live.labels = state_.table.labels(handle);
            live_.push_back(std::move(live));
        }
        std::sort(live_.begin(), live_.end(),
                  [](const Live& a, const Live& b) { return a.labels < b.labels; });
    }

    // A new journal, which begins with what only memory and the old ones know of.
    Status rotate() {
        JournalFile next = TRY(
            JournalFile::create(state_.disk, state_.settings.directory, state_.last_journal + 1));
        const Status written = begin_journal(next);
        if (!written) {
            ::unlink(journal_path(state_.settings.directory, next.number()).c_str());
            return written;
        }
        state_.last_journal = next.number();
        if (state_.journal.open())
            state_.old_journals.push_back(
                journal_path(state_.settings.directory, state_.journal.number()));
        state_.old_journal_bytes += state_.journal.size();
        state_.journal = std::move(next);
        state_.journal_bytes.store(state_.old_journal_bytes + state_.journal.size());
        return {};
    }

    Status begin_journal(JournalFile& next) {
        std::vector<Handle> defined;
        Encoder encoder;
        for (const Live& live : live_) {
            Series pending;
            {
                SeriesTable::Access access(state_.table);
                const StoredSeries* const series = access.find(live.handle);
                if (series == nullptr || !series->waits()) continue;
                if (series->last().is_histogram)
                    append_histogram(pending, series->last_ms(), series->last().histogram);
                else
                    append_number(pending, series->last_ms(),
                                  std::bit_cast<double>(series->last().bits));
            }
            next.define(live.handle.slot, live.kind, live.labels);
            for (const ChunkPtr& chunk : encoder.encode(pending))
                next.samples(live.handle.slot, chunk->view());
            defined.push_back(live.handle);
        }
        TRY_STATUS(next.write(state_.settings.sync));
        SeriesTable::Access access(state_.table);
        for (const Handle handle : defined)
            if (StoredSeries* const series = access.find(handle))
                series->defined_in = next.number();
        return {};
    }

    std::set<TimeMs> spans(std::size_t tier, int64_t span) {
        std::set<TimeMs> found;
        SeriesTable::Access access(state_.table);
        for (const Live& live : live_) {
            const StoredSeries* const series = access.find(live.handle);
            if (series == nullptr) continue;
            const auto& state = series->tier(tier);
            if (state.last_ms == kNever || state.persisted_ms >= state.last_ms) continue;
            TimeMs first = state.column.first_ms();
            if (state.persisted_ms != kNever) first = std::max(first, state.persisted_ms + 1);
            for (TimeMs t = span_begin(first, span); t <= state.last_ms; t += span) {
                found.insert(t);
                if (t > INT64_MAX - span) break;
            }
        }
        return found;
    }

    Status delete_old_journals() {
        for (const std::string& path : state_.old_journals) ::unlink(path.c_str());
        state_.old_journals.clear();
        state_.old_journal_bytes = 0;
        state_.journal_bytes.store(state_.journal.size());
        return sync_directory(state_.disk, state_.settings.directory);
    }

    StoreState& state_;
    std::vector<Live> live_;
};

}  // namespace

Status StoreState::checkpoint(bool settle_all) {
    if (!on_disk()) return {};
    checkpointed_ms = now();
    const Status status = Checkpoint(*this).run(settle_all);
    if (status) {
        checkpoints.fetch_add(1);
    } else {
        checkpoint_failures.fetch_add(1);
        faults.error(status.error().message);
    }
    return status;
}

}  // namespace glassgate::store
