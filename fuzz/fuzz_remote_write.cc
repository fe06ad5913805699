// Remote-write bodies: no crash, bounded memory, and what is taken is sound. An odd first byte: the
// rest is packed first, so that the fuzzer works on the protobuf behind the compression.
#include <snappy.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "store/feed/remote_write.h"

namespace {

using namespace glassgate::store;

void expect(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "violated: %s\n", what);
    std::abort();
}

void expect_sound(const WriteRequest& request) {
    for (const WrittenSeries& series : request.series) {
        expect(!value_of(series.labels, kMetricName).empty(), "every series has a metric name");
        for (std::size_t i = 0; i < series.labels.size(); ++i) {
            expect(!series.labels[i].value.empty(), "no label is empty");
            expect(i == 0 || series.labels[i - 1].name < series.labels[i].name, "labels ascend");
        }
        for (const WrittenHistogram& h : series.histograms) {
            if (h.histogram == nullptr) continue;
            for (const auto* buckets : {&h.histogram->positive, &h.histogram->negative})
                for (std::size_t i = 0; i < buckets->size(); ++i) {
                    expect((*buckets)[i].count > 0, "a bucket counts something");
                    expect(i == 0 || (*buckets)[i - 1].index < (*buckets)[i].index,
                           "buckets ascend");
                }
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string body(reinterpret_cast<const char*>(data + 1), size - 1);
    if (data[0] % 2 == 1) {
        std::string packed;
        snappy::Compress(body.data(), body.size(), &packed);
        body = packed;
    }
    const auto request = read_remote_write(body, {.max_bytes = 1u << 20, .max_series = 1000});
    if (!request) {
        expect(!request.error().message.empty(), "a refusal says why");
        return 0;
    }
    expect_sound(*request);
    static const auto store = [] {
        Settings settings;
        settings.background = false;
        settings.max_series = 100;
        settings.memory_max_bytes = 16u << 20;
        settings.now = [] { return TimeMs{1'795'770'840'000}; };
        return std::move(*Store::open(settings));
    }();
    (void)ingest(*store, *request);
    return 0;
}
