// The rule files that are part of the program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "alert/rules/rule_file.h"

namespace glassgate::alert {

struct BuiltinFile {
    std::string_view name;  // production, calibrated, watchdog
    std::string_view text;
};
// Generated (cmake/builtin_rules.cmake).
extern const BuiltinFile kBuiltinFiles[];
extern const std::size_t kBuiltinFileCount;

// "builtin:NAME", or "builtin:NAME/GROUP" for one group of it.
inline constexpr std::string_view kBuiltinPrefix = "builtin:";
// What is evaluated unless the configuration says otherwise: the five production rules, what the
// gateway says about itself, and the dead man's switch.
[[nodiscard]] std::vector<std::string> default_rules();

// Error: no such name; the names there are.
[[nodiscard]] Result<std::vector<RuleGroup>> builtin_rules(std::string_view name);

}  // namespace glassgate::alert
