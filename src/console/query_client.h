// QueryClient: asks a running gateway's HTTP API, for the command line.
#pragma once

#include <string>

#include "base/result.h"
#include "store/query/api.h"

namespace glassgate::console {

class QueryClient {
public:
    // url: of the console; user: name:password; token: instead; both may be empty.
    QueryClient(std::string url, std::string user, std::string token);
    ~QueryClient();
    QueryClient(const QueryClient&) = delete;
    QueryClient& operator=(const QueryClient&) = delete;

    // POST /api/v1/query or query_range; the body of the answer, whatever its status. Error: there
    // was none, or not of this API.
    [[nodiscard]] Result<std::string> ask(const store::query::QueryParameters& parameters);

private:
    [[nodiscard]] std::string form_of(const store::query::QueryParameters& parameters) const;
    const std::string url_, user_, token_;
    void* easy_ = nullptr;  // CURL
};

}  // namespace glassgate::console
