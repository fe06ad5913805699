// Feed: one source of series that is sampled round after round: the gateway's own metrics, another
// gateway's /metrics. It remembers the handle of every series, so that a round costs a comparison
// and an append a series; a series that is new gets a handle, one that is gone a staleness marker.
//
// Series mostly come in the order of the round before, which is what makes it cheap; any order is
// right. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/store.h"

namespace glassgate::store {

// A series as an exposition names it: metric + suffix {labels, le="..."}; what is empty is left
// out.
struct SeriesText {
    std::string_view metric, suffix;
    std::string_view labels;  // route="a",method="GET": escaped as in the text format, no braces
    std::string_view le;
};

class Feed {
public:
    // `common`: labels that every series of this source gets, sorted (instance, job, ...). Where a
    // series has one of these by itself, its own is kept as exported_<name>, as Prometheus does.
    Feed(Store& store, Labels common);

    // One round: begin, any number of samples, end. All get the same time.
    void begin(TimeMs t_ms);
    void number(const SeriesText& series, SeriesKind kind, double value);
    // `make` is asked for the histogram only if count or sum are not those of the last round.
    template <typename Make>
    void histogram(const SeriesText& series, double count, double sum, Make&& make) {
        Entry& entry = find(series, SeriesKind::counter);
        const HistogramPtr& last = entry.histogram;
        if (last == nullptr || last->count != count || last->sum != sum)
            entry.histogram = std::make_shared<const NativeHistogram>(make());
        append_histogram(entry);
    }
    // Belongs to the series named last. Known ones are left out.
    void exemplar(double value, TimeMs t_ms, std::string_view trace_id);
    // Writes what the round brought; markers for what it did not.
    AppendCounts end();

    // The source is gone for good: markers for everything.
    void close(TimeMs t_ms);

    [[nodiscard]] std::size_t series() const noexcept { return by_key_.size(); }
    // Series that found no room in the store, this round.
    [[nodiscard]] std::size_t refused() const noexcept { return refused_; }

private:
    struct Entry {
        std::string key;  // what SeriesText says, with its parts' sizes
        uint32_t metric_size = 0, suffix_size = 0, labels_size = 0;
        uint32_t place = 0;  // in the order of the last round
        uint64_t round = 0;  // it was seen in last; 0: a free entry
        TimeMs exemplar_ms = kNever;
        Handle handle;
        HistogramPtr histogram;

        [[nodiscard]] bool is(const SeriesText& series) const noexcept;
    };
    [[nodiscard]] Entry& find(const SeriesText& series, SeriesKind kind);
    [[nodiscard]] uint32_t look_up(const SeriesText& series, SeriesKind kind);
    [[nodiscard]] Labels labels_of(const SeriesText& series) const;
    void append_histogram(Entry& entry);
    void forget_unseen();

    Store& store_;
    Labels common_;
    TimeMs t_ms_ = 0;
    uint64_t round_ = 0;
    std::vector<Entry> entries_;
    std::vector<uint32_t> free_;
    std::unordered_map<std::string, uint32_t> by_key_;
    std::vector<uint32_t> order_, next_order_;  // entries in the order they came
    std::size_t cursor_ = 0;                    // in order_: the one expected next
    uint32_t last_ = UINT32_MAX;                // entry named last
    std::size_t refused_ = 0;
    std::vector<Sample> batch_;
    AppendCounts counts_;
};

// The labels of exposition text: a="b",c="d\"e". False: not such a text.
[[nodiscard]] bool parse_label_text(std::string_view text, Labels& labels);

}  // namespace glassgate::store
