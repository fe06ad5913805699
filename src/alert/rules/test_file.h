// A rule test, in promtool's format (prometheus.io, "Unit testing for rules").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alert/rules/rule_file.h"
#include "store/series.h"

namespace glassgate::alert {

struct ExpectedAlert {
    store::Labels labels;  // with alertname
    Pairs annotations;
};
struct AlertTest {
    int64_t at_ms = 0;
    std::string alert;
    std::vector<ExpectedAlert> expected;
    Position position;
};
struct ExpectedSample {
    store::Labels labels;
    double value = 0;
};
struct ExpressionTest {
    std::string expression;
    int64_t at_ms = 0;
    std::vector<ExpectedSample> expected;
    Position position;
};
struct TestGroup {
    std::string name;
    int64_t interval_ms = 0;
    std::vector<store::Series> input;  // from time 0 on
    std::vector<AlertTest> alerts;
    std::vector<ExpressionTest> expressions;
    store::Labels external_labels;
    std::string external_url;

    [[nodiscard]] int64_t last_ms() const noexcept;  // the latest time asked for
};
struct RuleTestFile {
    std::vector<std::string> rule_files;  // patterns
    int64_t evaluation_interval_ms = 60'000;
    std::vector<std::string> group_order;
    std::vector<TestGroup> groups;
};

[[nodiscard]] std::optional<RuleTestFile> read_test_file(const std::string& file,
                                                         std::string_view text,
                                                         Diagnostics& diagnostics);

}  // namespace glassgate::alert
