#include "alert/rules/rule_file.h"

#include <gtest/gtest.h>

#include "alert/rules/builtin.h"

namespace glassgate::alert {
namespace {

std::string mistakes(const std::string& text) {
    Diagnostics diagnostics;
    std::vector<RuleGroup> groups = read_rule_file("r.yml", text, diagnostics);
    check_duplicates(groups, diagnostics);
    std::string out;
    for (const Diagnostic& d : diagnostics.all()) out += to_text(d) + "\n";
    return out;
}

TEST(RuleFile, ReadsEverything) {
    Diagnostics diagnostics;
    const auto groups = read_rule_file("r.yml", R"(groups:
  - name: a
    interval: 30s
    limit: 5
    rules:
      - record: x:y
        expr: sum( up )
        labels: {l: 1}
      - alert: Down
        expr: up == 0
        for: 1m30s
        keep_firing_for: 5m
        labels: {severity: critical, at: "{{ $labels.instance }}"}
        annotations: {summary: "{{ $value }}"}
  - name: empty
)",
                                       diagnostics);
    EXPECT_FALSE(diagnostics.has_errors());
    ASSERT_EQ(groups.size(), 2u);
    EXPECT_EQ(groups[0].interval_ms, 30'000);
    EXPECT_EQ(groups[0].limit, 5);
    ASSERT_EQ(groups[0].rules.size(), 2u);
    EXPECT_EQ(groups[0].rules[0]->query, "sum(up)");
    EXPECT_EQ(groups[0].rules[0]->labels, (store::Labels{{"l", "1"}}));
    const Rule& rule = *groups[0].rules[1];
    EXPECT_EQ(rule.for_ms, 90'000);
    EXPECT_EQ(rule.keep_firing_for_ms, 300'000);
    EXPECT_EQ(rule.labels.front().name, "at");
    EXPECT_EQ(rule.at.line, 9u);
}

TEST(RuleFile, SaysWhatIsWrongAndWhere) {
    EXPECT_EQ(mistakes("groups:\n- name: a\n  rules:\n  - alert: A\n    expr: up == \n"),
              "r.yml:5:16: error: group 'a', rule 1, 'A': could not parse expression: 1:6: parse "
              "error: unexpected end of input\n");
    EXPECT_EQ(
        mistakes("groups:\n- name: a\n  rules:\n  - alert: A\n    expr: up\n    fro: 1m\n"),
        "r.yml:6:5: error: unknown key 'fro' in a rule (did you mean 'for'?); expected record, "
        "alert, expr, for, keep_firing_for, labels or annotations\n");
    EXPECT_EQ(
        mistakes("groups:\n- name: a\n  rules:\n  - alert: A\n    expr: up\n    annotations:\n"
                 "      s: '{{ humanise $value }}'\n"),
        "r.yml:7:10: error: group 'a', rule 1, 'A': annotation 's': template: __alert_A:1: "
        "function \"humanise\" not defined\n");
    EXPECT_EQ(
        mistakes("groups:\n- name: a\n  interval: 1x\n"),
        "r.yml:3:13: error: not a valid duration string: '1x'; expected a duration such as 5m "
        "or 1h30m\n");
    EXPECT_EQ(mistakes("groups:\n- name: a\n- name: a\n"),
              "r.yml:3:3: error: groupname: 'a' is repeated in the same file\n");
    EXPECT_EQ(
        mistakes(
            "groups:\n- name: a\n  rules:\n  - {record: x, expr: 1}\n  - {record: x, expr: 2}\n"),
        "r.yml:5:5: warning: duplicate rule: 'x' with the same labels is at r.yml:4; expected "
        "another name or other labels\n");
    EXPECT_EQ(mistakes(""), "");
}

TEST(RuleFile, WhatIsBuiltInIsGood) {
    for (const std::string& name : default_rules()) EXPECT_TRUE(builtin_rules(name)) << name;
    EXPECT_FALSE(builtin_rules("builtin:productoin"));
    EXPECT_FALSE(builtin_rules("builtin:calibrated/none"));
    EXPECT_EQ(builtin_rules("builtin:production")->front().rules.size(), 5u);
}

}  // namespace
}  // namespace glassgate::alert
