#include "store/query/cli.h"

#include <algorithm>
#include <fstream>
#include <istream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "store/open_metrics_source.h"
#include "store/query/answer_reader.h"
#include "store/query/json_text.h"
#include "store/query/label_sets.h"
#include "store/query/number_text.h"
#include "store/query/parser.h"

namespace glassgate::store::query {
namespace {

TimeMs newest_ms(const MemorySource& source) {
    TimeMs newest = std::numeric_limits<TimeMs>::min();
    for (const Series& series : source.all()) newest = std::max(newest, series.times_ms.back());
    return source.all().empty() ? 0 : newest;
}

// name{a="b"}; {} without any label.
std::string series_text(const Labels& labels) {
    std::string name(value_of(labels, kMetricName));
    Labels others = labels;
    drop_name(others);
    if (!name.empty() && others.empty()) return name;
    return name + labels_text(others);
}

void append_line(std::string& out, double value, const HistogramPtr& histogram, TimeMs at_ms) {
    if (histogram) {
        out += "{count:" + general_text(histogram->count) +
               ", sum:" + general_text(histogram->sum) + "}";
    } else {
        append_fixed(out, value);
    }
    out += " @[";
    append_timestamp(out, at_ms);
    out += "]\n";
}

void append_text(std::string& out, const QueryResult&, const StringResult& string) {
    out += string.text + "\n";
}

void append_text(std::string& out, const QueryResult& result, const ScalarResult& scalar) {
    out += "scalar: ";
    append_line(out, scalar.value, nullptr, result.at_ms);
}

void append_text(std::string& out, const QueryResult& result, const VectorResult& vector) {
    for (const Sample& sample : vector.samples) {
        out += series_text(sample.labels) + " => ";
        append_line(out, sample.value, sample.histogram, result.at_ms);
    }
}

void append_text(std::string& out, const QueryResult&, const MatrixResult& matrix) {
    for (const Series& series : matrix.series) {
        out += series_text(series.labels) + " =>\n";
        for (std::size_t i = 0; i < series.times_ms.size(); ++i)
            append_line(out, series.values[i],
                        series.histograms.empty() ? nullptr : series.histograms[i],
                        series.times_ms[i]);
    }
}

// Answers from a source, as the HTTP API does.
Ask ask_source(const Source& source, TimeMs now_ms, const Options& options) {
    return [&source, now_ms, options](const QueryParameters& parameters) -> Result<std::string> {
        const auto result = parameters.start.empty()
                                ? answer_query(source, parameters, now_ms, options)
                                : answer_query_range(source, parameters, options);
        std::string text;
        if (result)
            append_success(text, *result);
        else
            append_error(text, result.error());
        return text;
    };
}

int no_answer(const Error& problem, std::ostream& error) {
    error << "glassgate: " << problem.message << '\n';
    return 2;
}

// {"query":"up","time":"10"} or {"query":"up","start":"0","end":"10","step":"1"}.
// {"format":"sum(up)"} asks for the canonical form.
std::optional<QueryParameters> request_of(const std::string& line, std::string& format) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    QueryParameters made;
    const auto set = [&](const char* name, std::string& into) {
        const auto found = json.find(name);
        if (found == json.end()) return true;
        if (!found->is_string()) return false;
        into = found->get<std::string>();
        return true;
    };
    const bool good = set("query", made.query) && set("format", format) && set("time", made.time) &&
                      set("start", made.start) && set("end", made.end) && set("step", made.step) &&
                      set("timeout", made.timeout);
    return good ? std::optional(std::move(made)) : std::nullopt;
}

void append_format(std::string& out, const std::string& expression) {
    const auto parsed = answer_format(expression);
    if (!parsed) return append_error(out, parsed.error());
    out += "{\"status\":\"success\",\"data\":";
    append_json_string(out, *parsed);
    out += '}';
}

// One answer a line, as the HTTP API gives it.
int run_batch(const Ask& ask, std::istream& in, std::ostream& out, std::ostream& error) {
    std::string line, text;
    for (std::size_t number = 1; std::getline(in, line); ++number) {
        std::string format;
        const auto request = request_of(line, format);
        if (!request) {
            error << "glassgate: request " << number << " is not an object of strings\n";
            return 1;
        }
        text.clear();
        if (!format.empty()) {
            append_format(text, format);
        } else {
            auto answer = ask(*request);
            if (!answer) return no_answer(answer.error(), error);
            text = *std::move(answer);
        }
        out << text << '\n';
    }
    return 0;
}

int print_canonical(const std::string& expression, std::ostream& out, std::ostream& error) {
    const auto parsed = parse(expression);
    if (parsed)
        out << to_text(**parsed) << '\n';
    else
        error << parsed.error().to_text_with_caret(expression) << '\n';
    return parsed ? 0 : 1;
}

int run_one(const Ask& ask, const CliOptions& options, std::ostream& out, std::ostream& error) {
    const std::string& expression = options.parameters.query;
    if (const auto parsed = parse(expression); !parsed && !options.json) {
        error << parsed.error().to_text_with_caret(expression) << '\n';
        return 1;
    }
    const auto answer = ask(options.parameters);
    if (!answer) return no_answer(answer.error(), error);
    const auto result = read_answer(*answer);
    if (options.json) {
        out << *answer << '\n';
        return result ? 0 : 1;
    }
    if (!result) {
        error << "glassgate: " << result.error().message << '\n';
        return result.error().kind == ErrorKind::internal ? 2 : 1;
    }
    for (const std::string& warning : result->warnings)
        error << "glassgate: warning: " << warning << '\n';
    std::string text;
    std::visit([&](const auto& value) { append_text(text, *result, value); }, result->value);
    out << text;
    return 0;
}

int run(const Ask& ask, const CliOptions& options, std::istream& in, std::ostream& out,
        std::ostream& error) {
    if (options.batch.empty()) return run_one(ask, options, out, error);
    if (options.batch == "-") return run_batch(ask, in, out, error);
    std::ifstream requests(options.batch);
    if (!requests) {
        error << "glassgate: cannot open " << options.batch << '\n';
        return 2;
    }
    return run_batch(ask, requests, out, error);
}

}  // namespace

int run_cli(const CliOptions& options, std::istream& in, std::ostream& out, std::ostream& error) {
    if (options.parse_only) return print_canonical(options.parameters.query, out, error);
    if (options.ask) return run(options.ask, options, in, out, error);
    const auto source = read_samples_file(options.file);
    if (!source) {
        error << "glassgate: " << source.error().message << '\n';
        return source.error().message.starts_with("open ") ? 2 : 1;
    }
    Options engine_options;
    engine_options.lookback_ms = options.lookback_ms;
    return run(ask_source(*source, newest_ms(*source), engine_options), options, in, out, error);
}

}  // namespace glassgate::store::query
