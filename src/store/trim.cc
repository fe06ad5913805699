// Trimming: retention, and the caps on memory and disk.
//
// What must go, goes by age in proportion to its tier's retention: when a tenth of the history does
// not fit, each tier loses its oldest tenth.
#include <algorithm>
#include <filesystem>

#include "store/store_state.h"

namespace glassgate::store {
namespace {

// How far back the tiers may reach, tried in turn.
constexpr double kShares[] = {1.0, 0.8, 0.65, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.0};

TimeMs cutoff(TimeMs now, const Tier& tier, double share) noexcept {
    return now - static_cast<int64_t>(static_cast<double>(tier.retention_ms) * share);
}

class Trim {
public:
    explicit Trim(StoreState& state) : state_(state), now_(state.now()), all_(state.table.all()) {}

    void run() {
        expire();
        const uint64_t most = state_.settings.memory_max_bytes;
        // An eighth for the indices of segments on disk, the rest for series.
        state_.segments.trim_indices(most / 8);
        if (state_.on_disk())
            for (const double share : kShares)
                if (state_.memory_bytes() > most / 4 * 3) drop_persisted(share);
        for (const double share : kShares)
            if (state_.memory_bytes() > most / 10 * 9) drop_any(share);
        remove_idle();
        if (state_.on_disk()) fit_disk();
    }

private:
    template <typename Use>
    void for_each_tier(Use&& use) {
        SeriesTable::Access access(state_.table);
        for (const Handle handle : all_)
            if (StoredSeries* const series = access.find(handle))
                for (std::size_t i = 0; i < state_.settings.tiers.size(); ++i)
                    use(i, series->tier(i));
    }

    void expire() {
        for_each_tier([&](std::size_t i, StoredSeries::TierState& tier) {
            const int64_t kept = state_.settings.tiers[i].retention_ms + kRetentionMarginMs;
            if (tier.last_ms < now_ - kept)
                tier.column.clear(state_.meter);
            else
                tier.column.drop(now_ - kept, state_.meter);
        });
    }
    void drop_persisted(double share) {
        for_each_tier([&](std::size_t i, StoredSeries::TierState& tier) {
            if (tier.persisted_ms == kNever) return;
            tier.column.drop(
                std::min(cutoff(now_, state_.settings.tiers[i], share), tier.persisted_ms + 1),
                state_.meter);
        });
    }
    void drop_any(double share) {
        std::array<bool, kMaxTiers> lost{};
        for_each_tier([&](std::size_t i, StoredSeries::TierState& tier) {
            const uint64_t samples =
                tier.column.drop(cutoff(now_, state_.settings.tiers[i], share), state_.meter);
            state_.dropped.fetch_add(samples);
            lost[i] |= samples != 0;
        });
        for (std::size_t i = 0; i < state_.settings.tiers.size(); ++i)
            if (lost[i]) note_capped(i, cutoff(now_, state_.settings.tiers[i], share));
    }
    void note_capped(std::size_t tier, TimeMs to_ms) {
        state_.capped_ms[tier].store(std::max(state_.capped_ms[tier].load(), to_ms));
    }

    // Series that have been silent and have nothing that only memory knows.
    void remove_idle() {
        TimeMs floor = state_.floor_ms.load();
        const bool on_disk = state_.on_disk();
        state_.table.remove_if(all_, [&](StoredSeries& series) {
            // One just made is about to get its first sample.
            if (series.newest_ms() == kNever) {
                if (series.met_empty_ms == kNever) series.met_empty_ms = now_;
                return now_ - series.met_empty_ms >= kMinuteMs;
            }
            if (series.newest_ms() >= now_ - kIdleMs) return false;
            if (on_disk ? !series.all_persisted() : !series.all_empty()) return false;
            floor = std::max(floor, series.newest_ms());
            return true;
        });
        state_.floor_ms.store(floor);
    }

    // --- disk

    [[nodiscard]] std::optional<std::size_t> tier_of(const Segment& segment) const {
        for (std::size_t i = 0; i < state_.settings.tiers.size(); ++i)
            if (state_.settings.tiers[i].step_ms == segment.head().step_ms) return i;
        return std::nullopt;
    }
    // Segments of steps that are no tier any more are kept as long as the longest.
    [[nodiscard]] int64_t retention_of(const Segment& segment) const {
        const auto tier = tier_of(segment);
        return (tier ? state_.settings.tiers[*tier] : state_.settings.tiers.back()).retention_ms;
    }
    [[nodiscard]] double age_of(const Segment& segment) const {
        return (static_cast<double>(now_) - static_cast<double>(segment.first_ms())) /
               static_cast<double>(retention_of(segment));
    }
    [[nodiscard]] std::vector<std::filesystem::path> aside() const {
        std::vector<std::filesystem::path> paths;
        std::error_code error;
        for (const auto& entry :
             std::filesystem::directory_iterator(state_.settings.directory + "/quarantine", error))
            paths.push_back(entry.path());
        return paths;
    }

    void fit_disk() {
        for (const SegmentPtr& segment : state_.segments.all())
            if (segment->last_ms() < now_ - retention_of(*segment) - kRetentionMarginMs)
                state_.segments.remove(segment);
        uint64_t set_aside = 0;
        std::error_code error;
        for (const auto& path : aside()) set_aside += std::filesystem::file_size(path, error);
        // Checkpoints need room for the segments they write beside the old ones.
        const uint64_t most = state_.settings.disk_max_bytes / 10 * 9;
        if (state_.disk_bytes() + set_aside > most)
            for (const auto& path : aside()) std::filesystem::remove(path, error);
        while (state_.disk_bytes() > most) {
            std::vector<SegmentPtr> all = state_.segments.all();
            if (all.empty()) break;
            const auto oldest = std::max_element(
                all.begin(), all.end(),
                [&](const SegmentPtr& a, const SegmentPtr& b) { return age_of(*a) < age_of(*b); });
            give_up(*oldest);
        }
    }
    void give_up(const SegmentPtr& segment) {
        if (auto index = segment->index())
            for (const SegmentEntry& entry : (*index)->entries())
                state_.dropped.fetch_add(entry.samples);
        if (const auto tier = tier_of(*segment)) note_capped(*tier, segment->last_ms() + 1);
        state_.segments.remove(segment);
    }

    StoreState& state_;
    TimeMs now_;
    std::vector<Handle> all_;
};

}  // namespace

void StoreState::trim() { Trim(*this).run(); }

}  // namespace glassgate::store
