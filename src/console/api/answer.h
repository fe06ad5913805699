// Answers in the envelope of Prometheus' HTTP API: {"status":"success","data":...}.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "console/request.h"
#include "store/query/result.h"

namespace glassgate::console {

using Warnings = std::vector<std::string>;

// `data`: JSON; empty: 204, as Prometheus answers where it has none.
void answer_success(Response& response, std::string_view data, const Warnings& warnings = {});
void answer_error(Response& response, const store::query::QueryError& error);
// 400, bad_data.
void answer_bad_data(Response& response, std::string message);
void answer_bad_parameter(Response& response, std::string_view name, const std::string& message);

// ["a","b"]
[[nodiscard]] std::string json_strings(const std::vector<std::string>& all);

// Builds {"a":...,"b":...}; values that are text are quoted.
class JsonObject {
public:
    JsonObject& text(std::string_view key, std::string_view value);
    JsonObject& raw(std::string_view key, std::string_view json);
    [[nodiscard]] std::string done() { return out_ + '}'; }

private:
    void key(std::string_view name);
    std::string out_ = "{";
};

}  // namespace glassgate::console
