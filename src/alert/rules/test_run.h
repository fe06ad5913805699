// Runs rule tests as promtool does: same evaluation times, same comparisons, same verdicts.
#pragma once

#include <string>
#include <vector>

#include "alert/rules/rule_file.h"
#include "alert/rules/test_file.h"

namespace glassgate::alert {

// What is wrong, a text each; none: passed.
[[nodiscard]] std::vector<std::string> run_test(const TestGroup& test, const RuleTestFile& file,
                                                const std::vector<RuleGroup>& groups);

}  // namespace glassgate::alert
