// Prometheus remote write 1.0 (https://prometheus.io/docs/concepts/remote_write_spec/): a snappy
// block of a protobuf WriteRequest, native histograms included.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace glassgate::store {

struct RemoteWriteLimits {
    std::size_t max_bytes = 32u << 20;   // unpacked
    std::size_t max_series = 1'000'000;  // in one request
};

struct WrittenSample {
    TimeMs t_ms = 0;
    double value = 0;
};
struct WrittenHistogram {
    TimeMs t_ms = 0;
    HistogramPtr histogram;  // null: a staleness marker
};
struct WrittenSeries {
    Labels labels;  // sound: sorted, unique, no empty value, with a metric name
    std::vector<WrittenSample> samples;
    std::vector<WrittenHistogram> histograms;
    std::vector<Exemplar> exemplars;
};
struct WrittenMetadata {
    std::string family, help, unit;
    uint32_t type = 0;  // prometheus.MetricMetadata.MetricType
};
struct WriteRequest {
    std::vector<WrittenSeries> series;
    std::vector<WrittenMetadata> metadata;
    // Left out for what is wrong with them alone: bad labels; histograms of other schemas.
    uint64_t refused_series = 0, refused_histograms = 0;
    std::string problem;  // the first of those, in words
};

// Pure. Error: the body as a whole cannot be read; what and where.
[[nodiscard]] Result<WriteRequest> read_remote_write(std::string_view body,
                                                     const RemoteWriteLimits& limits = {});

struct WriteOutcome {
    AppendCounts samples;         // histograms among them
    uint64_t no_room_series = 0;  // new series refused
    // Nothing was refused for good reason to tell the sender: 204, else 400 with `problem`.
    [[nodiscard]] bool all_taken() const noexcept;
    std::string problem;
};
// Any thread. What is new becomes a counter or a gauge by its name (series_kind.h).
[[nodiscard]] WriteOutcome ingest(Store& store, const WriteRequest& request);

}  // namespace glassgate::store
