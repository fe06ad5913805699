// The three formats. Real consumers judge them in tests/e2e; here is what they must not have to.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <protozero/pbf_reader.hpp>

#include "telemetry/metrics/number_text.h"
#include "telemetry/metrics/process.h"
#include "telemetry/metrics/scene_test.h"

namespace glassgate::telemetry {
namespace {

using scene::Call;
using scene::expose;
using scene::Shop;
using enum Exposition;

constexpr double kInf = std::numeric_limits<double>::infinity();

bool contains(const std::string& text, std::string_view line) {
    return text.find(line) != std::string::npos;
}

template <typename... Arguments>
std::string text_of(void (*append)(std::string&, Arguments...),
                    std::type_identity_t<Arguments>... arguments) {
    std::string out;
    append(out, arguments...);
    return out;
}

TEST(NumberText, ReadsBackAsTheSameNumber) {
    const auto number = [](double value) {
        std::string out;
        append_number(out, value);
        return out;
    };
    EXPECT_EQ(number(0), "0");
    EXPECT_EQ(number(-3), "-3");
    EXPECT_EQ(number(0.1), "0.1");
    EXPECT_EQ(number(642.5), "642.5");
    EXPECT_EQ(number(1e300), "1e+300");
    EXPECT_EQ(number(9007199254740992.0), "9007199254740992");
    EXPECT_EQ(number(std::nan("")), "NaN");
    EXPECT_EQ(number(kInf), "+Inf");
    EXPECT_EQ(number(-kInf), "-Inf");
    EXPECT_EQ(text_of(append_canonical_edge, 500.0), "500.0");
    EXPECT_EQ(text_of(append_canonical_edge, 2.5), "2.5");
}

TEST(NumberText, LabelValuesAreEscapedAndMended) {
    EXPECT_EQ(text_of(append_label_value, "plain"), "plain");
    EXPECT_EQ(text_of(append_label_value, "a\"b\\c\nd"), R"(a\"b\\c\nd)");
    EXPECT_EQ(text_of(append_label_value, "Grüße €\xF0\x9F\x98\x80"), "Grüße €\xF0\x9F\x98\x80");
    const std::string_view broken[] = {"\xFF",         "\xC0\xAF",
                                       "\xED\xA0\x80", "\xF5\x80\x80\x80",
                                       "\xE2\x82",     std::string_view("\0", 1)};
    for (const std::string_view bytes : broken) {
        EXPECT_FALSE(is_clean_label(bytes));
        EXPECT_TRUE(text_of(append_label_value, bytes).starts_with("\xEF\xBF\xBD"));
        EXPECT_TRUE(is_clean_label(text_of(append_utf8, bytes)));
    }
}

External external(std::string name, MetricType type, std::vector<Sample> samples) {
    return {std::move(name), "Told by \"somebody\" with a \\ and\na newline.", type,
            [samples = std::move(samples)](std::vector<Sample>& out) {
                out.insert(out.end(), samples.begin(), samples.end());
            }};
}

struct Externals : testing::Test {
    MetricsRegistry registry{1, {}};

