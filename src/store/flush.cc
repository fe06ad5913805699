// Flushing: what has been taken since the last flush goes to the journal.
#include "store/store_state.h"

namespace glassgate::store {

std::vector<ChunkPtr> Encoder::encode(const Series& series, std::size_t begin) {
    for (std::size_t i = begin; i < series.times_ms.size(); ++i) {
        const bool number = series.histograms.empty() ||
                            (series.histograms[i] == nullptr && !is_stale(series.values[i]));
        if (number)
            column_.push(series.times_ms[i], std::bit_cast<uint64_t>(series.values[i]), meter_);
        else
            column_.push(series.times_ms[i], series.histograms[i], meter_);
    }
    return column_.take(meter_);
}

namespace {

constexpr std::size_t kWriteAt = 4u << 20;  // collected before it is written

// What a flush has put on its way for one series.
struct Journaled {
    Handle handle;
    TimeMs last_ms;
};

class Flush {
public:
    Flush(StoreState& state) : state_(state) {}

    Status run() {
        for (const Handle handle : state_.table.all()) {
            TRY_STATUS(put(handle));
            if (state_.journal.pending_bytes() >= kWriteAt) TRY_STATUS(write(false));
        }
        return write(state_.settings.sync);
    }

private:
    Status put(Handle handle) {
        TierSnapshot fresh;
        TimeMs last = kNever, journaled = kNever;
        SeriesKind kind{};
        bool known = false;
        {
            SeriesTable::Access access(state_.table);
            const StoredSeries* const series = access.find(handle);
            if (series == nullptr || series->last_ms() == series->journaled_ms) return {};
            last = series->last_ms();
            journaled = series->journaled_ms;
            kind = series->kind();
            known = series->defined_in == state_.journal.number();
            const TimeMs from = journaled == kNever ? kNever : journaled + 1;
            fresh = series->snapshot(0, from, last);
        }
        Series samples;
        if (!fresh.append_to(samples, journaled == kNever ? kNever : journaled + 1, last))
            state_.faults.block("memory", "a chunk in memory makes no sense");
        if (!known) state_.journal.define(handle.slot, kind, state_.table.labels(handle));
        for (const ChunkPtr& chunk : encoder_.encode(samples))
            state_.journal.samples(handle.slot, chunk->view());
        put_.push_back({handle, last});
        return {};
    }
    Status write(bool sync) {
        const Status status = state_.journal.write(sync);
        if (status) {
            SeriesTable::Access access(state_.table);
            for (const Journaled& done : put_) {
                StoredSeries* const series = access.find(done.handle);
                if (series == nullptr) continue;
                series->journaled_ms = std::max(series->journaled_ms, done.last_ms);
                series->defined_in = state_.journal.number();
            }
        }
        put_.clear();
        state_.journal_bytes.store(state_.old_journal_bytes + state_.journal.size());
        return status;
    }

    StoreState& state_;
    Encoder encoder_;
    std::vector<Journaled> put_;
};

}  // namespace

Status StoreState::flush() {
    if (!on_disk()) return {};
    const TimeMs began = now();
    Status status;
    if (!journal.open()) {
        auto opened = JournalFile::create(disk, settings.directory, last_journal + 1);
        if (opened) {
            journal = std::move(*opened);
            last_journal = journal.number();
        } else {
            status = std::unexpected(opened.error());
        }
    }
    if (status && disk_bytes() > settings.disk_max_bytes)
        status = failure("the journal would go beyond the disk's cap of " +
                         std::to_string(settings.disk_max_bytes) + " bytes");
    if (status) status = Flush(*this).run();
    if (status) {
        flushes.fetch_add(1);
        safe_ms.store(began);
    } else {
        flush_failures.fetch_add(1);
        faults.error(status.error().message);
    }
    return status;
}

}  // namespace glassgate::store
