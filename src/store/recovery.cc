// Recovery: what a directory holds becomes the state it was written from.
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <unordered_map>

#include "store/store_state.h"

namespace glassgate::store {
namespace {

struct JournalOnDisk {
    uint64_t number = 0;
    std::string path;
};

std::vector<JournalOnDisk> journals_in(const std::string& directory) {
    std::vector<JournalOnDisk> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
        if (entry.path().extension() != ".journal") continue;
        const std::string stem = entry.path().stem().string();
        uint64_t number = 0;
        std::from_chars(stem.data(), stem.data() + stem.size(), number);
        found.push_back({number, entry.path().string()});
    }
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
    return found;
}

class Recovery {
public:
    explicit Recovery(StoreState& state) : state_(state) {}

    Status run() {
        const std::string& directory = state_.settings.directory;
        TRY_STATUS(make_directory(directory));
        state_.directory_lock = TRY(DirectoryLock::take(directory));
        state_.segments.load(directory, state_.table.hash_seed(),
                             [&](const std::string& what) { state_.faults.segment(what); });
        note_availability();
        resume_series();
        for (const JournalOnDisk& journal : journals_in(directory)) {
            replay(journal);
            state_.last_journal = std::max(state_.last_journal, journal.number);
            state_.old_journals.push_back(journal.path);
        }
        // Replayed once; the next checkpoint deletes them, and it is due.
        state_.checkpointed_ms = state_.old_journals.empty() ? state_.now() : INT64_MIN / 2;
        state_.journal_bytes.store(state_.old_journal_bytes);
        SeriesTable::Access access(state_.table);
        for (const Handle handle : state_.table.all())
            if (StoredSeries* const series = access.find(handle)) series->end_of_recovery();
        return {};
    }

private:
    // A tier whose oldest sample is younger than a coarser one's once had more.
    void note_availability() {
        std::vector<TimeMs> oldest(state_.settings.tiers.size(), INT64_MAX);
        for (const SegmentPtr& segment : state_.segments.all()) {
            newest_ms_ = std::max(newest_ms_, segment->last_ms());
            for (std::size_t i = 0; i < oldest.size(); ++i)
                if (state_.settings.tiers[i].step_ms == segment->head().step_ms) {
                    oldest[i] = std::min(oldest[i], segment->first_ms());
                    state_.note_first(segment->first_ms());
                }
        }
        TimeMs coarser = INT64_MAX;
        for (std::size_t i = oldest.size(); i-- > 0;) {
            if (oldest[i] > coarser) state_.capped_ms[i].store(oldest[i]);
            coarser = std::min(coarser, oldest[i]);
        }
    }

    // Series that were live lately go on; what their tiers have is not taken again.
    void resume_series() {
        const int64_t margin = 2 * (kIdleMs + state_.settings.checkpoint_interval_ms);
        const TimeMs lately = newest_ms_ < INT64_MIN + margin ? INT64_MIN : newest_ms_ - margin;
        for (std::size_t i = 0; i < state_.settings.tiers.size(); ++i)
            for (const SegmentPtr& segment :
                 state_.segments.select(state_.settings.tiers[i].step_ms, INT64_MIN, INT64_MAX))
                resume_from(*segment, i, lately);
    }
    void resume_from(const Segment& segment, std::size_t tier, TimeMs lately) {
        if (segment.last_ms() < lately) return note_floor(segment.last_ms());
        const auto index = segment.index();
        if (!index) return;
        for (const SegmentEntry& entry : (*index)->entries()) {
            if (entry.last_ms < lately) {
                note_floor(entry.last_ms);
                continue;
            }
            const Handle handle = state_.table.obtain((*index)->labels(entry), entry.kind);
            SeriesTable::Access access(state_.table);
            if (StoredSeries* const series = access.find(handle))
                series->resume(tier, entry.last_ms);
            else
                note_floor(entry.last_ms);
        }
        segment.forget_index();
    }
    void note_floor(TimeMs t_ms) { state_.floor_ms.store(std::max(state_.floor_ms.load(), t_ms)); }

    void replay(const JournalOnDisk& journal) {
        std::string bytes;
        auto file = InFile::open(journal.path);
        Status read = file ? file->read(0, file->size(), bytes) : std::unexpected(file.error());
        if (!read) {
            state_.faults.segment(read.error().message);
            quarantine(state_.settings.directory, journal.path);
            return;
        }
        state_.old_journal_bytes += file->size();
        std::unordered_map<uint32_t, Handle> handles;
        const JournalReader reader{[&](uint32_t id, SeriesKind kind, const Labels& labels) {
                                       handles[id] = state_.table.obtain(labels, kind);
                                   },
                                   [&](uint32_t id, const ChunkView& chunk) {
                                       const auto at = handles.find(id);
                                       return at != handles.end() && append(at->second, chunk);
                                   }};
        const JournalFault fault = read_journal({bytes.data(), bytes.size() - kPadding}, reader);
        // The last write before a crash may be torn: that is what a flush interval may cost.
        const uint64_t damaged = fault.lost_items + (fault.skipped_bytes > 0 && !fault.torn_end);
        state_.faults.blocks(damaged, journal.path + ": damaged records were skipped");
    }
    bool append(Handle handle, const ChunkView& chunk) {
        Series samples;
        if (!append_samples(chunk, INT64_MIN, INT64_MAX, samples)) return false;
        SeriesTable::Access access(state_.table);
        StoredSeries* const series = access.find(handle);
        if (series == nullptr) return true;  // no room: counted as overflow
        for (std::size_t i = 0; i < samples.times_ms.size(); ++i) {
            const bool histogram = chunk.histograms;
            (void)(histogram ? series->append(samples.times_ms[i], samples.histograms[i],
                                              state_.settings.tiers, state_.meter)
                             : series->append(samples.times_ms[i], samples.values[i],
                                              state_.settings.tiers, state_.meter));
        }
        state_.note_first(samples.times_ms.front());
        series->journaled_ms = std::max(series->journaled_ms, series->last_ms());
        return true;
    }

    StoreState& state_;
    TimeMs newest_ms_ = INT64_MIN;
};

}  // namespace

Status StoreState::recover() { return Recovery(*this).run(); }

}  // namespace glassgate::store
