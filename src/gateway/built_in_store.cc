#include "gateway/built_in_store.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/clock.h"
#include "telemetry/metrics/catalogue.h"

namespace glassgate::gateway {
namespace {

using store::Append;
using store::Stats;
using telemetry::MetricType;
using telemetry::Sample;

store::Settings to_store(const config::StoreSettings& settings, const std::string& directory) {
    store::Settings made;
    made.directory = directory;
    made.tiers = settings.tiers;
    made.max_series = settings.max_series;
    made.memory_max_bytes = settings.memory_max_bytes;
    made.disk_max_bytes = settings.disk_max_bytes;
    made.flush_interval_ms = settings.flush_ms;
    return made;
}

struct Number {
    const char* name;
    MetricType type;
    double (*read)(const Stats& stats);
};

constexpr double kMsPerSecond = 1000;

template <auto member>
double value_of(const Stats& stats) {
    return static_cast<double>(stats.*member);
}

constexpr Number kNumbers[] = {
    {"flex_store_series", MetricType::gauge, &value_of<&Stats::series>},
    {"flex_store_series_limit", MetricType::gauge, &value_of<&Stats::series_limit>},
    {"flex_store_series_overflow_total", MetricType::counter,
     &value_of<&Stats::series_overflow_total>},
    {"flex_store_samples_dropped_total", MetricType::counter,
     &value_of<&Stats::samples_dropped_total>},
    {"flex_store_memory_bytes", MetricType::gauge, &value_of<&Stats::memory_bytes>},
    {"flex_store_memory_limit_bytes", MetricType::gauge, &value_of<&Stats::memory_limit_bytes>},
    {"flex_store_disk_bytes", MetricType::gauge, &value_of<&Stats::disk_bytes>},
    {"flex_store_disk_limit_bytes", MetricType::gauge, &value_of<&Stats::disk_limit_bytes>},
    {"flex_store_segments", MetricType::gauge, &value_of<&Stats::segments>},
    {"flex_store_exemplars", MetricType::gauge, &value_of<&Stats::exemplars>},
    {"flex_store_flushes_total", MetricType::counter, &value_of<&Stats::flushes_total>},
    {"flex_store_flush_failures_total", MetricType::counter,
     &value_of<&Stats::flush_failures_total>},
    {"flex_store_checkpoints_total", MetricType::counter, &value_of<&Stats::checkpoints_total>},
    {"flex_store_checkpoint_failures_total", MetricType::counter,
     &value_of<&Stats::checkpoint_failures_total>},
    {"flex_store_flush_lag_seconds", MetricType::gauge,
     [](const Stats& s) { return static_cast<double>(s.flush_lag_ms) / kMsPerSecond; }},
    {"flex_store_corrupt_blocks_total", MetricType::counter,
     &value_of<&Stats::corrupt_blocks_total>},
    {"flex_store_quarantined_segments_total", MetricType::counter,
     &value_of<&Stats::corrupt_segments_total>},
};

constexpr std::pair<Append, const char*> kOutcomes[] = {
    {Append::stored, "stored"},           {Append::duplicate, "duplicate"},
    {Append::conflicting, "conflicting"}, {Append::out_of_order, "out_of_order"},
    {Append::too_old, "too_old"},         {Append::too_new, "too_new"},
    {Append::no_memory, "no_memory"},     {Append::gone, "gone"},
};

}  // namespace

std::string state_directory(const std::string& given) {
    if (!given.empty()) return given;
    const char* const systemd = std::getenv("STATE_DIRECTORY");
    if (systemd == nullptr) return {};
    // Several may be named, with colons between them; the first is the unit's own.
    const std::string_view all(systemd);
    return std::string(all.substr(0, all.find(':')));
}

Result<std::unique_ptr<BuiltInStore>> BuiltInStore::open(const config::StoreSettings& settings,
                                                         const std::string& state_directory,
                                                         telemetry::MetricsRegistry& registry,
                                                         const std::string& gateway) {
    std::string directory = settings.path;
    if (directory.empty() && !state_directory.empty()) directory = state_directory + "/store";
    if (!directory.empty()) {
        std::error_code error;
        std::filesystem::create_directories(directory, error);
        if (error) return failure("create " + directory + ": " + error.message());
    }
    auto store = TRY(store::Store::open(to_store(settings, directory)));
    std::unique_ptr<BuiltInStore> made(
        new BuiltInStore(std::move(store), settings, registry, gateway));
    made->export_metrics(registry);
    return made;
}

BuiltInStore::BuiltInStore(std::unique_ptr<store::Store> store,
                           const config::StoreSettings& settings,
                           telemetry::MetricsRegistry& registry, const std::string& gateway)
    : store_(std::move(store)),
      settings_(settings),
      feed_(registry),
      labels_{{"instance", gateway}, {"job", settings.job}},
      sampler_(*store_, labels_, settings.interval_ms,
               [this](store::Feed& feed) { feed_.read(feed); }) {
    for (const telemetry::Family& family : telemetry::metric_catalogue())
        metadata_.add(family.name,
                      {std::string(to_text(family.type)), std::string(family.help), ""});
    metadata_.add("up", {"gauge", "1 if the target could be scraped.", ""});
}

BuiltInStore::~BuiltInStore() { stop(); }

void BuiltInStore::start(const std::string& metrics_url) {
    metrics_url_ = metrics_url;
    started_ = true;
    sampler_.start();
    scrape(settings_.scrape);
}

void BuiltInStore::reconfigure(const config::StoreSettings& settings) {
    if (settings == settings_) return;
    settings_ = settings;
    if (started_) scrape(settings_.scrape);
}

// Those that stay go on undisturbed: their series must not end.
void BuiltInStore::scrape(const std::vector<config::ScrapeJob>& jobs) {
    std::vector<std::unique_ptr<console::Scraper>> before, now;
    {
        const std::lock_guard lock(mutex_);
        before = std::move(scrapers_);
    }
    for (const config::ScrapeJob& job : jobs)
        for (const std::string& url : job.targets) {
            const auto same = std::find_if(before.begin(), before.end(), [&](const auto& s) {
                if (s == nullptr) return false;
                const console::ScrapeTarget target = s->state();
                return target.job == job.job && target.url == url &&
                       target.interval_ms == job.interval_ms;
            });
            if (same != before.end()) {
                now.push_back(std::move(*same));
                continue;
            }
            now.push_back(std::make_unique<console::Scraper>(*store_, metadata_, job, url));
            now.back()->start();
        }
    before.clear();  // ends the others' series
    const std::lock_guard lock(mutex_);
    scrapers_ = std::move(now);
}

void BuiltInStore::stop() {
    if (!started_) return;
    started_ = false;
    scrape({});
    sampler_.stop();
}

std::vector<console::ScrapeTarget> BuiltInStore::targets() const {
    console::ScrapeTarget own;
    own.job = settings_.job;
    own.url = metrics_url_;
    own.labels = labels_;
    own.discovered = console::discovered_labels(metrics_url_, own.job);
    const store::Sampler::Numbers numbers = sampler_.numbers();
    own.known = own.up = numbers.rounds != 0;
    own.interval_ms = own.timeout_ms = settings_.interval_ms;
    own.last_scrape_ms = numbers.last_ms;
    own.last_duration_s = static_cast<double>(numbers.last_busy_ns) / 1e9;
    std::vector<console::ScrapeTarget> all = {std::move(own)};
    const std::lock_guard lock(mutex_);
    for (const auto& scraper : scrapers_) all.push_back(scraper->state());
    return all;
}

void BuiltInStore::export_metrics(telemetry::MetricsRegistry& registry) {
    const auto help = [](std::string_view name) {
        const telemetry::Family* const family = telemetry::find_family(name);
        return family != nullptr ? std::string(family->help) : std::string();
    };
    for (const Number& number : kNumbers)
        registry.add_external({number.name, help(number.name), number.type,
                               [this, read = number.read](std::vector<Sample>& out) {
                                   out.push_back({{}, read(store_->stats())});
                               }});
    registry.add_external(
        {"flex_store_samples_total", help("flex_store_samples_total"), MetricType::counter,
         [this](std::vector<Sample>& out) {
             const Stats stats = store_->stats();
             for (const auto& [outcome, name] : kOutcomes)
                 out.push_back({{{"outcome", name}}, static_cast<double>(stats.samples(outcome))});
         }});
    const auto of_sampler = [&](const char* name, auto read) {
        registry.add_external(
            {name, help(name), MetricType::counter, [this, read](std::vector<Sample>& out) {
                 out.push_back({{}, read(sampler_.numbers())});
             }});
    };
    of_sampler("flex_store_rounds_total",
               [](const store::Sampler::Numbers& n) { return static_cast<double>(n.rounds); });
    of_sampler("flex_store_rounds_missed_total",
               [](const store::Sampler::Numbers& n) { return static_cast<double>(n.missed); });
    of_sampler("flex_store_rounds_busy_seconds_total", [](const store::Sampler::Numbers& n) {
        return static_cast<double>(n.busy_ns) / 1e9;
    });
}

}  // namespace glassgate::gateway
