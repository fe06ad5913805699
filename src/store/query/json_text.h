// Results as the JSON of Prometheus' HTTP API, byte for byte.
#pragma once

#include <string>
#include <string_view>

#include "store/query/result.h"

namespace glassgate::store::query {

// {"status":"success","data":{"resultType":"vector","result":[...]}}
void append_success(std::string& out, const QueryResult& result);

// {"status":"error","errorType":"bad_data","error":"..."}
void append_error(std::string& out, const QueryError& error);

// The status that Prometheus answers such an error with.
[[nodiscard]] int http_status(ErrorKind kind) noexcept;

// The parts, for other answers of the API.
void append_json_string(std::string& out, std::string_view text);
void append_labels(std::string& out, const Labels& labels);  // {"__name__":"up","job":"a"}
void append_timestamp(std::string& out, TimeMs time_ms);     // seconds: 1435781451.781

}  // namespace glassgate::store::query
