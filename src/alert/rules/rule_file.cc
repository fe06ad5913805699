#include "alert/rules/rule_file.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/yaml.h"
#include "store/query/duration.h"
#include "store/query/label_sets.h"
#include "store/query/parser.h"

namespace glassgate::alert {
namespace {

namespace query = store::query;

bool valid_metric_name(std::string_view name) {
    const auto begins = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
    };
    return !name.empty() && begins(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
        return begins(c) || (c >= '0' && c <= '9');
    });
}

class Reader {
public:
    Reader(std::string file, Diagnostics& diagnostics)
        : file_(std::move(file)), diagnostics_(diagnostics) {}

    std::vector<RuleGroup> read(const Node& document) {
        std::vector<RuleGroup> groups;
        Fields fields(document, diagnostics_, "the rule file");
        const Node* const list = fields.child("groups");
        std::set<std::string> names;
        for (const Node& item : items(list, "groups")) {
            RuleGroup group = read_group(item);
            if (group.name.empty())
                mistake(item, "Groupname must not be empty");
            else if (!names.insert(group.name).second)
                mistake(item, "groupname: " + quote(group.name) + " is repeated in the same file");
            groups.push_back(std::move(group));
        }
        return groups;
    }

private:
    void mistake(const Node& at, std::string message, std::string expected = {}) {
        diagnostics_.error(at.position, std::move(message), std::move(expected));
    }
    void mistake_in_rule(const Position& at, const std::string& message,
                         std::string expected = {}) {
        diagnostics_.error(at,
                           "group " + quote(group_) + ", rule " + std::to_string(number_) + ", " +
                               quote(rule_name_) + ": " + message,
                           std::move(expected));
    }

    const std::vector<Node>& items(const Node* list, std::string_view key) {
        static const std::vector<Node> kNone;
        if (list == nullptr || list->kind == Node::Kind::null) return kNone;
        if (list->kind == Node::Kind::list) return list->items;
        mistake(*list, std::string(key) + " is a " + std::string(to_text(list->kind)), "a list");
        return kNone;
    }

    int64_t read_duration(Fields& fields, std::string_view key) {
        const Node* const node = fields.child(key);
        if (node == nullptr || node->kind == Node::Kind::null) return 0;
        if (node->kind == Node::Kind::scalar) {
            if (const auto ms = query::parse_duration_ms(node->scalar)) return *ms;
            mistake(*node, "not a valid duration string: " + quote(node->scalar),
                    "a duration such as 5m or 1h30m");
        } else {
            mistake(*node, std::string(key) + " is a " + std::string(to_text(node->kind)),
                    "a duration such as 5m");
        }
        return 0;
    }

    std::string read_text(Fields& fields, std::string_view key) {
        const Node* const node = fields.child(key);
        if (node == nullptr || node->kind == Node::Kind::null) return {};
        if (node->kind == Node::Kind::scalar) return node->scalar;
        mistake(*node, std::string(key) + " is a " + std::string(to_text(node->kind)), "a text");
        return {};
    }

    RuleGroup read_group(const Node& node) {
        RuleGroup group;
        group.file = file_;
        group.at = node.position;
        Fields fields(node, diagnostics_, "a group");
        group.name = group_ = read_text(fields, "name");
        group.interval_ms = read_duration(fields, "interval");
        group.limit = fields.integer("limit", 0, INT32_MIN, INT32_MAX);
        number_ = 0;
        for (const Node& rule : items(fields.child("rules"), "rules")) {
            ++number_;
            group.rules.push_back(read_rule(rule));
        }
        return group;
    }

    RulePtr read_rule(const Node& node) {
        auto rule = std::make_shared<Rule>();
        rule->at = node.position;
        Fields fields(node, diagnostics_, "a rule");
        const std::string record = read_text(fields, "record"), alert = read_text(fields, "alert");
        rule->kind = record.empty() ? Rule::Kind::alerting : Rule::Kind::recording;
        rule->name = rule_name_ = alert.empty() ? record : alert;
        if (!record.empty() && !alert.empty())
            mistake_in_rule(rule->at, "only one of 'record' and 'alert' must be set");
        if (record.empty() && alert.empty())
            mistake_in_rule(rule->at, "one of 'record' or 'alert' must be set");
        if (!record.empty() && !valid_metric_name(record))
            mistake_in_rule(fields.child("record")->position,
                            "invalid recording rule name: " + record);
        read_expression(fields, *rule);
        rule->for_ms = read_duration(fields, "for");
        rule->keep_firing_for_ms = read_duration(fields, "keep_firing_for");
        const Pairs labels = read_pairs(fields, "labels", "label");
        rule->annotations = read_pairs(fields, "annotations", "annotation");
        if (!record.empty()) check_recording(*rule, fields);
        for (const auto& [name, value] : labels) rule->labels.push_back({name, value});
        if (record.empty()) parse_templates(*rule, fields);
        return rule;
    }

