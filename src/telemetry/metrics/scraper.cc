#include "telemetry/metrics/scraper.h"

#include <algorithm>
#include <cmath>

#include "telemetry/metrics/classic_histogram.h"
#include "telemetry/metrics/expose_protobuf.h"
#include "telemetry/metrics/number_text.h"
#include "telemetry/metrics/process.h"

namespace glassgate::telemetry {
namespace {

using LabelPairs = std::vector<std::pair<std::string_view, std::string_view>>;

FamilyHead head_of(const Family& family) {
    return {family.name, family.type, family.help, edges_of(family)};
}

std::string render(const LabelPairs& labels) {
    std::string out;
    for (const auto& [name, value] : labels) {
        if (!out.empty()) out.push_back(',');
        out.append(name).append("=\"");
        append_label_value(out, value);
        out.push_back('"');
    }
    return out;
}

FamilyType family_type(MetricType type) {
    switch (type) {
        case MetricType::counter:
            return FamilyType::counter;
        case MetricType::gauge:
            return FamilyType::gauge;
        case MetricType::unknown:
            break;
    }
    return FamilyType::unknown;
}

}  // namespace

void Scraper::add_external(External external) {
    for (ExternalFamily& family : externals_) {
        if (family.name != external.name) continue;
        family.collect.push_back(std::move(external.collect));
        return;
    }
    if (external.help.empty())
        if (const Family* known = find_family(external.name)) external.help = known->help;
    ExternalFamily family{
        std::move(external.name), std::move(external.help), family_type(external.type), {}};
    family.collect.push_back(std::move(external.collect));
    externals_.push_back(std::move(family));
}

// --- upkeep --------------------------------------------------------------------------------------

void Scraper::scrape(FamilyVisitor& visitor) {
    take_in();
    release_retired();
    drop_unheld(&SeriesGroup::unheld_scrapes, MetricsRegistry::kRetiredGraceScrapes);
    sampling_ = false;
    visit_all(visitor);
}

void Scraper::sample(FamilyVisitor& visitor) {
    take_in();
    release_retired();
    drop_unheld(&SeriesGroup::unheld_samples, UINT32_MAX);  // none but evicted clients
    sampling_ = true;
    visit_all(visitor);
}

bool Scraper::passed_over(const SeriesGroup& group) const noexcept {
    return sampling_ && group.unheld_samples > MetricsRegistry::kGoneGraceSamples;
}

void Scraper::visit_all(FamilyVisitor& visitor) {
    lines_ = 0;
    bool externals_done = false;
    for (const Family& family : metric_catalogue()) {
        if (static_cast<std::size_t>(family.subject) < kGroupedSubjects)
            visit_grouped(family, visitor);
        else if (family.subject == Subject::external && !std::exchange(externals_done, true))
            visit_externals(visitor);
    }
    visit_process(visitor);
    visit_self(visitor);
    visitor.finish();
}

void Scraper::tidy() {
    take_in();
    release_retired();
    drop_unheld(&SeriesGroup::unheld_reloads, MetricsRegistry::kRetiredGraceReloads);
}

void Scraper::take_in() {
    std::array<bool, kGroupedSubjects> unsorted{};
    for (SeriesGroup* group = index_.take_new(); group != nullptr;) {
        SeriesGroup* next = group->next;
        render_labels(*group);
        const auto subject = static_cast<std::size_t>(group->subject);
        groups_[subject].push_back(group);
        unsorted[subject] = true;
        group = next;
    }
    for (std::size_t s = 0; s < kGroupedSubjects; ++s) {
        if (!unsorted[s]) continue;
        std::sort(groups_[s].begin(), groups_[s].end(),
                  [](const SeriesGroup* a, const SeriesGroup* b) { return a->labels < b->labels; });
    }
}

void Scraper::render_labels(SeriesGroup& group) const {
    const auto names = label_names(group.subject);
    LabelPairs labels;
    for (std::size_t i = 0; i < names.size(); ++i) labels.emplace_back(names[i], group.labels[i]);
    group.label_text = render(labels);
    group.label_proto = encode_labels(labels);
}

bool Scraper::has_retired(const PlanLayout& layout) const {
    // Every worker has gone on to a later plan, and all that ever applied this one are done with
    // it.
    for (const auto& worker : workers_)
        if (worker->newest_applied() <= layout.sequence) return false;
    return layout.applied.load(std::memory_order_acquire) ==
           layout.retired.load(std::memory_order_acquire);
}

void Scraper::release_retired() {
    for (auto& layout : index_.take_layouts()) layouts_.push_back(std::move(layout));
    std::erase_if(layouts_, [&](const std::shared_ptr<PlanLayout>& layout) {
        if (!has_retired(*layout)) return false;
        layout->released.store(true);
        for (SeriesGroup* group : layout->named) index_.release(*group);
        return true;
    });
}

void Scraper::drop_unheld(uint32_t SeriesGroup::* rounds, uint32_t grace) {
    for (auto& groups : groups_) {
        std::erase_if(groups, [&](SeriesGroup* group) {
            if (group->alive()) {
                group->unheld_scrapes = group->unheld_reloads = group->unheld_samples = 0;
                return false;
            }
            // An evicted client made room for another: it does not stay for the grace.
            const bool at_once = group->subject == Subject::client;
            if (!at_once && ++(group->*rounds) <= grace) return false;
            if (!index_.vanish(*group)) return false;
            index_.bury(*group);
            return true;
        });
    }
}

// --- reading -------------------------------------------------------------------------------------

uint64_t Scraper::sum_cells(const SeriesGroup& group, uint32_t cell) const noexcept {
    const CellStore& store = index_.store();
    uint64_t sum = 0;
    for (unsigned worker = 0; worker < store.workers(); ++worker)
        sum += store.at(worker, group.first_cell + cell)->read();
    return sum;
}

void Scraper::read_classic(const Family& family, const SeriesGroup& group) {
    count_ = 0;
    for (uint32_t bucket = 0; bucket < classic_buckets::kBuckets; ++bucket) {
        count_ += sum_cells(group, family.cell + bucket);
        if (bucket < cumulative_.size()) cumulative_[bucket] = count_;
    }
}

// The edges of native families are powers of two: bounds of octaves.
void Scraper::read_native(const Family& family, const SeriesGroup& group) {
    native_.clear();
    const auto edges = edges_of(family);
    std::fill_n(exemplars_.begin(), edges.size() + 1, ExemplarReading{});
    for (unsigned worker = 0; worker < index_.store().workers(); ++worker) {
        const Cell* cell = index_.store().at(worker, group.first_cell + family.cell);
        const NativeCells* cells = NativeCells::of(*cell);
        if (cells == nullptr) continue;
        cells->add_to(native_);
        cells->exemplars({exemplars_.data(), edges.size() + 1});
    }
    count_ = native_.zero;
    int octave = 0;
    for (std::size_t i = 0; i < edges.size(); ++i) {
        const int end = std::ilogb(edges[i]) - native_buckets::kMinExponent;
        for (; octave < end; ++octave) count_ += native_.octave_total(octave);
        cumulative_[i] = count_;
    }
    for (; octave < native_buckets::kOctaves; ++octave) count_ += native_.octave_total(octave);
}

void Scraper::visit_histogram(const Family& family, const SeriesGroup& group,
                              FamilyVisitor& visitor) {
    const std::size_t edges = edges_of(family).size();
    const auto sum_ns = static_cast<double>(sum_cells(group, family.sum_cell));
    HistogramReading reading;
    if (family.shape == Shape::classic) {
        read_classic(family, group);
        reading.sum = sum_ns / 1e6;
    } else {
        read_native(family, group);
        reading.sum = sum_ns / 1e9;
        reading.native = &native_;
        reading.exemplars = {exemplars_.data(), edges + 1};
    }
    reading.count = count_;
    reading.cumulative = {cumulative_.data(), edges};
    visitor.histogram({group.label_text, group.label_proto}, reading);
    lines_ += edges + 3;
}

void Scraper::visit_grouped(const Family& family, FamilyVisitor& visitor) {
    const auto& groups = groups_[static_cast<std::size_t>(family.subject)];
    if (groups.empty()) return;
    visitor.begin(head_of(family));
    for (const SeriesGroup* group : groups) {
        if (passed_over(*group)) continue;
        if (family.shape != Shape::number) {
            visit_histogram(family, *group, visitor);
            continue;
        }
        // Gauges are sums of signed parts; counters do not reach 2^63.
        const auto sum = static_cast<int64_t>(sum_cells(*group, family.cell));
        visitor.integer({group->label_text, group->label_proto}, sum);
        ++lines_;
    }
    visitor.end();
}

void Scraper::visit_externals(FamilyVisitor& visitor) {
    const uint64_t before = lines_;
    for (const ExternalFamily& family : externals_) {
        samples_.clear();
        for (const auto& collect : family.collect) collect(samples_);
        if (samples_.empty()) continue;
        visitor.begin({family.name, family.type, family.help, {}});
        for (const Sample& sample : samples_) {
            const LabelPairs labels(sample.labels.begin(), sample.labels.end());
            const std::string text = render(labels), proto = encode_labels(labels);
            visitor.real({text, proto}, sample.value);
            ++lines_;
        }
        visitor.end();
    }
    index_.set_external_lines(lines_ - before);
}

void Scraper::visit_number(const FamilyHead& head, double value, FamilyVisitor& visitor) {
    visitor.begin(head);
    visitor.real({}, value);
    visitor.end();
    ++lines_;
}

void Scraper::visit_process(FamilyVisitor& visitor) {
    const ProcessNumbers numbers = read_process_numbers();
    const std::pair<std::string_view, double> families[] = {
        {"process_cpu_seconds_total", numbers.cpu_seconds},
        {"process_resident_memory_bytes", numbers.resident_bytes},
        {"process_virtual_memory_bytes", numbers.virtual_bytes},
        {"process_open_fds", numbers.open_fds},
        {"process_max_fds", numbers.max_fds},
        {"process_start_time_seconds", numbers.start_time_seconds}};
    for (const auto& [name, value] : families)
        visit_number(head_of(*find_family(name)), value, visitor);
}

void Scraper::visit_self(FamilyVisitor& visitor) {
    visit_number(head_of(*find_family("flex_series_limit")), static_cast<double>(index_.limit()),
                 visitor);
    visit_number(head_of(*find_family("flex_series_overflow_total")),
                 static_cast<double>(index_.overflows()), visitor);
    const uint64_t with_itself = lines_ + 1;
    visit_number(head_of(*find_family("flex_series")), static_cast<double>(with_itself), visitor);
}

// --- one value -----------------------------------------------------------------------------------

double Scraper::value(std::string_view name,
                      const std::vector<std::pair<std::string, std::string>>& labels) {
    take_in();
    const Family* family = find_family(name);
    if (family == nullptr || family->subject == Subject::external)
        return value_of_external(name, labels);
    if (name == "flex_series") return static_cast<double>(lines_);  // as of the last scrape
    if (name == "flex_series_limit") return static_cast<double>(index_.limit());
    if (name == "flex_series_overflow_total") return static_cast<double>(index_.overflows());
    if (static_cast<std::size_t>(family->subject) >= kGroupedSubjects) return 0;
    const auto names = label_names(*family);
    for (const SeriesGroup* group : groups_[static_cast<std::size_t>(family->subject)]) {
        const bool same = labels.size() == names.size() &&
                          std::all_of(labels.begin(), labels.end(), [&](const auto& wanted) {
                              for (std::size_t i = 0; i < names.size(); ++i)
                                  if (names[i] == wanted.first)
                                      return group->labels[i] == wanted.second;
                              return false;
                          });
        if (!same) continue;
        if (family->shape == Shape::number)
            return static_cast<double>(static_cast<int64_t>(sum_cells(*group, family->cell)));
        if (family->shape == Shape::classic)
            read_classic(*family, *group);
        else
            read_native(*family, *group);
        return static_cast<double>(count_);
    }
    return 0;
}

double Scraper::value_of_external(std::string_view name,
                                  const std::vector<std::pair<std::string, std::string>>& labels) {
    for (const ExternalFamily& family : externals_) {
        if (family.name != name) continue;
        samples_.clear();
        for (const auto& collect : family.collect) collect(samples_);
        for (const Sample& sample : samples_) {
            const bool same =
                sample.labels.size() == labels.size() &&
                std::all_of(labels.begin(), labels.end(), [&](const auto& wanted) {
                    return std::any_of(
                        sample.labels.begin(), sample.labels.end(), [&](const auto& label) {
                            return label.first == wanted.first && label.second == wanted.second;
                        });
                });
            if (same) return sample.value;
        }
    }
    return 0;
}

}  // namespace glassgate::telemetry
