#include "store/query/engine.h"

#include <algorithm>

#include "store/query/evaluator.h"

namespace glassgate::store::query {
namespace {

// Times beyond this hold no samples, and sums with durations stay within 64 bits.
constexpr TimeMs kTimeMaxMs = TimeMs{1} << 53;

TimeMs bounded(TimeMs time_ms) noexcept { return std::clamp(time_ms, -kTimeMaxMs, kTimeMaxMs); }

VectorResult to_samples(Columns columns) {
    VectorResult out;
    out.samples.reserve(columns.size());
    for (Column& column : columns) {
        Sample& sample = out.samples.emplace_back();
        sample.labels = std::move(column.labels);
        sample.value = column.values[0];
        if (!column.histograms.empty()) sample.histogram = std::move(column.histograms[0]);
    }
    return out;
}

Series to_series(Column column, const Grid& grid) {
    Series out;
    out.labels = std::move(column.labels);
    const bool histograms =
        std::ranges::any_of(column.histograms, [](const HistogramPtr& h) { return h != nullptr; });
    for (std::size_t i = 0; i < grid.steps; ++i) {
        if (is_absent(column.values[i])) continue;
        out.times_ms.push_back(grid.at(i));
        out.values.push_back(column.values[i]);
        if (histograms) out.histograms.push_back(std::move(column.histograms[i]));
    }
    return out;
}

}  // namespace

Outcome<QueryResult> instant_query(const Source& source, const Expr& expr, TimeMs at_ms,
                                   const Options& options) {
    at_ms = bounded(at_ms);
    Evaluator evaluator(source, options, at_ms, at_ms);
    const Grid grid{at_ms, 1, 1};
    QueryResult result;
    result.at_ms = at_ms;
    switch (expr.type) {
        case ValueType::string:
            result.value = StringResult{string_of(expr)};
            break;
        case ValueType::scalar:
            result.value = ScalarResult{TRY(evaluator.scalar(expr, grid))[0]};
            break;
        case ValueType::matrix:
            result.value = MatrixResult{TRY(evaluator.matrix(expr, at_ms))};
            break;
        default:
            result.value = to_samples(TRY(evaluator.vector(expr, grid)));
    }
    return result;
}

Outcome<QueryResult> range_query(const Source& source, const Expr& expr, TimeMs start_ms,
                                 TimeMs end_ms, int64_t step_ms, const Options& options) {
    if (expr.type != ValueType::scalar && expr.type != ValueType::vector)
        return std::unexpected(QueryError{
            ErrorKind::bad_data, "invalid expression type \"" +
                                     std::string(documented_name_of(expr.type)) +
                                     "\" for range query, must be Scalar or instant Vector"});
    if (step_ms <= 0)
        return std::unexpected(QueryError{ErrorKind::bad_data,
                                          "zero or negative query resolution step widths are "
                                          "not accepted. Try a positive integer"});
    start_ms = bounded(start_ms);
    end_ms = bounded(end_ms);
    const Grid grid = Grid::between(start_ms, end_ms, step_ms);
    Evaluator evaluator(source, options, start_ms, end_ms);
    MatrixResult matrix;
    QueryResult result;
    result.at_ms = end_ms;
    if (options.limits.max_samples != 0 && grid.steps > options.limits.max_samples)
        return execution_error(
            "query processing would load too many samples into memory in expression evaluation");
    if (expr.type == ValueType::scalar) {
        Column column;
        column.values = TRY(evaluator.scalar(expr, grid));
        if (grid.steps > 0) matrix.series.push_back(to_series(std::move(column), grid));
    } else {
        Columns columns = TRY(evaluator.vector(expr, grid));
        for (Column& column : columns) matrix.series.push_back(to_series(std::move(column), grid));
    }
    std::ranges::sort(matrix.series, {}, &Series::labels);
    result.value = std::move(matrix);
    return result;
}

Outcome<std::vector<Sample>> evaluate(const Source& source, const Expr& expr, TimeMs at_ms,
                                      const Options& options) {
    QueryResult result = TRY(instant_query(source, expr, at_ms, options));
    if (const auto* scalar = std::get_if<ScalarResult>(&result.value))
        return std::vector<Sample>{Sample{{}, scalar->value, nullptr}};
    if (auto* vector = std::get_if<VectorResult>(&result.value)) return std::move(vector->samples);
    return std::unexpected(
        QueryError{ErrorKind::bad_data, "rule result is not a vector or scalar"});
}

}  // namespace glassgate::store::query
