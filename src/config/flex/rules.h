// rules: lists of {path, methods, host, headers}, regular expressions all of them.
#pragma once

#include <string>
#include <vector>

#include "base/document.h"
#include "proxy/request_rule.h"

namespace glassgate::config::flex {

// Empty: none written, or mistaken ones. `base`: the API's base path, which rules do not repeat;
// empty where there is none or it is not known.
[[nodiscard]] std::vector<proxy::RequestRule> read_rules(const Node* rules, const std::string& base,
                                                         Diagnostics& diagnostics);

}  // namespace glassgate::config::flex
