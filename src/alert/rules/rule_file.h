// Rule files as Prometheus 2.42 reads them: groups of recording and alerting rules.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alert/template/template.h"
#include "base/document.h"
#include "store/labels.h"
#include "store/query/expr.h"

namespace glassgate::alert {

using Pairs = std::vector<std::pair<std::string, std::string>>;  // sorted by name

struct Rule {
    enum class Kind : uint8_t { recording, alerting };
    Kind kind = Kind::alerting;
    std::string name;  // of the alert, or of the series recorded
    std::shared_ptr<const store::query::Expr> expr;
    std::string query;  // the expression's canonical text
    int64_t for_ms = 0;
    int64_t keep_firing_for_ms = 0;
    store::Labels labels;  // as written: of alerting rules templates
    Pairs annotations;     // as written
    // Of alerting rules: in the order of labels and annotations.
    std::vector<Template> label_templates, annotation_templates;
    Position at;

    // Says the same, so that what is known of it stays true. Where it stands does not matter.
    [[nodiscard]] bool same_as(const Rule& other) const;
};
using RulePtr = std::shared_ptr<const Rule>;

struct RuleGroup {
    std::string file, name;
    int64_t interval_ms = 0;  // 0: the default
    int64_t limit = 0;        // of alerts or series a rule may give; 0: none
    std::vector<RulePtr> rules;
    Position at;
};

// One file. All mistakes are reported, with Prometheus' words where it has some; nothing of a file
// with mistakes should be used.
[[nodiscard]] std::vector<RuleGroup> read_rule_file(const std::string& file, std::string_view text,
                                                    Diagnostics& diagnostics);

// Rules that record into the same series, or alert under the same name and labels: a warning,
// as promtool gives; both are evaluated. Over all groups together.
void check_duplicates(const std::vector<RuleGroup>& groups, Diagnostics& diagnostics);

}  // namespace glassgate::alert
