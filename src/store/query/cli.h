// `glassgate query --file`: expressions over a file of samples, without a gateway.
#pragma once

#include <iosfwd>
#include <string>

#include "store/query/api.h"

namespace glassgate::store::query {

struct CliOptions {
    std::string file{};  // of samples: OpenMetrics or Prometheus' text with timestamps
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
