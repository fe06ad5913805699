#include "alert/rules/test_file.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/yaml.h"
#include "store/query/duration.h"
#include "store/query/number_text.h"
#include "store/query/parser.h"
#include "store/query/series_notation.h"

namespace glassgate::alert {
namespace {

namespace query = store::query;

// Of all series of a group together.
constexpr std::size_t kSamplesMax = 50'000'000;

class Reader {
public:
    explicit Reader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

    RuleTestFile read(const Node& document) {
        RuleTestFile out;
        Fields fields(document, diagnostics_, "the rule test file");
        out.rule_files = fields.texts("rule_files");
        const int64_t interval = duration(fields, "evaluation_interval");
        if (interval > 0) out.evaluation_interval_ms = interval;
        out.group_order = fields.texts("group_eval_order");
        std::set<std::string> seen;
        for (const std::string& name : out.group_order)
            if (!seen.insert(name).second)
                mistake(*fields.child("group_eval_order"),
                        "group name repeated in evaluation order: " + name);
        for (const Node& item : items(fields.child("tests")))
            out.groups.push_back(group(item, out.evaluation_interval_ms));
        return out;
    }

private:
    void mistake(const Node& at, std::string message, std::string expected = {}) {
        diagnostics_.error(at.position, std::move(message), std::move(expected));
    }

    const std::vector<Node>& items(const Node* list) {
        static const std::vector<Node> kNone;
        if (list == nullptr || list->kind == Node::Kind::null) return kNone;
        if (list->kind == Node::Kind::list) return list->items;
        mistake(*list, "a " + std::string(to_text(list->kind)), "a list");
        return kNone;
    }

    int64_t duration(Fields& fields, std::string_view key) {
        const Node* const node = fields.child(key);
        if (node == nullptr || node->kind == Node::Kind::null) return 0;
        const auto ms = query::parse_duration_ms(node->scalar);
        if (ms) return *ms;
        mistake(*node, "not a valid duration string: " + quote(node->scalar),
                "a duration such as 5m");
        return 0;
    }

    Pairs pairs(Fields& fields, std::string_view key) {
        Pairs out;
        const Node* const map = fields.child(key);
        if (map == nullptr || map->kind == Node::Kind::null) return out;
        if (map->kind != Node::Kind::map)
            mistake(*map, std::string(key) + " is a " + std::string(to_text(map->kind)), "a map");
        for (const auto& [name, value] : map->entries) out.emplace_back(name, value.scalar);
        std::sort(out.begin(), out.end());
        return out;
    }
    store::Labels labels(Fields& fields, std::string_view key) {
        store::Labels out;
        for (auto& [name, value] : pairs(fields, key)) out.push_back({name, value});
        return out;
    }

    TestGroup group(const Node& node, int64_t evaluation_interval_ms) {
        TestGroup out;
        Fields fields(node, diagnostics_, "a test");
        out.name = fields.text("name");
        out.interval_ms = duration(fields, "interval");
        if (out.interval_ms <= 0) out.interval_ms = evaluation_interval_ms;
        out.external_labels = labels(fields, "external_labels");
        out.external_url = fields.text("external_url");
        std::size_t samples = 0;
        for (const Node& item : items(fields.child("input_series"))) {
            store::Series series = input(item, out.interval_ms);
            samples += series.times_ms.size();
            if (samples > kSamplesMax) {
                mistake(item, "more than " + std::to_string(kSamplesMax) + " samples in a test");
                break;
            }
            out.input.push_back(std::move(series));
        }
        for (const Node& item : items(fields.child("alert_rule_test")))
            out.alerts.push_back(alert(item));
        for (const Node& item : items(fields.child("promql_expr_test")))
            out.expressions.push_back(expression(item));
        return out;
    }

    store::Series input(const Node& node, int64_t interval_ms) {
        Fields fields(node, diagnostics_, "a series");
        const std::string name = fields.text("series"), values = fields.text("values");
        auto description = query::parse_series(name + " " + values);
        if (description) return query::to_series(*description, 0, interval_ms);
        mistake(node, description.error().message);
        return {};
    }

    AlertTest alert(const Node& node) {
        AlertTest out;
        out.position = node.position;
        Fields fields(node, diagnostics_, "an alert test");
        out.at_ms = duration(fields, "eval_time");
        out.alert = fields.text("alertname");
        if (out.alert.empty())
            mistake(node,
                    "an item under alert_rule_test misses required attribute alertname at "
                    "eval_time " +
                        query::duration_text(out.at_ms));
        for (const Node& item : items(fields.child("exp_alerts"))) {
            Fields expected(item, diagnostics_, "an expected alert");
            ExpectedAlert one;
            one.labels = labels(expected, "exp_labels");
            std::erase_if(one.labels, [](const store::Label& l) { return l.name == "alertname"; });
            one.labels.push_back({"alertname", out.alert});
            std::sort(one.labels.begin(), one.labels.end());
            one.annotations = pairs(expected, "exp_annotations");
            out.expected.push_back(std::move(one));
        }
        return out;
    }

    ExpressionTest expression(const Node& node) {
        ExpressionTest out;
        out.position = node.position;
        Fields fields(node, diagnostics_, "an expression test");
        out.expression = fields.text("expr");
        out.at_ms = duration(fields, "eval_time");
        for (const Node& item : items(fields.child("exp_samples"))) {
            Fields sample(item, diagnostics_, "an expected sample");
            ExpectedSample one;
            const std::string text = sample.text("labels");
            if (auto parsed = query::parse_labels(text))
                one.labels = std::move(*parsed);
            else
                mistake(item, "labels " + quote(text) + ": " + parsed.error().to_text(text));
            one.value = number(sample);
            out.expected.push_back(std::move(one));
        }
        return out;
    }

    // A number as YAML writes them.
    double number(Fields& fields) {
        const Node* const node = fields.child("value");
        if (node == nullptr || node->kind == Node::Kind::null) return 0;
        const std::string& text = node->scalar;
        const bool negative = text.starts_with('-');
        std::string body = text.substr(negative || text.starts_with('+') ? 1 : 0);
        std::transform(body.begin(), body.end(), body.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; });
        if (body == ".inf") return (negative ? -1 : 1) * std::numeric_limits<double>::infinity();
        if (text == ".nan" || text == ".NaN" || text == ".NAN") return std::nan("");
        const bool digits = body.find_first_of("0123456789") != std::string::npos;
        const auto value = query::parse_number(text);
        if (value && digits) return *value;
        mistake(*node, "value is " + quote(text), "a number");
        return 0;
    }

    Diagnostics& diagnostics_;
};

}  // namespace

int64_t TestGroup::last_ms() const noexcept {
    int64_t last = 0;
    for (const AlertTest& test : alerts) last = std::max(last, test.at_ms);
    for (const ExpressionTest& test : expressions) last = std::max(last, test.at_ms);
    return last;
}

std::optional<RuleTestFile> read_test_file(const std::string& file, std::string_view text,
                                           Diagnostics& diagnostics) {
    const auto name = std::make_shared<const std::string>(file);
    const std::vector<Node> documents = read_yaml(name, text, diagnostics);
    if (diagnostics.has_errors()) return std::nullopt;
    RuleTestFile out;
    if (!documents.empty()) out = Reader(diagnostics).read(documents[0]);
    if (diagnostics.has_errors()) return std::nullopt;
    return out;
}

}  // namespace glassgate::alert
