#include "alert/rules/builtin.h"

#include <algorithm>
#include <span>

namespace glassgate::alert {

std::vector<std::string> default_rules() {
    return {"builtin:production", "builtin:calibrated/flex-gateway-protocols",
            "builtin:calibrated/flex-gateway-self", "builtin:watchdog"};
}

Result<std::vector<RuleGroup>> builtin_rules(std::string_view name) {
    const std::string whole(name);
    name.remove_prefix(std::min(kBuiltinPrefix.size(), name.size()));
    const std::string_view file = name.substr(0, name.find('/'));
    const std::string_view group =
        file.size() < name.size() ? name.substr(file.size() + 1) : std::string_view();
    std::string known;
    for (const BuiltinFile& builtin : std::span(kBuiltinFiles, kBuiltinFileCount)) {
        known += (known.empty() ? "" : ", ") + std::string(builtin.name);
        if (builtin.name != file) continue;
        Diagnostics diagnostics;
        std::vector<RuleGroup> groups =
            read_rule_file("builtin:" + std::string(file), builtin.text, diagnostics);
        if (diagnostics.has_errors()) return failure(to_text(diagnostics.all().front()));
        if (group.empty()) return groups;
        std::erase_if(groups, [&](const RuleGroup& g) { return g.name != group; });
        if (groups.empty())
            return failure("there is no such group in the built-in " + std::string(file));
        return groups;
    }
    return failure("no rules of the name " + quote(whole) + " are built in; there are " + known);
}

}  // namespace glassgate::alert
