// A configuration in words: what a request meets on its way. `glassgate check --explain`.
#pragma once

#include <string>

#include "config/load.h"

namespace glassgate::config {

// Listeners, then each route with its policies in order, its upstream and its targets, then what is
// told about it. Ends with a line end. The same configuration gives the same text.
[[nodiscard]] std::string explain(const Configuration& configuration);

// "GET, HEAD"; "any method".
[[nodiscard]] std::string methods_text(MethodSet methods);

// "path /a(/.*)?, methods GET|HEAD"; "any request".
[[nodiscard]] std::string rule_text(const proxy::RequestRule& rule);

// The part about alerting (explain_alerting.cc).
void alerting_text(const alert::Settings& alerting, std::string& out);

}  // namespace glassgate::config
