#include "console/api/prometheus_api.h"

#include <gtest/gtest.h>
#include <snappy.h>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "console/router.h"
#include "store/feed/feed.h"

namespace glassgate::console {
namespace {

using nlohmann::json;
using store::TimeMs;

class PrometheusApiTest : public ::testing::Test {
protected:
    void SetUp() override {
        store::Settings settings;
        settings.background = false;
        auto opened = store::Store::open(settings);
        ASSERT_TRUE(opened) << opened.error().message;
        store_ = std::move(*opened);
        api_.store = store_.get();
        api_.metadata = &metadata_;
        auto router = Router::create(prometheus_routes(api_));
        ASSERT_TRUE(router) << router.error().message;
        router_.emplace(std::move(*router));
        write();
    }
    // Two jobs, a minute, every second; a histogram series without native buckets.
    void write() {
        for (const char* job : {"a", "b"}) {
            store::Feed feed(*store_, {{"instance", "i"}, {"job", job}});
            for (int i = 0; i < 60; ++i) {
                feed.begin(start_ms_ + i * 1000);
                feed.number({"up", {}, {}, {}}, store::SeriesKind::gauge, 1);
                feed.number({"requests_total", {}, "code=\"200\"", {}}, store::SeriesKind::counter,
                            i);
                if (i == 30) feed.exemplar(0.5, start_ms_ + i * 1000, "abc");
                feed.end();
            }
        }
    }
    Response ask(std::string_view path, std::vector<std::pair<std::string, std::string>> parameters,
                 Method method = Method::get) {
        const Router::Match match = router_->find(method, path);
        Response response;
        if (match.route == nullptr) {
            response.status = 404;
            return response;
        }
        Request request;
        request.method = method;
        request.captured = match.captured;
        for (auto& [name, value] : parameters) request.parameters.add(name, value);
        request.body = body_;
        request.headers = headers_;
        match.route->handler(request, response);
        return response;
    }
    json data(std::string_view path, std::vector<std::pair<std::string, std::string>> parameters) {
        const Response response = ask(path, std::move(parameters));
        EXPECT_EQ(response.status, 200) << response.body;
        const json all = json::parse(response.body, nullptr, false);
        EXPECT_EQ(all["status"], "success") << response.body;
        return all["data"];
    }
    json error(std::string_view path, std::vector<std::pair<std::string, std::string>> parameters,
               uint16_t status) {
        const Response response = ask(path, std::move(parameters));
        EXPECT_EQ(response.status, status) << response.body;
        return json::parse(response.body, nullptr, false);
    }
    std::string seconds(int offset) const { return std::to_string(start_ms_ / 1000 + offset); }

