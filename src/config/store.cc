// spec.telemetry.store -> StoreSettings.
#include "config/draft.h"
#include "config/url.h"
#include "store/query/duration.h"

namespace glassgate::config {
namespace {

constexpr std::size_t kTargetsMax = 64;

// "15s": at least `min_ms`.
int64_t read_duration(Fields& fields, std::string_view key, int64_t min_ms) {
    const Node* const node = fields.require(key);
    const std::string text = fields.text(key);
    if (node == nullptr || node->kind != Node::Kind::scalar) return min_ms;
    const auto duration_ms = store::query::parse_duration_ms(text);
    if (duration_ms && *duration_ms >= min_ms) return *duration_ms;
    fields.mistake(
        node->position, std::string(key) + " is " + quote(text),
        "a duration such as 15s, 2h or 90d, at least " + store::query::duration_text(min_ms));
    return min_ms;
}

void read_tiers(Fields& fields, StoreSettings& settings) {
    const Node* const node = fields.child("tiers");
    if (node == nullptr || node->kind == Node::Kind::null) return;
    std::vector<store::Tier> tiers;
    for (const Node& item : items_of(node, "tiers", fields.diagnostics())) {
        Fields tier(item, fields.diagnostics(), "tier");
        const int64_t every_ms = read_duration(tier, "every", 100);
        tiers.push_back({every_ms, read_duration(tier, "keep", store::kMinuteMs)});
        if (tiers.size() < 2) continue;
        const store::Tier& before = tiers[tiers.size() - 2];
        if (tiers.back().step_ms <= before.step_ms ||
            tiers.back().retention_ms <= before.retention_ms)
            fields.mistake(item.position, "this tier is not coarser and longer than the one before",
                           "tiers from fine and short to coarse and long");
    }
    if (node->kind == Node::Kind::list && (tiers.empty() || tiers.size() > store::kMaxTiers))
        fields.mistake(node->position, std::to_string(tiers.size()) + " tiers",
                       "1 to " + std::to_string(store::kMaxTiers));
    else
        settings.tiers = std::move(tiers);
}

// "host:9090" is http://host:9090/metrics.
std::string target_url(const std::string& text, const Position& at, Fields& fields) {
    const bool whole = text.find("://") != std::string::npos;
    std::string url = whole ? text : "http://" + text;
    const Result<Url> parsed = parse_url(url);
    if (!parsed) {
        fields.mistake(at, "target " + quote(text) + ": " + parsed.error().message,
                       "an address such as gateway-2:9090, or a URL");
        return {};
    }
    if (parsed->path.empty() || parsed->path == "/")
        url = url.substr(0, url.find_last_not_of('/') + 1) + "/metrics";
    return url;
}

void read_job(const Node& node, Diagnostics& diagnostics, StoreSettings& settings) {
    Fields fields(node, diagnostics, "scrape");
    ScrapeJob job;
    (void)fields.require("job");
    job.job = read_name(fields, "job", {});
    job.interval_ms = read_unsigned<int64_t>(fields, "intervalMs", 5000, 500, kHourMs);
    const Node* const targets = fields.require("targets");
    (void)fields.texts("targets");  // reports what is no text
    const auto add = [&](const Node& item) {
        if (item.kind != Node::Kind::scalar) return;
        std::string url = target_url(item.scalar, item.position, fields);
        if (!url.empty()) job.targets.push_back(std::move(url));
    };
    if (targets != nullptr) {
        add(*targets);
        for (const Node& item : targets->items) add(item);
    }
    const bool taken = index_of(settings.scrape, &ScrapeJob::job, job.job).has_value();
    if (taken || job.job == settings.job)
        fields.mistake(node.position, "job " + quote(job.job) + " is taken", "another name");
    settings.scrape.push_back(std::move(job));
}

}  // namespace

void compile_store(const Node* node, Draft& draft) {
    StoreSettings& settings = draft.store;
    Fields fields(or_empty(node), draft.diagnostics, "store");
    settings.enabled = fields.boolean("enabled", settings.enabled);
    settings.path = fields.text("path");
    settings.job = read_name(fields, "job", settings.job);
    read_tiers(fields, settings);
    settings.max_series = read_unsigned(fields, "maxSeries", settings.max_series, 1000, 10'000'000);
    settings.memory_max_bytes = read_unsigned(fields, "memoryMaxBytes", settings.memory_max_bytes,
                                              16u << 20, uint64_t{1} << 40);
    settings.disk_max_bytes = read_unsigned(fields, "diskMaxBytes", settings.disk_max_bytes,
                                            16u << 20, uint64_t{1} << 44);
    settings.flush_ms = read_unsigned<int64_t>(fields, "flushMs", 10'000, 100, 600'000);
    settings.interval_ms = read_unsigned<int64_t>(fields, "intervalMs", 1000, 100, 60'000);
    const Node* const scrape = fields.child("scrape");
    std::size_t targets = 0;
    for (const Node& item : items_of(scrape, "scrape", draft.diagnostics)) {
        read_job(item, draft.diagnostics, settings);
        targets += settings.scrape.back().targets.size();
    }
    if (targets > kTargetsMax)
        fields.mistake(scrape->position, std::to_string(targets) + " targets",
                       "at most " + std::to_string(kTargetsMax) +
                           ": a fleet belongs to Prometheus or VictoriaMetrics");
}

}  // namespace glassgate::config
