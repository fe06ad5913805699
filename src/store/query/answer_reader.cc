#include "store/query/answer_reader.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "store/query/number_text.h"

namespace glassgate::store::query {
namespace {

using Json = nlohmann::json;

std::unexpected<QueryError> not_an_answer(std::string_view what) {
    return std::unexpected(
        QueryError{ErrorKind::internal, "this is no answer of the HTTP API: " + std::string(what)});
}

// The library throws where a part is missing or of another type; all in one place here.
class AnswerReader {
public:
    static Outcome<QueryResult> read(std::string_view text) {
        const Json json = Json::parse(text, nullptr, false);
        if (!json.is_object()) return not_an_answer(text.substr(0, 80));
        try {
            if (json.at("status") != "success")
                return std::unexpected(QueryError{kind_of(json.at("errorType").get<std::string>()),
                                                  json.at("error").get<std::string>()});
            QueryResult result = read_data(json.at("data"));
            if (const auto found = json.find("warnings"); found != json.end())
                result.warnings = found->get<std::vector<std::string>>();
            return result;
        } catch (const Json::exception& e) {
            return not_an_answer(e.what());
        }
    }

private:
    static ErrorKind kind_of(const std::string& name) {
        for (const ErrorKind kind :
             {ErrorKind::bad_data, ErrorKind::execution, ErrorKind::canceled, ErrorKind::timeout})
            if (name_of(kind) == name) return kind;
        return ErrorKind::internal;
    }
    static TimeMs time_of(const Json& seconds) {
        return static_cast<TimeMs>(std::llround(seconds.get<double>() * 1000));
    }
    static double number_of(const Json& text) {
        return parse_float(text.get<std::string>()).value_or(std::nan(""));
    }
    static HistogramPtr histogram_of(const Json& json) {
        auto histogram = std::make_shared<NativeHistogram>();
        histogram->count = number_of(json.at("count"));
        histogram->sum = number_of(json.at("sum"));
        return histogram;
    }
    static Labels labels_of(const Json& json) {
        Labels labels;
        for (const auto& [name, value] : json.items())
            labels.push_back({name, value.get<std::string>()});
        std::sort(labels.begin(), labels.end());
        return labels;
    }

    static QueryResult read_data(const Json& data) {
        const std::string type = data.at("resultType").get<std::string>();
        const Json& json = data.at("result");
        QueryResult result;
        if (type == "scalar") {
            result.at_ms = time_of(json.at(0));
            result.value = ScalarResult{number_of(json.at(1))};
        } else if (type == "string") {
            result.at_ms = time_of(json.at(0));
            result.value = StringResult{json.at(1).get<std::string>()};
        } else if (type == "vector") {
            read_vector(json, result);
        } else {
            read_matrix(json, result);
        }
        return result;
    }
    static void read_vector(const Json& json, QueryResult& result) {
        VectorResult vector;
        for (const Json& one : json) {
            Sample sample;
            sample.labels = labels_of(one.at("metric"));
            const bool histogram = one.contains("histogram");
            const Json& point = one.at(histogram ? "histogram" : "value");
            result.at_ms = time_of(point.at(0));
            if (histogram)
                sample.histogram = histogram_of(point.at(1));
            else
                sample.value = number_of(point.at(1));
            vector.samples.push_back(std::move(sample));
        }
        result.value = std::move(vector);
    }
    static void read_matrix(const Json& json, QueryResult& result) {
        MatrixResult matrix;
        for (const Json& one : json) matrix.series.push_back(read_series(one));
        result.value = std::move(matrix);
    }
    // Numbers and histograms come apart and are put together by time.
    static Series read_series(const Json& json) {
        struct Point {
            TimeMs t_ms;
            double value;
            HistogramPtr histogram;
        };
        std::vector<Point> points;
        if (const auto found = json.find("values"); found != json.end())
            for (const Json& p : *found)
                points.push_back({time_of(p.at(0)), number_of(p.at(1)), nullptr});
        const auto histograms = json.find("histograms");
        if (histograms != json.end())
            for (const Json& p : *histograms)
                points.push_back({time_of(p.at(0)), 0, histogram_of(p.at(1))});
        std::stable_sort(points.begin(), points.end(),
                         [](const Point& a, const Point& b) { return a.t_ms < b.t_ms; });
        Series series;
        series.labels = labels_of(json.at("metric"));
        for (Point& p : points) {
            series.times_ms.push_back(p.t_ms);
            series.values.push_back(p.value);
            if (histograms != json.end()) series.histograms.push_back(std::move(p.histogram));
        }
        return series;
    }
};

}  // namespace

Outcome<QueryResult> read_answer(std::string_view json) { return AnswerReader::read(json); }

}  // namespace glassgate::store::query
