// `glassgate rules check` and `glassgate rules test`.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace glassgate::alert {

// The exit status: 0 good, 1 a file is wrong or a test fails, 2 a file cannot be read.
[[nodiscard]] int check_rules(const std::vector<std::string>& files, std::ostream& out,
                              std::ostream& error);
[[nodiscard]] int test_rules(const std::vector<std::string>& files, std::ostream& out,
                             std::ostream& error);

}  // namespace glassgate::alert
