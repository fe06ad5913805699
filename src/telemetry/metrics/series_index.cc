#include "telemetry/metrics/series_index.h"

#include <algorithm>
#include <optional>

#include "telemetry/metrics/native_histogram.h"
#include "telemetry/metrics/plan_layout.h"

namespace glassgate::telemetry {
namespace {

constexpr std::string_view kOther = "other";
constexpr uint64_t kOwnLines = 9;  // process_* and flex_series*

std::optional<uint8_t> native_cell(Subject subject) {
    switch (subject) {
        case Subject::request:
            return cells::request::kNative;
        case Subject::upstream:
            return cells::upstream::kNative;
        case Subject::stream:
            return cells::stream::kNative;
        default:
            return std::nullopt;
    }
}

template <typename Node>
void push(std::atomic<Node*>& stack, Node* node) noexcept {
    node->next = stack.load(std::memory_order_relaxed);
    while (!stack.compare_exchange_weak(node->next, node, std::memory_order_release,
                                        std::memory_order_relaxed)) {
    }
}

}  // namespace

SeriesIndex::SeriesIndex(unsigned workers, uint64_t series_limit)
    : limit_(series_limit), used_(kOwnLines), clock_(workers), store_(workers) {
    // Cells and lines of the overflow series are set aside: they must be there when nothing else
    // is.
    for (std::size_t i = 0; i < kGroupedSubjects; ++i) {
        const auto subject = static_cast<Subject>(i);
        overflow_cells_[i] = store_.allocate(cells_of(subject));
        used_.fetch_add(lines_of(subject));
    }
    make_fixed();
}

SeriesIndex::~SeriesIndex() {
    for (SeriesGroup* group : all_) {
        free_group(*group);
        delete group;
    }
    for (LayoutNode* node = layouts_born_.load(); node != nullptr;) {
        LayoutNode* next = node->next;
        delete node;
        node = next;
    }
}

void SeriesIndex::make_fixed() {
    for (std::size_t m = 0; m < kMethodCount; ++m) {
        const std::string_view labels[] = {"none", to_text(static_cast<Method>(m)), "none"};
        fixed_.no_route[m] = &obtain(Subject::request, labels, nullptr, Claim::named);
    }
    for (std::size_t e = 0; e < model::kEndingCount; ++e) {
        const model::EndingInfo& info = model::info(static_cast<model::Ending>(e));
        const std::string_view labels[] = {info.slug, to_text(info.origin)};
        const std::size_t at = e * model::kOriginCount + static_cast<std::size_t>(info.origin);
        fixed_.endings[at] = &obtain(Subject::ending, labels, nullptr, Claim::named);
    }
}

void SeriesIndex::set_key(Subject subject, Labels labels) {
    key_.assign(1, static_cast<char>(subject));
    for (const std::string_view label : labels) {
        const auto size = static_cast<uint32_t>(label.size());
        for (unsigned shift = 0; shift < 32; shift += 8)
            key_.push_back(static_cast<char>(size >> shift & 0xFF));
        key_.append(label);
    }
}

bool SeriesIndex::claim(SeriesGroup& group, Claim claim) noexcept {
    const uint32_t before =
        claim == Claim::named
            ? group.hold.fetch_add(1, std::memory_order_acq_rel)
            : group.hold.fetch_or(SeriesGroup::kOnDemand, std::memory_order_acq_rel);
    return (before & SeriesGroup::kVanished) == 0;
}

// Only the scraper lowers `used_` (a refund), so checking first and adding then is safe under the
// mutex.
bool SeriesIndex::charge(uint64_t lines) noexcept {
    if (lines == 0) return true;
    if (used_.load() + external_lines_.load() + lines > limit_.load()) return false;
    used_.fetch_add(lines);
    return true;
}

SeriesGroup& SeriesIndex::create(Subject subject, Labels labels, SeriesGroup* parent,
                                 CellIndex first, Claim claim) {
    auto* group = new SeriesGroup{};
    group->subject = subject;
    group->labels.assign(labels.begin(), labels.end());
    group->parent = parent;
    if (parent != nullptr) ++parent->children;
    group->first_cell = first;
    group->hold.store(claim == Claim::named ? 1 : SeriesGroup::kOnDemand);
    set_key(subject, labels);
    by_key_[key_] = group;  // takes the place of a vanished one
    all_.insert(group);
    existing_[static_cast<std::size_t>(subject)].fetch_add(1, std::memory_order_relaxed);
    push(born_, group);
    return *group;
}

SeriesGroup& SeriesIndex::obtain(Subject subject, Labels labels, SeriesGroup* parent,
                                 Claim wanted) {
    const std::lock_guard lock(mutex_);
    set_key(subject, labels);
    if (const auto found = by_key_.find(key_); found != by_key_.end()) {
        SeriesGroup& group = *found->second;
        // A child of a parent that vanished and came back is about to vanish itself.
        const bool lasting =
            group.parent == parent || &group == overflow_[static_cast<std::size_t>(subject)];
        if (lasting && claim(group, wanted)) return group;
    }
    reap(8);  // what a creation leaves behind is cleaned by creations: amortised
    if (!charge(lines_of(subject))) {
        count_overflow();
        SeriesGroup& group = overflow_locked(subject);
        (void)claim(group, wanted);
        return group;
    }
    const uint32_t cell_count = cells_of(subject);
    const CellIndex first = cell_count == 0 ? 0 : store_.allocate(cell_count);
    if (first == kNoCell) {
        used_.fetch_sub(lines_of(subject));
        count_overflow();
        SeriesGroup& group = overflow_locked(subject);
        (void)claim(group, wanted);
        return group;
    }
    return create(subject, labels, parent, first, wanted);
}

SeriesGroup& SeriesIndex::overflow(Subject subject) {
    const std::lock_guard lock(mutex_);
    return overflow_locked(subject);
}

SeriesGroup& SeriesIndex::overflow_locked(Subject subject) {
    const auto at = static_cast<std::size_t>(subject);
    if (overflow_[at] != nullptr) return *overflow_[at];
    const std::array<std::string_view, kMaxLabels> others{kOther, kOther, kOther, kOther};
    const Labels labels{others.data(), label_names(subject).size()};
    // Somebody may have called an upstream "other": then that is the overflow series, too.
    set_key(subject, labels);
    const auto found = by_key_.find(key_);
    if (found != by_key_.end() && claim(*found->second, Claim::named)) {
        overflow_[at] = found->second;
    } else {
        overflow_[at] = &create(subject, labels, nullptr, overflow_cells_[at], Claim::named);
    }
    return *overflow_[at];  // the hold is never given back
}

void SeriesIndex::add_layout(std::shared_ptr<PlanLayout> layout) {
    push(layouts_born_, new LayoutNode{layout, nullptr});
    const std::lock_guard lock(mutex_);
    std::erase_if(layouts_, [](const auto& l) { return l->released.load(); });
    layouts_.push_back(std::move(layout));
    reap(all_.size());
}

std::shared_ptr<PlanLayout> SeriesIndex::layout_of(const model::PlanNames* names) {
    const std::lock_guard lock(mutex_);
    for (const auto& layout : layouts_)
        if (layout->names.get() == names && !layout->released.load()) return layout;
    return nullptr;
}

std::vector<std::shared_ptr<PlanLayout>> SeriesIndex::take_layouts() {
    std::vector<std::shared_ptr<PlanLayout>> taken;
    for (LayoutNode* node = layouts_born_.exchange(nullptr); node != nullptr;) {
        LayoutNode* next = node->next;
        taken.push_back(std::move(node->layout));
        delete node;
        node = next;
    }
    return taken;
}

bool SeriesIndex::vanish(SeriesGroup& group) noexcept {
    uint32_t hold = group.hold.load(std::memory_order_acquire);
    if ((hold & SeriesGroup::kOwners) != 0) return false;
    return group.hold.compare_exchange_strong(hold, hold | SeriesGroup::kVanished,
                                              std::memory_order_acq_rel);
}

void SeriesIndex::bury(SeriesGroup& group) noexcept {
    used_.fetch_sub(lines_of(group.subject));
    push(buried_, &group);
}

// Gives the cells of the dead back. Nobody writes to them any more: the plans that named them have
// retired on every worker; for clients, every worker has acknowledged the eviction.
void SeriesIndex::reap(std::size_t most) {
    for (SeriesGroup* group = buried_.exchange(nullptr); group != nullptr; group = group->next)
        dead_.push_back(group);
    if (dead_.empty()) return;
    const uint64_t acknowledged = clock_.acknowledged_by_all();
    std::size_t freed = 0;
    std::erase_if(dead_, [&](SeriesGroup* group) {
        const bool in_use = group->evicted_at.load() > acknowledged || group->children != 0;
        if (freed == most || in_use) return false;
        ++freed;
        if (group->parent != nullptr) --group->parent->children;
        set_key(group->subject,
                std::vector<std::string_view>(group->labels.begin(), group->labels.end()));
        if (const auto found = by_key_.find(key_); found != by_key_.end() && found->second == group)
            by_key_.erase(found);
        free_group(*group);
        existing_[static_cast<std::size_t>(group->subject)].fetch_sub(1, std::memory_order_relaxed);
        all_.erase(group);
        delete group;
        return true;
    });
}

void SeriesIndex::free_group(SeriesGroup& group) {
    if (const auto cell = native_cell(group.subject)) {
        for (unsigned worker = 0; worker < store_.workers(); ++worker)
            delete NativeCells::of(*store_.at(worker, group.first_cell + *cell));
    }
    if (const uint32_t count = cells_of(group.subject); count != 0)
        store_.release(group.first_cell, count);
}

}  // namespace glassgate::telemetry
