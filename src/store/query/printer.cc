// Expression to canonical text.
#include <algorithm>
#include <cstdio>

#include "store/query/duration.h"
#include "store/query/expr.h"
#include "store/query/function_table.h"
#include "store/query/matcher.h"
#include "store/query/number_text.h"
#include "store/query/string_literal.h"

namespace glassgate::store::query {
namespace {

void append(std::string& out, const Expr& expr);

std::string listed(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) {
        if (!out.empty()) out += ", ";
        out += name;
    }
    return out;
}

void append_shift(std::string& out, const TimeShift& shift) {
    switch (shift.at) {
        case TimeShift::At::none:
            break;
        case TimeShift::At::start:
            out += " @ start()";
            break;
        case TimeShift::At::end:
            out += " @ end()";
            break;
        case TimeShift::At::time: {
            char buffer[40];
            std::snprintf(buffer, sizeof buffer, " @ %.3f",
                          static_cast<double>(shift.at_ms) / 1000);
            out += buffer;
        }
    }
    if (shift.offset_ms > 0) out += " offset " + duration_text(shift.offset_ms);
    if (shift.offset_ms < 0) out += " offset -" + duration_text(-shift.offset_ms);
}

void append_selector(std::string& out, const VectorSelector& node) {
    std::vector<std::string> texts;
    for (const Matcher& matcher : node.matchers) {
        const bool is_the_name = matcher.name == kMetricName &&
                                 matcher.kind == Matcher::Kind::equal && matcher.value == node.name;
        if (!is_the_name) texts.push_back(to_text(matcher));
    }
    out += node.name;
    if (texts.empty()) return;
    std::sort(texts.begin(), texts.end());
    out += '{';
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (i > 0) out += ',';
        out += texts[i];
    }
    out += '}';
}

void append_node(std::string& out, const NumberLiteral& node) { out += general_text(node.value); }
void append_node(std::string& out, const StringLiteral& node) { out += quoted(node.value); }

void append_node(std::string& out, const VectorSelector& node) {
    append_selector(out, node);
    append_shift(out, node.shift);
}

void append_node(std::string& out, const MatrixSelector& node) {
    append_selector(out, node.selector);
    out += '[' + duration_text(node.range_ms) + ']';
    append_shift(out, node.selector.shift);
}

void append_node(std::string& out, const Subquery& node) {
    append(out, *node.expr);
    out += '[' + duration_text(node.range_ms) + ':';
    if (node.step_ms != 0) out += duration_text(node.step_ms);
    out += ']';
    append_shift(out, node.shift);
}

void append_node(std::string& out, const Paren& node) {
    out += '(';
    append(out, *node.expr);
    out += ')';
}

void append_node(std::string& out, const Unary& node) {
    out += node.minus ? '-' : '+';
    append(out, *node.expr);
}

void append_node(std::string& out, const Binary& node) {
    append(out, *node.left);
    out += ' ';
    out += text_of(node.op);
    if (node.return_bool) out += " bool";
    if (node.matching && (!node.matching->labels.empty() || node.matching->on)) {
        out += node.matching->on ? " on (" : " ignoring (";
        out += listed(node.matching->labels) + ")";
        const auto card = node.matching->card;
        if (card == VectorMatching::Card::many_to_one)
            out += " group_left (" + listed(node.matching->include) + ")";
        if (card == VectorMatching::Card::one_to_many)
            out += " group_right (" + listed(node.matching->include) + ")";
    }
    out += ' ';
    append(out, *node.right);
}

void append_node(std::string& out, const Aggregate& node) {
    out += text_of(node.op);
    if (node.without)
        out += " without (" + listed(node.grouping) + ") ";
    else if (!node.grouping.empty())
        out += " by (" + listed(node.grouping) + ") ";
    out += '(';
    if (node.parameter) {
        append(out, *node.parameter);
        out += ", ";
    }
    append(out, *node.expr);
    out += ')';
}

void append_node(std::string& out, const Call& node) {
    out += node.function->name;
    out += '(';
    for (std::size_t i = 0; i < node.args.size(); ++i) {
        if (i > 0) out += ", ";
        append(out, *node.args[i]);
    }
    out += ')';
}

void append(std::string& out, const Expr& expr) {
    std::visit([&](const auto& node) { append_node(out, node); }, expr.node);
}

}  // namespace

std::string to_text(const Expr& expr) {
    std::string out;
    append(out, expr);
    return out;
}

}  // namespace glassgate::store::query