    void check_recording(const Rule& rule, Fields& fields) {
        const auto refuse = [&](std::string_view key) {
            mistake_in_rule(fields.child(key)->position,
                            "invalid field '" + std::string(key) + "' in recording rule");
        };
        if (!rule.annotations.empty()) refuse("annotations");
        if (rule.for_ms != 0) refuse("for");
        if (rule.keep_firing_for_ms != 0) refuse("keep_firing_for");
    }

    void read_expression(Fields& fields, Rule& rule) {
        const std::string text = read_text(fields, "expr");
        const Node* const node = fields.child("expr");
        if (text.empty()) {
            mistake_in_rule(node != nullptr ? node->position : rule.at,
                            "field 'expr' must be set in rule");
            return;
        }
        auto parsed = query::parse(text);
        if (!parsed) {
            // In a plain scalar on one line the place in the file is known exactly.
            Position at = node->position;
            if (!node->quoted && text.find('\n') == std::string::npos)
                at.column += parsed.error().span.begin;
            mistake_in_rule(at, "could not parse expression: " + parsed.error().to_text(text));
            return;
        }
        rule.query = query::to_text(**parsed);
        rule.expr = std::move(*parsed);
    }

    // Sorted by name; every name and value is checked.
    Pairs read_pairs(Fields& fields, std::string_view key, std::string_view what) {
        Pairs pairs;
        const Node* const map = fields.child(key);
        if (map == nullptr || map->kind == Node::Kind::null) return pairs;
        if (map->kind != Node::Kind::map) {
            mistake(*map, std::string(key) + " is a " + std::string(to_text(map->kind)),
                    "a map of names to texts");
            return pairs;
        }
        for (std::size_t i = 0; i < map->entries.size(); ++i) {
            const auto& [name, value] = map->entries[i];
            if (!query::valid_label_name(name) || (what == "label" && name == store::kMetricName))
                mistake_in_rule(map->key_positions[i],
                                "invalid " + std::string(what) + " name: " + name);
            if (value.kind == Node::Kind::list || value.kind == Node::Kind::map)
                mistake_in_rule(value.position,
                                std::string(what) + " " + quote(name) + " is a " +
                                    std::string(to_text(value.kind)),
                                "a text");
            pairs.emplace_back(name, value.scalar);
        }
        std::sort(pairs.begin(), pairs.end());
        return pairs;
    }

    void parse_templates(Rule& rule, Fields& fields) {
        const auto parse = [&](std::string_view key, std::string_view what, const std::string& name,
                               const std::string& text, std::vector<Template>& into) {
            auto parsed = Template::parse("__alert_" + rule.name, text);
            if (parsed) {
                into.push_back(std::move(*parsed));
                return;
            }
            const Node* const value = fields.child(key)->find(name);
            mistake_in_rule(value != nullptr ? value->position : rule.at,
                            std::string(what) + " " + quote(name) + ": " + parsed.error().message);
        };
        for (const store::Label& l : rule.labels)
            parse("labels", "label", l.name, l.value, rule.label_templates);
        for (const auto& [name, text] : rule.annotations)
            parse("annotations", "annotation", name, text, rule.annotation_templates);
    }

    std::string file_;
    Diagnostics& diagnostics_;
    std::string group_, rule_name_;  // at hand
    std::size_t number_ = 0;
};

}  // namespace

bool Rule::same_as(const Rule& other) const {
    return kind == other.kind && name == other.name && query == other.query &&
           for_ms == other.for_ms && keep_firing_for_ms == other.keep_firing_for_ms &&
           labels == other.labels && annotations == other.annotations;
}

std::vector<RuleGroup> read_rule_file(const std::string& file, std::string_view text,
                                      Diagnostics& diagnostics) {
    const auto name = std::make_shared<const std::string>(file);
    const std::vector<Node> documents = read_yaml(name, text, diagnostics);
    if (documents.empty()) return {};  // an empty file has no rules
    if (documents.size() > 1)
        diagnostics.warning(documents[1].position, "a second document, which is not read");
    return Reader(file, diagnostics).read(documents[0]);
}

void check_duplicates(const std::vector<RuleGroup>& groups, Diagnostics& diagnostics) {
    std::map<std::pair<std::string, store::Labels>, const Rule*> seen;
    for (const RuleGroup& group : groups)
        for (const RulePtr& rule : group.rules) {
            const auto [first, fresh] =
                seen.emplace(std::pair(rule->name, rule->labels), rule.get());
            if (fresh) continue;
            const Position& at = first->second->at;
            diagnostics.warning(rule->at,
                                "duplicate rule: " + quote(rule->name) +
                                    " with the same labels is at " + (at.file ? *at.file : "") +
                                    ":" + std::to_string(at.line),
                                "another name or other labels");
        }
}

}  // namespace glassgate::alert