    Externals() {
        registry.add_external(
            external("flex_circuit_breaker_state", MetricType::gauge,
                     {{{{"route", "product-catalog"}, {"upstream", "product-service"}}, 2},
                      {{{"route", "a\"b\\c\nd\xFF"}, {"upstream", "cart"}}, 1}}));
        registry.add_external(external("flex_telemetry_records_total", MetricType::counter,
                                       {{{{"sink", "otlp"}, {"outcome", "lost"}}, 12345678901}}));
        registry.add_external(external("flex_odd", MetricType::unknown, {{{}, std::nan("")}}));
        registry.add_external(external("flex_high", MetricType::gauge, {{{}, kInf}}));
        registry.add_external(external("flex_low", MetricType::gauge, {{{}, -kInf}}));
        registry.add_external(external("flex_silent", MetricType::gauge, {}));
        registry.add_external(build_info("1.2.3", "abcdef"));
    }
};

TEST_F(Externals, InText) {
    const std::string text = expose(registry, text_0_0_4);
    EXPECT_TRUE(contains(
        text,
        "# HELP flex_circuit_breaker_state Told by \"somebody\" with a \\\\ and\\na newline.\n"
        "# TYPE flex_circuit_breaker_state gauge\n"
        "flex_circuit_breaker_state{route=\"product-catalog\",upstream=\"product-service\"} 2\n"
        "flex_circuit_breaker_state{route=\"a\\\"b\\\\c\\nd\xEF\xBF\xBD\",upstream=\"cart\"} 1\n"));
    EXPECT_TRUE(
        contains(text,
                 "# TYPE flex_telemetry_records_total counter\n"
                 "flex_telemetry_records_total{sink=\"otlp\",outcome=\"lost\"} 12345678901\n"));
    EXPECT_TRUE(contains(text, "# TYPE flex_odd untyped\nflex_odd NaN\n"));
    EXPECT_TRUE(contains(text, "\nflex_high +Inf\n"));
    EXPECT_TRUE(contains(text, "\nflex_low -Inf\n"));
    EXPECT_FALSE(contains(text, "flex_silent"));
    EXPECT_TRUE(
        contains(text, "# HELP flex_build_info Always 1; the labels say what is running.\n"));
    EXPECT_TRUE(contains(text, "\nflex_build_info{version=\"1.2.3\",revision=\"abcdef\"} 1\n"));
}

TEST_F(Externals, InOpenMetrics) {
    const std::string text = expose(registry, open_metrics);
    EXPECT_TRUE(contains(text,
                         "# HELP flex_circuit_breaker_state Told by \\\"somebody\\\" with a \\\\ "
                         "and\\na newline.\n"));
    EXPECT_TRUE(
        contains(text,
                 "# TYPE flex_telemetry_records counter\n"
                 "flex_telemetry_records_total{sink=\"otlp\",outcome=\"lost\"} 12345678901\n"));
    EXPECT_TRUE(contains(text, "# TYPE flex_odd unknown\nflex_odd NaN\n"));
    EXPECT_TRUE(text.ends_with("\n# EOF\n"));
    EXPECT_EQ(text.find("# EOF"), text.size() - 6);
}

// What metrics.proto says, read by field number.
struct Family {
    std::string name, help;
    int type = -1;
    std::vector<std::string> metrics;
};
std::map<std::string, Family> decode(std::string_view bytes) {
    std::map<std::string, Family> families;
    while (!bytes.empty()) {
        const char* p = bytes.data();
        const uint64_t size = protozero::decode_varint(&p, bytes.data() + bytes.size());
        bytes.remove_prefix(static_cast<std::size_t>(p - bytes.data()));
        Family family;
        protozero::pbf_reader message(bytes.data(), size);
        while (message.next()) {
            switch (message.tag()) {
                case 1:
                    family.name = message.get_string();
                    break;
                case 2:
                    family.help = message.get_string();
                    break;
                case 3:
                    family.type = message.get_enum();
                    break;
                case 4:
                    family.metrics.push_back(message.get_string());
                    break;
                default:
                    ADD_FAILURE() << "field " << message.tag();
            }
        }
        bytes.remove_prefix(size);
        EXPECT_TRUE(families.emplace(family.name, family).second)
            << family.name << " is there twice";
    }
    return families;
}
// The labels of a metric as a=b,c=d, and its value message.
std::pair<std::string, std::string> labels_and_value(const std::string& metric,
                                                     protozero::pbf_tag_type field) {
    std::string labels, value;
    protozero::pbf_reader reader(metric);
    while (reader.next()) {
        if (reader.tag() != 1) {
            EXPECT_EQ(reader.tag(), field);
            value = reader.get_string();
            continue;
        }
        protozero::pbf_reader label = reader.get_message();
        while (label.next()) {
            if (label.tag() == 1)
                labels.append(labels.empty() ? "" : ",").append(label.get_string()).append("=");
            else
                labels.append(label.get_string());
        }
    }
    return {labels, value};
}
double number(const std::string& value) {
    protozero::pbf_reader reader(value);
    EXPECT_TRUE(reader.next(1));
    return reader.get_double();
}

TEST_F(Externals, InProtobuf) {
    const auto families = decode(expose(registry, protobuf));
    const Family& breakers = families.at("flex_circuit_breaker_state");
    EXPECT_EQ(breakers.type, 1);
    EXPECT_EQ(breakers.help, "Told by \"somebody\" with a \\ and\na newline.");
    ASSERT_EQ(breakers.metrics.size(), 2u);
    const auto [labels, value] = labels_and_value(breakers.metrics[1], 2);
    EXPECT_EQ(labels, "route=a\"b\\c\nd\xEF\xBF\xBD,upstream=cart");
    EXPECT_EQ(number(value), 1);
    EXPECT_EQ(families.at("flex_telemetry_records_total").type, 0);
    EXPECT_EQ(
        number(labels_and_value(families.at("flex_telemetry_records_total").metrics[0], 3).second),
        12345678901);
    EXPECT_EQ(families.at("flex_odd").type, 3);
    EXPECT_TRUE(std::isnan(number(labels_and_value(families.at("flex_odd").metrics[0], 5).second)));
    EXPECT_EQ(number(labels_and_value(families.at("flex_high").metrics[0], 2).second), kInf);
    EXPECT_EQ(number(labels_and_value(families.at("flex_low").metrics[0], 2).second), -kInf);
    EXPECT_FALSE(families.contains("flex_silent"));
}

TEST_F(Externals, OfOneNameAreOneFamilyAndCanBeAsked) {
    registry.add_external(external("flex_circuit_breaker_state", MetricType::gauge,
                                   {{{{"route", "cart"}, {"upstream", "cart"}}, 0}}));
    const auto families = decode(expose(registry, protobuf));
    EXPECT_EQ(families.at("flex_circuit_breaker_state").metrics.size(), 3u);
    EXPECT_EQ(registry.value("flex_circuit_breaker_state",
                             {{"upstream", "product-service"}, {"route", "product-catalog"}}),
              2);
    EXPECT_EQ(
        registry.value("flex_telemetry_records_total", {{"sink", "otlp"}, {"outcome", "lost"}}),
        12345678901);
    EXPECT_EQ(registry.value("flex_telemetry_records_total", {{"sink", "otlp"}}), 0);
}

TEST(Protobuf, RequestFamilies) {
    Shop shop;
    Call(shop.plan)
        .ended(model::Ending::rate_limited)
        .took_ms(1500)
        .traced(0xAB)
        .through(shop.worker(), 3);
    const auto families = decode(expose(shop.registry, protobuf));
    EXPECT_EQ(families.at("flex_rate_limit_exceeded").type, 3);
    EXPECT_EQ(families.at("flex_requests_total").type, 0);
    EXPECT_EQ(families.at("flex_request_duration_ms").type, 4);
    EXPECT_EQ(families.at("flex_request_duration_seconds").type, 4);
    for (const auto& metric : families.at("flex_rate_limit_exceeded").metrics) {
        const auto [labels, value] = labels_and_value(metric, 5);
        const bool mine = labels == "route=product-catalog,method=GET,path=/api/products";
        EXPECT_EQ(number(value), mine ? 3 : 0) << labels;
    }
}

// The native histogram: one positive span of one bucket, whose number is Prometheus' for 1.5 s.
TEST(Protobuf, NativeHistogram) {
    Shop shop;
    Call(shop.plan).took_ms(1500).traced(0xAB).through(shop.worker(), 3);
    Call(shop.plan).took_ns(10).through(shop.worker());
    const auto families = decode(expose(shop.registry, protobuf));
    for (const auto& metric : families.at("flex_request_duration_seconds").metrics) {
        const auto [labels, value] = labels_and_value(metric, 7);
        if (labels != "route=product-catalog,method=GET,path=/api/products") continue;
        protozero::pbf_reader histogram(value);
        uint64_t count = 0, zero = 0;
        int schema = 0, offset = 0;
        uint32_t length = 0, exemplars = 0;
        std::vector<int64_t> deltas;
        double sum = 0, threshold = 0;
        std::vector<std::pair<double, uint64_t>> buckets;
        while (histogram.next()) {
            switch (histogram.tag()) {
                case 1:
                    count = histogram.get_uint64();
                    break;
                case 2:
                    sum = histogram.get_double();
                    break;
                case 3: {
                    protozero::pbf_reader bucket = histogram.get_message();
                    auto& [edge, cumulative] = buckets.emplace_back();
                    while (bucket.next()) {
                        if (bucket.tag() == 1)
                            cumulative = bucket.get_uint64();
                        else if (bucket.tag() == 2)
                            edge = bucket.get_double();
                        else
                            bucket.skip();
                    }
                    break;
                }
                case 5:
                    schema = histogram.get_sint32();
                    break;
                case 6:
                    threshold = histogram.get_double();
                    break;
                case 7:
                    zero = histogram.get_uint64();
                    break;
                case 12: {
                    protozero::pbf_reader span = histogram.get_message();
                    while (span.next()) {
                        if (span.tag() == 1)
                            offset = span.get_sint32();
                        else
                            length = span.get_uint32();
                    }
                    break;
                }
                case 13:
                    deltas.push_back(histogram.get_sint64());
                    break;
                case 16:
                    ++exemplars;
                    histogram.skip();
                    break;
                default:
                    ADD_FAILURE() << "field " << histogram.tag();
            }
        }
        EXPECT_EQ(count, 4u);
        EXPECT_DOUBLE_EQ(sum, 4.50000001);
        EXPECT_EQ(schema, 5);
        EXPECT_EQ(threshold, 0x1p-17);
        EXPECT_EQ(zero, 1u);
        EXPECT_EQ(offset, static_cast<int>(std::ceil(std::log2(1.5) * 32)));
        EXPECT_EQ(length, 1u);
        EXPECT_EQ(deltas, std::vector<int64_t>{3});
        EXPECT_EQ(exemplars, 1u);
        const std::pair<double, uint64_t> one{1, 1}, four{4, 4};
        EXPECT_NE(std::find(buckets.begin(), buckets.end(), one), buckets.end());
        EXPECT_NE(std::find(buckets.begin(), buckets.end(), four), buckets.end());
        return;
    }
    FAIL() << "no such series";
}

// Neighbours, gaps of one, two and three buckets, another octave: spans and differences read back
// as Prometheus reads them.
TEST(Protobuf, SpansOfNativeHistograms) {
    Shop shop;
    std::map<int, int64_t> expected;  // Prometheus' number of the bucket -> count
    int64_t count = 0;
    for (const int index : {-64, -63, -61, -58, -54, -20, 31, 33, 70}) {
        const auto middle = static_cast<uint64_t>(std::exp2((index - 0.5) / 32) * 1e9);
        Call(shop.plan).took_ns(middle).through(shop.worker(), static_cast<unsigned>(++count));
        expected[index] = count;
    }
    std::map<int, int64_t> found;
    const auto families = decode(expose(shop.registry, protobuf));
    for (const auto& metric : families.at("flex_request_duration_seconds").metrics) {
        const auto [labels, value] = labels_and_value(metric, 7);
        if (labels != "route=product-catalog,method=GET,path=/api/products") continue;
        std::vector<int64_t> deltas;
        for (protozero::pbf_reader r(value); r.next();) {
            if (r.tag() == 13)
                deltas.push_back(r.get_sint64());
            else
                r.skip();
        }
        std::size_t next = 0;
        int index = 0;
        int64_t now = 0;
        for (protozero::pbf_reader r(value); r.next();) {
            if (r.tag() != 12) {
                r.skip();
                continue;
            }
            protozero::pbf_reader span = r.get_message();
            ASSERT_TRUE(span.next(1));
            index += span.get_sint32();
            ASSERT_TRUE(span.next(2));
            for (uint32_t length = span.get_uint32(); length > 0; --length, ++index) {
                ASSERT_LT(next, deltas.size());
                now += deltas[next++];
                if (now != 0) found[index] = now;
            }
        }
        EXPECT_EQ(next, deltas.size());
    }
    EXPECT_EQ(found, expected);
}

TEST(OpenMetrics, ExemplarsOfSampledExchangesOnTheNativeFamilyOnly) {
    Shop shop;
    Call(shop.plan).took_ms(1500).traced(0xAB).through(shop.worker());
    Call unsampled(shop.plan);
    unsampled.took_ms(1).traced(0xCD).record().sampled = false;
    unsampled.through(shop.worker());
    const std::string text = expose(shop.registry, open_metrics);
    EXPECT_TRUE(contains(
        text,
        R"(flex_request_duration_seconds_bucket{route="product-catalog",method="GET",path="/api/products",le="4.0"} 2 # {trace_id="abababababababababababababababab"} 1.5 1795770863.623)"));
    EXPECT_FALSE(contains(text, "cdcdcdcd"));
    EXPECT_TRUE(contains(
        text,
        R"(flex_request_duration_ms_bucket{route="product-catalog",method="GET",path="/api/products",le="500.0"} 1)"
        "\n"));
    EXPECT_FALSE(contains(expose(shop.registry, text_0_0_4), "trace_id"));
}

TEST(OpenMetrics, TracesKeptAtCloseAreExemplarsToo) {
    Shop shop;
    const auto keeping = std::make_shared<model::PlanNames>(*shop.plan);
    keeping->keep = {true, 500 * kNsPerMs};
    shop.apply(keeping);
    const auto unsampled = [&](uint8_t id, double ms, model::Ending ending) {
        Call call(shop.plan);
        call.took_ms(ms).traced(id).ended(ending).record().sampled = false;
        call.through(shop.worker());
    };
    unsampled(0xAB, 3, model::Ending::upstream_reset);
    unsampled(0xCD, 900, model::Ending::completed);
    unsampled(0xEF, 70, model::Ending::completed);
    const std::string text = expose(shop.registry, open_metrics);
    EXPECT_TRUE(contains(text, "trace_id=\"abababab"));
    EXPECT_TRUE(contains(text, "trace_id=\"cdcdcdcd"));
    EXPECT_FALSE(contains(text, "trace_id=\"efefefef"));
}

TEST(OpenMetrics, CountersLoseTotalInTheFamilyUnlessTheStemIsTaken) {
    Shop shop;
    const std::string text = expose(shop.registry, open_metrics);
    EXPECT_TRUE(contains(text, "# TYPE flex_requests counter\nflex_requests_total{"));
    EXPECT_TRUE(contains(text, "# TYPE flex_connections gauge\n"));
    EXPECT_TRUE(contains(text, "# TYPE flex_connections_total unknown\nflex_connections_total{"));
}

TEST(Expose, AppendsToWhatIsThere) {
    Shop shop;
    for (const Exposition exposition : {text_0_0_4, open_metrics, protobuf}) {
        std::string out = "before";
        shop.registry.expose(exposition, out);
        EXPECT_TRUE(out.starts_with("before"));
        EXPECT_GT(out.size(), 1000u);
    }
}

TEST(Process, NumbersAreThisProcesses) {
    const ProcessNumbers numbers = read_process_numbers();
    EXPECT_GT(numbers.resident_bytes, 1e6);
    EXPECT_GE(numbers.virtual_bytes, numbers.resident_bytes);
    EXPECT_GE(numbers.open_fds, 3);
    EXPECT_GE(numbers.max_fds, numbers.open_fds);
    const double now = static_cast<double>(wall_now_ns()) / 1e9;
    EXPECT_LE(numbers.start_time_seconds, now + 2);
    EXPECT_GT(numbers.start_time_seconds, now - 3600);
}

}  // namespace
}  // namespace glassgate::telemetry