    const TimeMs start_ms_ = static_cast<TimeMs>(wall_now_ns() / kNsPerSecond - 120) * 1000;
    std::unique_ptr<store::Store> store_;
    MetadataTable metadata_;
    PrometheusApi api_;
    std::optional<Router> router_;
    std::string body_;
    std::vector<std::pair<std::string, std::string>> headers_;
};

TEST_F(PrometheusApiTest, QueriesAtATimeAndOverARange) {
    const json vector =
        data("/api/v1/query", {{"query", "sum(requests_total)"}, {"time", seconds(10)}});
    EXPECT_EQ(vector["resultType"], "vector");
    EXPECT_EQ(vector["result"][0]["value"][1], "20");
    const json matrix = data("/api/v1/query_range", {{"query", "requests_total{job=\"a\"}"},
                                                     {"start", seconds(0)},
                                                     {"end", seconds(30)},
                                                     {"step", "10"}});
    EXPECT_EQ(matrix["result"][0]["values"].size(), 4u);
    const json short_lookback =
        data("/api/v1/query", {{"query", "up"}, {"time", seconds(70)}, {"lookback_delta", "5s"}});
    EXPECT_EQ(short_lookback["result"].size(), 0u);
}

TEST_F(PrometheusApiTest, LimitsWithAWarning) {
    const Response response =
        ask("/api/v1/query", {{"query", "up"}, {"time", seconds(10)}, {"limit", "1"}});
    const json all = json::parse(response.body);
    EXPECT_EQ(all["data"]["result"].size(), 1u);
    EXPECT_EQ(all["warnings"][0], "results truncated due to limit");
    EXPECT_EQ(error("/api/v1/query", {{"query", "up"}, {"limit", "x"}}, 400)["errorType"],
              "bad_data");
}

TEST_F(PrometheusApiTest, SaysWhatIsWrongAsPrometheusDoes) {
    EXPECT_EQ(error("/api/v1/query", {{"query", "up("}}, 400)["error"],
              "invalid parameter \"query\": 1:4: parse error: unclosed left parenthesis");
    EXPECT_EQ(error("/api/v1/query", {{"query", "up"}, {"time", "x"}}, 400)["errorType"],
              "bad_data");
    EXPECT_EQ(
        error("/api/v1/query", {{"query", "up * on() up"}, {"time", seconds(5)}}, 422)["errorType"],
        "execution");
    EXPECT_EQ(error("/api/v1/query", {{"query", "up"}, {"timeout", "0"}, {"time", seconds(5)}},
                    503)["errorType"],
              "timeout");
    EXPECT_EQ(error("/api/v1/series", {}, 400)["error"], "no match[] parameter provided");
    EXPECT_EQ(error("/api/v1/series", {{"match[]", "{a=~\".*\"}"}}, 400)["error"],
              "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher");
    EXPECT_EQ(
        error("/api/v1/series", {{"match[]", "up"}, {"start", "x"}}, 400)["error"],
        "invalid parameter \"start\": Invalid time value for 'start': cannot parse \"x\" to a "
        "valid timestamp");
    EXPECT_EQ(error("/api/v1/label/a-b/values", {}, 400)["error"], "invalid label name: \"a-b\"");
}

TEST_F(PrometheusApiTest, FindsSeriesAndLabels) {
    EXPECT_EQ(data("/api/v1/series", {{"match[]", "up"}, {"match[]", "{job=\"a\"}"}}).size(), 3u);
    EXPECT_EQ(data("/api/v1/labels", {}), json({"__name__", "code", "instance", "job"}));
    EXPECT_EQ(data("/api/v1/labels", {{"match[]", "up"}}), json({"__name__", "instance", "job"}));
    EXPECT_EQ(data("/api/v1/label/job/values", {}), json({"a", "b"}));
    EXPECT_EQ(data("/api/v1/label/__name__/values", {{"match[]", "{code!=\"\"}"}}),
              json({"requests_total"}));
    EXPECT_EQ(data("/api/v1/label/nothing/values", {}), json::array());
    EXPECT_EQ(data("/api/v1/series", {{"match[]", "up"}, {"end", seconds(-1000)}}), json::array());
}

TEST_F(PrometheusApiTest, ShowsExemplarsOfAllSelectors) {
    const json found =
        data("/api/v1/query_exemplars", {{"query", "sum(rate(requests_total[1m])) / up"},
                                         {"start", seconds(0)},
                                         {"end", seconds(60)}});
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0]["seriesLabels"]["__name__"], "requests_total");
    EXPECT_EQ(found[0]["exemplars"][0]["labels"]["trace_id"], "abc");
    EXPECT_EQ(found[0]["exemplars"][0]["value"], "0.5");
    EXPECT_EQ(ask("/api/v1/query_exemplars", {{"query", "1"}}).status, 204);
    EXPECT_EQ(error("/api/v1/query_exemplars", {{"query", "up"}, {"start", "10"}, {"end", "1"}},
                    400)["error"],
              "end timestamp must not be before start timestamp");
}

TEST_F(PrometheusApiTest, KnowsMetadata) {
    metadata_.add("up", {"gauge", "Up.", ""});
    metadata_.add("up", {"gauge", "Up.", ""});
    metadata_.add("up", {"gauge", "Other words.", ""});
    metadata_.add("x", {"counter", "X.", "seconds"});
    EXPECT_EQ(data("/api/v1/metadata", {}).size(), 2u);
    EXPECT_EQ(data("/api/v1/metadata", {{"metric", "up"}})["up"].size(), 2u);
    EXPECT_EQ(data("/api/v1/metadata", {{"limit", "1"}}).size(), 1u);
    EXPECT_EQ(data("/api/v1/metadata", {{"metric", "x"}})["x"][0]["unit"], "seconds");
    EXPECT_EQ(error("/api/v1/metadata", {{"limit", "x"}}, 400)["error"], "limit must be a number");
}

TEST_F(PrometheusApiTest, SeamsForRulesAndAlerts) {
    EXPECT_EQ(data("/api/v1/rules", {})["groups"].size(), 0u);
    api_.rules = [](const Request& q) {
        return R"({"groups":[{"name":")" + std::string(q.parameters["type"]) + "\"}]}";
    };
    EXPECT_EQ(data("/api/v1/rules", {{"type", "alert"}})["groups"][0]["name"], "alert");
}

