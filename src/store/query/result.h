// What a query gives, or why it gives nothing.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "store/series.h"

namespace glassgate::store::query {

using HistogramPtr = std::shared_ptr<const NativeHistogram>;

// The errorType of Prometheus' HTTP API.
enum class ErrorKind : uint8_t { bad_data, execution, canceled, timeout, internal };
[[nodiscard]] std::string_view name_of(ErrorKind kind) noexcept;

struct QueryError {
    ErrorKind kind = ErrorKind::execution;
    std::string message;
};

template <typename T>
using Outcome = std::expected<T, QueryError>;

[[nodiscard]] inline std::unexpected<QueryError> execution_error(std::string message) {
    return std::unexpected(QueryError{ErrorKind::execution, std::move(message)});
}

struct Sample {
    Labels labels;
    double value = 0;
    HistogramPtr histogram;  // then this is the sample
};

struct ScalarResult {
    double value = 0;
};
struct StringResult {
    std::string text;
};
// In the order the expression gives: of the labels unless it sorts or ranks.
struct VectorResult {
    std::vector<Sample> samples;
};
struct MatrixResult {
    std::vector<Series> series;
};

struct QueryResult {
    std::variant<ScalarResult, StringResult, VectorResult, MatrixResult> value;
    TimeMs at_ms = 0;  // of a scalar, a string, a vector
    std::vector<std::string> warnings;
};

}  // namespace glassgate::store::query
