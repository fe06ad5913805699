#include "store/feed/remote_write.h"

#include <gtest/gtest.h>
#include <snappy.h>

#include <protozero/pbf_writer.hpp>

#include "base/ids.h"
#include "store/store_scene_test.h"

namespace glassgate::store {
namespace {

using namespace scene;
using protozero::pbf_writer;

std::string packed(const std::string& bytes) {
    std::string out;
    snappy::Compress(bytes.data(), bytes.size(), &out);
    return out;
}
void put_label(pbf_writer& parent, const std::string& name, const std::string& value) {
    pbf_writer label(parent, 1);
    label.add_string(1, name);
    label.add_string(2, value);
}
void put_sample(pbf_writer& parent, double value, TimeMs t) {
    pbf_writer sample(parent, 2);
    sample.add_double(1, value);
    sample.add_int64(2, t);
}
template <typename Fill>
std::string request_of(Fill&& fill) {
    std::string bytes;
    {
        pbf_writer request(bytes);
        pbf_writer series(request, 1);
        fill(series);
    }
    return packed(bytes);
}

struct Buckets {
    std::vector<std::pair<int32_t, uint32_t>> spans;
    std::vector<int64_t> deltas;
    std::vector<double> counts;
};
void put_buckets(pbf_writer& h, uint32_t first, const Buckets& b) {
    for (const auto& [offset, length] : b.spans) {
        pbf_writer span(h, first);
        span.add_sint32(1, offset);
        span.add_uint32(2, length);
    }
    if (!b.deltas.empty()) h.add_packed_sint64(first + 1, b.deltas.begin(), b.deltas.end());
    if (!b.counts.empty()) h.add_packed_double(first + 2, b.counts.begin(), b.counts.end());
}
std::string histogram_request(int32_t schema, const Buckets& positive, const Buckets& negative = {},
                              double sum = 12.5, int hint = 0) {
    return request_of([&](pbf_writer& series) {
        put_label(series, "__name__", "h");
        pbf_writer h(series, 4);
        h.add_uint64(1, 10);
        h.add_double(3, sum);
        h.add_sint32(4, schema);
        h.add_double(5, 0x1p-17);
        h.add_uint64(6, 2);
        put_buckets(h, 8, negative);
        put_buckets(h, 11, positive);
        h.add_enum(14, hint);
        h.add_int64(15, kStart);
    });
}

TEST(RemoteWrite, SamplesLabelsExemplarsMetadata) {
    std::string bytes;
    {
        pbf_writer request(bytes);
        {
            pbf_writer series(request, 1);
            put_label(series, "route", "a");  // not sorted, one empty
            put_label(series, "__name__", "requests_total");
            put_label(series, "nothing", "");
            put_sample(series, 1.5, kStart);
            put_sample(series, stale_marker(), kStart + 1000);
            pbf_writer exemplar(series, 3);
            put_label(exemplar, "trace_id", "abc");
            exemplar.add_double(2, 0.25);
            exemplar.add_int64(3, kStart);
        }
        pbf_writer metadata(request, 3);
        metadata.add_enum(1, 1);
        metadata.add_string(2, "requests");
        metadata.add_string(4, "Requests.");
    }
    const auto request = read_remote_write(packed(bytes));
    ASSERT_TRUE(request) << request.error().message;
    ASSERT_EQ(request->series.size(), 1u);
    const WrittenSeries& series = request->series[0];
    EXPECT_EQ(series.labels, metric("requests_total"));
    ASSERT_EQ(series.samples.size(), 2u);
    EXPECT_EQ(series.samples[0].value, 1.5);
    EXPECT_EQ(std::bit_cast<uint64_t>(series.samples[1].value), kStaleBits);
    ASSERT_EQ(series.exemplars.size(), 1u);
    EXPECT_EQ(series.exemplars[0].labels, labels({{"trace_id", "abc"}}));
    ASSERT_EQ(request->metadata.size(), 1u);
    EXPECT_EQ(request->metadata[0].help, "Requests.");

    Shop shop;
    const WriteOutcome outcome = ingest(*shop, *request);
    EXPECT_TRUE(outcome.all_taken()) << outcome.problem;
    EXPECT_EQ(outcome.samples[Append::stored], 2u);
    EXPECT_EQ(shop.one("requests_total").values[0], 1.5);
    EXPECT_EQ(shop->exemplars({}, 0, kStart)->size(), 1u);
    // Sent again after a lost answer: the newest is a duplicate, the rest is older.
    const WriteOutcome again = ingest(*shop, *request);
    EXPECT_EQ(again.samples[Append::duplicate], 1u);
    EXPECT_EQ(again.samples[Append::out_of_order], 1u);
    EXPECT_FALSE(again.all_taken());
    EXPECT_EQ(again.problem, "requests_total: older than the newest sample of its series");
}

TEST(RemoteWrite, NativeHistograms) {
    const auto request = read_remote_write(
        histogram_request(3, {{{2, 2}, {1, 1}}, {3, -1, 4}, {}}, {{{-4, 1}}, {}, {0.5}}));
    ASSERT_TRUE(request) << request.error().message;
    ASSERT_EQ(request->series.size(), 1u) << request->problem;
    ASSERT_EQ(request->series[0].histograms.size(), 1u) << request->problem;
    const NativeHistogram& h = *request->series[0].histograms[0].histogram;
    using Bucket = NativeHistogram::Bucket;
    EXPECT_EQ(h.schema, 3);
    EXPECT_EQ(h.count, 10);
    EXPECT_EQ(h.sum, 12.5);
    EXPECT_EQ(h.zero_count, 2);
    EXPECT_EQ(h.zero_threshold, 0x1p-17);
    EXPECT_FALSE(h.gauge);
    EXPECT_EQ(h.positive, (std::vector<Bucket>{{2, 3}, {3, 2}, {5, 6}}));
    EXPECT_EQ(h.negative, (std::vector<Bucket>{{-4, 0.5}}));
    const auto gauge = read_remote_write(histogram_request(0, {}, {}, 1, 3));
    EXPECT_TRUE(gauge->series[0].histograms[0].histogram->gauge);
    const auto stale = read_remote_write(histogram_request(0, {}, {}, stale_marker()));
    EXPECT_EQ(stale->series[0].histograms[0].histogram, nullptr);
    Shop shop;
    EXPECT_TRUE(ingest(*shop, *request).all_taken());
    EXPECT_EQ(*shop.one("h").histograms[0], h);
}

TEST(RemoteWrite, HistogramsThatMakeNoSenseAreRefusedAlone) {
    const auto problem = [](const std::string& body) {
        const auto request = read_remote_write(body);
        EXPECT_TRUE(request);
        EXPECT_EQ(request->refused_histograms, 1u);
        EXPECT_EQ(request->series.size(), 1u);
        return request->problem;
    };
    EXPECT_EQ(problem(histogram_request(-53, {})),
              "series 1: a histogram: schema -53; supported are -4 to 8");
    EXPECT_EQ(problem(histogram_request(0, {{{0, 3}}, {1, 1}, {}})),
              "series 1: a histogram: the spans name 3 buckets, there are 2");
    EXPECT_EQ(problem(histogram_request(0, {{{0, 1}}, {-1}, {}})),
              "series 1: a histogram: a bucket's count is negative or no number");
    EXPECT_EQ(problem(histogram_request(0, {{{0, 1}, {-5, 1}}, {1, 1}, {}})),
              "series 1: a histogram: a span has a negative offset");
    EXPECT_EQ(problem(histogram_request(0, {{{0, 4'000'000'000u}}, {}, {}})),
              "series 1: a histogram: the spans name 4000000000 buckets, there are 0");
    EXPECT_EQ(problem(histogram_request(0, {{{INT32_MAX, 2}}, {1, 1}, {}})),
              "series 1: a histogram: a bucket is out of range");
    EXPECT_EQ(problem(histogram_request(0, {{{0, 2000}}, std::vector<int64_t>(2000, 1), {}})),
              "series 1: a histogram: 2000 buckets; the most are 1024");
}

TEST(RemoteWrite, BadLabelsAreRefusedAlone) {
    const auto problem = [](std::vector<std::pair<std::string, std::string>> pairs) {
        const auto request = read_remote_write(request_of([&](pbf_writer& series) {
            for (const auto& [name, value] : pairs) put_label(series, name, value);
            put_sample(series, 1, kStart);
        }));
        EXPECT_TRUE(request);
        EXPECT_EQ(request->refused_series, 1u);
        EXPECT_TRUE(request->series.empty());
        return request->problem;
    };
    EXPECT_EQ(problem({{"a", "b"}}), "series 1: there is no metric name (__name__)");
    EXPECT_EQ(problem({{"__name__", "x"}, {"a", "1"}, {"a", "2"}}),
              "series 1: the label \"a\" is there twice");
    EXPECT_EQ(problem({{"__name__", "x"}, {"1a", "1"}}), "series 1: \"1a\" is no name of a label");
    EXPECT_EQ(problem({{"__name__", "x y"}}), "series 1: \"x y\" is no name of a metric");
    for (const char* bad : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xe2\x82", "\xf5\x80\x80\x80"})
        EXPECT_EQ(problem({{"__name__", "x"}, {"a", bad}}),
                  "series 1: the value of \"a\" is not UTF-8");
}

TEST(RemoteWrite, BodiesThatCannotBeReadSayWhy) {
    const auto error = [](const std::string& body, const RemoteWriteLimits& limits = {}) {
        const auto request = read_remote_write(body, limits);
        EXPECT_FALSE(request);
        return request ? "" : request.error().message;
    };
    EXPECT_EQ(error("\xff\xff\xff\xff\xff\xff"),
              "the body is not a snappy block: it has no valid length");
    const std::string good = request_of([](pbf_writer& series) {
        put_label(series, "__name__", "x");
        for (int i = 0; i < 100; ++i) put_sample(series, i * 0.7, kStart + i);
    });
    EXPECT_EQ(error(good.substr(0, good.size() - 5)), "the body is not a valid snappy block");
    EXPECT_EQ(error("\x80\x80\x80\x08x"), "the body is too short for what it says to be");
    EXPECT_NE(error(good, {.max_bytes = 100, .max_series = 9}).find("the most are 100"),
              std::string::npos);
    EXPECT_NE(error(good, {.max_bytes = 10'000, .max_series = 0}).find("more than 0 series"),
              std::string::npos);
    EXPECT_NE(error(packed("\x0a\x7f")).find("not a WriteRequest"), std::string::npos);
    EXPECT_NE(error(packed("\x0a\x02\x0a\x05")).find("in series 1"), std::string::npos);
    const auto empty = read_remote_write(packed(""));
    ASSERT_TRUE(empty);
    EXPECT_TRUE(empty->series.empty());
}

TEST(RemoteWrite, DamagedBodiesNeverCrash) {
    Random random(2);
    const std::string good =
        histogram_request(3, {{{2, 2}, {1, 1}}, {3, -1, 4}, {}}, {{{-4, 1}}, {}, {0.5}});
    std::string bytes;
    ASSERT_TRUE(snappy::Uncompress(good.data(), good.size(), &bytes));
    for (int round = 0; round < 5000; ++round) {
        std::string damaged = bytes;
        for (uint64_t k = 0; k <= random.below(3); ++k)
            damaged[random.below(damaged.size())] = static_cast<char>(random.next());
        (void)read_remote_write(packed(damaged));
    }
}

}  // namespace
}  // namespace glassgate::store
