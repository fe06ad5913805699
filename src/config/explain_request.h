// What happens to one request under a configuration, without sending it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/load.h"

namespace glassgate::config {

// `request`: "GET http://host:port/path"; the host may be any, the port says which listener.
// `headers`: "name: value". In words: the listener, the route and why, the policies that run in
// their order, the upstream with the path it gets. The Error says what is wrong with the request.
[[nodiscard]] Result<std::string> explain_request(const Configuration& configuration,
                                                  std::string_view request,
                                                  const std::vector<std::string>& headers);

}  // namespace glassgate::config
