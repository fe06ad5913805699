// What another process exposes at /metrics, read for a Feed: Prometheus' text format or
// OpenMetrics. Pure. One bad line and nothing of it is taken, as Prometheus does: half a scrape
// would look like series that have gone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/feed/feed.h"
#include "store/sample_line.h"

namespace glassgate::store {

struct ScrapedSample {
    std::string metric;
    std::string labels;  // as SeriesText has them
    SeriesKind kind = SeriesKind::gauge;
    double value = 0;
    std::optional<SampleLine::Exemplar> exemplar;
};
struct ScrapedFamily {
    std::string name, type, help, unit;
};
struct Scraped {
    std::vector<ScrapedSample> samples;
    std::vector<ScrapedFamily> families;
};

inline constexpr std::size_t kScrapedSamplesMax = 500'000;

// Timestamps in the text are left out: samples get the time of the scrape. Error: the line and what
// is wrong with it, or there are too many.
[[nodiscard]] Result<Scraped> read_scraped_text(std::string_view text, TextFormat format);

// The format by its Content-Type.
[[nodiscard]] TextFormat format_of(std::string_view content_type) noexcept;

// Into a round that has begun. `fallback_ms`: the time of exemplars that have none.
void feed_scraped(const Scraped& scraped, Feed& feed, TimeMs fallback_ms);

}  // namespace glassgate::store
