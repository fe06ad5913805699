// `glassgate query`: expressions over a file of samples, or asked of a running gateway.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

#include "store/query/api.h"

namespace glassgate::store::query {

// Sends a query to somebody who has the HTTP API; the body of the answer, whatever its status.
// Error: there is no answer.
using Ask = std::function<Result<std::string>(const QueryParameters&)>;

struct CliOptions {
    std::string file{};  // of samples: OpenMetrics or Prometheus' text with timestamps
    Ask ask{};           // instead of a file
    QueryParameters
        parameters{};         // with a start: a range query; without a time: the newest sample's
    std::string batch{};      // a file of requests, one JSON object a line; "-": `in`
    bool json = false;        // as the HTTP API answers, instead of text
    bool parse_only = false;  // print the canonical form
    int64_t lookback_ms = Options{}.lookback_ms;
};

// The exit status: 0 good, 1 the expression or the samples are wrong, 2 the environment failed.
[[nodiscard]] int run_cli(const CliOptions& options, std::istream& in, std::ostream& out,
                          std::ostream& error);

}  // namespace glassgate::store::query
