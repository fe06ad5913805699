#include "store/feed/feed.h"

#include <algorithm>

namespace glassgate::store {
namespace {

// A series that found no room asks again after so many rounds.
constexpr uint64_t kAskAgainRounds = 60;

std::string key_of(const SeriesText& series) {
    std::string key;
    key.reserve(series.metric.size() + series.suffix.size() + series.labels.size() +
                series.le.size() + 3);
    key.append(series.metric).push_back('\0');
    key.append(series.suffix).push_back('\0');
    key.append(series.labels).push_back('\0');
    key.append(series.le);
    return key;
}

}  // namespace

bool parse_label_text(std::string_view text, Labels& labels) {
    while (!text.empty()) {
        const std::size_t equals = text.find("=\"");
        if (equals == 0 || equals == std::string_view::npos) return false;
        Label label{std::string(text.substr(0, equals)), {}};
        std::size_t at = equals + 2;
        for (; at < text.size() && text[at] != '"'; ++at) {
            if (text[at] != '\\') {
                label.value.push_back(text[at]);
                continue;
            }
            if (++at == text.size()) return false;
            label.value.push_back(text[at] == 'n' ? '\n' : text[at]);
        }
        if (at >= text.size()) return false;
        if (!label.value.empty()) labels.push_back(std::move(label));
        text.remove_prefix(at + 1);
        if (text.empty()) break;
        if (text.front() != ',') return false;
        text.remove_prefix(1);
    }
    return true;
}

Feed::Feed(Store& store, Labels common) : store_(store), common_(std::move(common)) {}

bool Feed::Entry::is(const SeriesText& series) const noexcept {
    if (metric_size != series.metric.size() || suffix_size != series.suffix.size() ||
        labels_size != series.labels.size() ||
        key.size() != metric_size + suffix_size + labels_size + series.le.size() + 3)
        return false;
    std::string_view rest = key;
    const auto next = [&](std::string_view part) {
        const bool same = rest.substr(0, part.size()) == part;
        rest.remove_prefix(std::min(rest.size(), part.size() + 1));
        return same;
    };
    // The parts most likely to differ first would be cheaper, but these are few bytes.
    return next(series.metric) && next(series.suffix) && next(series.labels) && next(series.le);
}

Labels Feed::labels_of(const SeriesText& series) const {
    Labels labels;
    if (!parse_label_text(series.labels, labels)) return {};
    if (!series.le.empty()) labels.push_back({"le", std::string(series.le)});
    for (const Label& common : common_)
        for (Label& label : labels)
            if (label.name == common.name) label.name.insert(0, "exported_");
    labels.insert(labels.end(), common_.begin(), common_.end());
    labels.push_back({std::string(kMetricName), std::string(series.metric)});
    labels.back().value.append(series.suffix);
    std::sort(labels.begin(), labels.end());
    return labels;
}

uint32_t Feed::look_up(const SeriesText& series, SeriesKind kind) {
    std::string key = key_of(series);
    if (const auto at = by_key_.find(key); at != by_key_.end()) return at->second;
    uint32_t index = static_cast<uint32_t>(entries_.size());
    if (free_.empty()) {
        entries_.emplace_back();
    } else {
        index = free_.back();
        free_.pop_back();
    }
    Entry& entry = entries_[index];
    entry = {};
    entry.metric_size = static_cast<uint32_t>(series.metric.size());
    entry.suffix_size = static_cast<uint32_t>(series.suffix.size());
    entry.labels_size = static_cast<uint32_t>(series.labels.size());
    if (const Labels labels = labels_of(series); !labels.empty())
        entry.handle = store_.obtain(labels, kind);
    by_key_.emplace(key, index);
    entry.key = std::move(key);
    return index;
}

Feed::Entry& Feed::find(const SeriesText& series, SeriesKind kind) {
    uint32_t index = 0;
    if (cursor_ < order_.size() && entries_[order_[cursor_]].is(series)) [[likely]] {
        index = order_[cursor_++];
    } else {
        index = look_up(series, kind);
        // The series after this one most likely follow as they did before.
        const uint32_t place = entries_[index].place;
        if (place < order_.size() && order_[place] == index) cursor_ = place + 1;
    }
    Entry& entry = entries_[index];
    if (!entry.handle.valid() && round_ % kAskAgainRounds == 0 && entry.round != 0)
        entry.handle = store_.obtain(labels_of(series), kind);
    if (entry.round != round_) {
        entry.round = round_;
        next_order_.push_back(index);
    }
    if (!entry.handle.valid()) ++refused_;
    last_ = index;
    return entry;
}

void Feed::begin(TimeMs t_ms) {
    t_ms_ = t_ms;
    ++round_;
    cursor_ = 0;
    refused_ = 0;
    last_ = UINT32_MAX;
    batch_.clear();
    next_order_.clear();
    counts_ = {};
}

void Feed::number(const SeriesText& series, SeriesKind kind, double value) {
    const Entry& entry = find(series, kind);
    if (entry.handle.valid()) batch_.push_back({entry.handle, t_ms_, value});
}

void Feed::append_histogram(Entry& entry) {
    if (entry.handle.valid()) ++counts_[store_.append(entry.handle, t_ms_, entry.histogram)];
}

void Feed::exemplar(double value, TimeMs t_ms, std::string_view trace_id) {
    if (last_ == UINT32_MAX) return;
    Entry& entry = entries_[last_];
    if (t_ms <= entry.exemplar_ms || !entry.handle.valid()) return;
    entry.exemplar_ms = t_ms;
    store_.add_exemplar(entry.handle, {{{"trace_id", std::string(trace_id)}}, value, t_ms});
}

void Feed::forget_unseen() {
    for (const uint32_t index : order_) {
        Entry& entry = entries_[index];
        if (entry.round == round_) continue;
        if (entry.handle.valid()) batch_.push_back({entry.handle, t_ms_, stale_marker()});
        by_key_.erase(entry.key);
        entry = {};
        free_.push_back(index);
    }
}

AppendCounts Feed::end() {
    forget_unseen();
    const AppendCounts counts = store_.append(batch_);
    for (std::size_t i = 0; i < kAppendCount; ++i) counts_.by_outcome[i] += counts.by_outcome[i];
    order_.swap(next_order_);
    for (std::size_t i = 0; i < order_.size(); ++i)
        entries_[order_[i]].place = static_cast<uint32_t>(i);
    // The store has let series go: they are obtained anew as if never seen.
    if (counts_[Append::gone] != 0) {
        by_key_.clear();
        entries_.clear();
        free_.clear();
        order_.clear();
    }
    return counts_;
}

void Feed::close(TimeMs t_ms) {
    begin(t_ms);
    end();
}

}  // namespace glassgate::store