TEST_F(PrometheusApiTest, FederatesTheNewest) {
    store::Feed feed(*store_, {});
    const TimeMs now_ms = static_cast<TimeMs>(wall_now_ns() / kNsPerMs) - 1000;
    feed.begin(now_ms);
    feed.number({"bare", {}, "a=\"x\\\"y\"", {}}, store::SeriesKind::gauge, 1.5);
    feed.number({"gone", {}, {}, {}}, store::SeriesKind::gauge, 1);
    feed.end();
    feed.begin(now_ms + 1);
    feed.number({"bare", {}, "a=\"x\\\"y\"", {}}, store::SeriesKind::gauge, 1.5);
    feed.end();
    const Response response =
        ask("/federate", {{"match[]", "bare"}, {"match[]", "gone"}, {"match[]", "up{job=\"a\"}"}});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "# TYPE bare untyped\nbare{a=\"x\\\"y\",instance=\"\"} 1.5 " +
                                 std::to_string(now_ms + 1) +
                                 "\n# TYPE up untyped\nup{instance=\"i\",job=\"a\"} 1 " +
                                 std::to_string(start_ms_ + 59'000) + "\n");
    EXPECT_EQ(ask("/federate", {{"match[]", "x{"}}).status, 400);
    EXPECT_EQ(ask("/federate", {}).body, "");
}

TEST_F(PrometheusApiTest, TakesRemoteWrite) {
    // series {__name__="w"} with one sample
    const auto bytes = [](int field, const std::string& text) {
        return std::string{static_cast<char>(field << 3 | 2), static_cast<char>(text.size())} +
               text;
    };
    const auto sample = [&](TimeMs t_ms) {
        std::string text = {0x09, 0, 0, 0, 0, 0, 0, static_cast<char>(0xf0), 0x3f, 0x10};
        for (auto t = static_cast<uint64_t>(t_ms); t != 0; t >>= 7)
            text += static_cast<char>((t & 0x7f) | (t > 0x7f ? 0x80 : 0));
        return text;
    };
    const auto request = [&](TimeMs t_ms) {
        std::string packed;
        const std::string plain =
            bytes(1, bytes(1, bytes(1, "__name__") + bytes(2, "w")) + bytes(2, sample(t_ms)));
        snappy::Compress(plain.data(), plain.size(), &packed);
        return packed;
    };
    const auto write = [&](const std::string& body) {
        body_ = body;
        return ask("/api/v1/write", {}, Method::post);
    };
    headers_ = {{"Content-Type", "application/x-protobuf"}, {"Content-Encoding", "snappy"}};
    EXPECT_EQ(write(request(start_ms_ + 50'000)).status, 204);
    EXPECT_EQ(
        data("/api/v1/query", {{"query", "w"}, {"time", seconds(50)}})["result"][0]["value"][1],
        "1");
    const Response late = write(request(start_ms_ + 40'000));
    EXPECT_EQ(late.status, 400);
    EXPECT_NE(late.body.find("w: older than the newest sample"), std::string::npos) << late.body;
    EXPECT_EQ(write("not snappy at all").status, 400);
    headers_[1].second = "zstd";
    EXPECT_EQ(write(request(start_ms_ + 51'000)).status, 415);
    headers_ = {{"Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"}};
    EXPECT_EQ(write(request(start_ms_ + 51'000)).status, 415);
    headers_ = {{"Content-Type", "application/json"}};
    EXPECT_EQ(write("{}").status, 415);
}

TEST_F(PrometheusApiTest, ListsTargets) {
    api_.targets = [] {
        ScrapeTarget target;
        target.job = "siblings";
        target.url = "http://b:9090/metrics";
        target.labels = {{"instance", "b:9090"}, {"job", "siblings"}};
        target.interval_ms = target.timeout_ms = 5000;
        return std::vector{target};
    };
    const json targets = data("/api/v1/targets", {});
    EXPECT_EQ(targets["activeTargets"][0]["health"], "unknown");
    EXPECT_EQ(targets["activeTargets"][0]["scrapeInterval"], "5s");
    EXPECT_EQ(data("/api/v1/targets", {{"state", "dropped"}})["activeTargets"].size(), 0u);
    EXPECT_NE(data("/api/v1/status/config", {})["yaml"].get<std::string>().find("siblings"),
              std::string::npos);
}

TEST_F(PrometheusApiTest, TellsAboutItself) {
    EXPECT_EQ(data("/api/v1/status/buildinfo", {})["version"], "2.42.0");
    EXPECT_EQ(data("/api/v1/status/runtimeinfo", {})["storageRetention"], "90d");
    EXPECT_EQ(data("/api/v1/status/flags", {})["query.lookback-delta"], "5m");
    const json tsdb = data("/api/v1/status/tsdb", {});
    EXPECT_EQ(tsdb["headStats"]["numSeries"], 4);
    EXPECT_EQ(tsdb["seriesCountByMetricName"][0]["value"], 2);
    EXPECT_EQ(tsdb["headStats"]["minTime"], start_ms_);
}

}  // namespace
}  // namespace glassgate::console
