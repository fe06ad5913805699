#include "console/api/selection.h"

#include <algorithm>
#include <charconv>

#include "store/query/api.h"
#include "store/query/matcher.h"
#include "store/query/parser.h"
#include "store/query/string_literal.h"

namespace glassgate::console {
namespace {

using namespace store::query;
using store::Labels;
using store::Matcher;

std::unexpected<QueryError> bad_data(std::string message) {
    return std::unexpected(QueryError{ErrorKind::bad_data, std::move(message)});
}

std::unexpected<QueryError> bad_parameter(std::string_view name, const std::string& message) {
    return bad_data("invalid parameter " + quoted(name) + ": " + message);
}

Answer<store::TimeMs> read_time(const Request& request, std::string_view name,
                                store::TimeMs fallback) {
    const std::string_view text = request.parameters[name];
    if (text.empty()) return fallback;
    const auto time = parse_time(text);
    if (time) return *time;
    return bad_parameter(
        name, "Invalid time value for '" + std::string(name) + "': " + time.error().message);
}

bool fits_empty(const Matcher& matcher) {
    const auto compiled = CompiledMatcher::create(matcher);
    return !compiled || compiled->matches("");
}

class SelectorWalk {
public:
    explicit SelectorWalk(MatcherSets& sets) : sets_(sets) {}
    void operator()(const NumberLiteral&) {}
    void operator()(const StringLiteral&) {}
    void operator()(const VectorSelector& node) { sets_.push_back(node.matchers); }
    void operator()(const MatrixSelector& node) { sets_.push_back(node.selector.matchers); }
    void operator()(const Subquery& node) { visit(node.expr); }
    void operator()(const Paren& node) { visit(node.expr); }
    void operator()(const Unary& node) { visit(node.expr); }
    void operator()(const Binary& node) {
        visit(node.left);
        visit(node.right);
    }
    void operator()(const Aggregate& node) {
        visit(node.expr);
        visit(node.parameter);
    }
    void operator()(const Call& node) {
        for (const ExprPtr& arg : node.args) visit(arg);
    }
    void visit(const ExprPtr& expr) {
        if (expr) std::visit(*this, expr->node);
    }

private:
    MatcherSets& sets_;
};

}  // namespace

Answer<TimeRange> read_time_range(const Request& request) {
    TimeRange range;
    range.from_ms = TRY(read_time(request, "start", kTimeFirst));
    range.to_ms = TRY(read_time(request, "end", kTimeLast));
    return range;
}

Answer<MatcherSets> read_matchers(const Request& request) {
    MatcherSets sets;
    for (const std::string_view text : request.parameters.all("match[]")) {
        auto matchers = parse_selector(text);
        if (!matchers) return bad_parameter("match[]", matchers.error().to_text(text));
        sets.push_back(*std::move(matchers));
    }
    for (const auto& set : sets)
        if (std::all_of(set.begin(), set.end(), fits_empty))
            return bad_parameter("match[]", "match[] must contain at least one non-empty matcher");
    return sets;
}

Answer<std::size_t> read_limit(const Request& request) {
    const std::string_view text = request.parameters["limit"];
    if (text.empty()) return std::size_t{0};
    int64_t limit = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (error != std::errc{} || end != text.data() + text.size())
        return bad_parameter("limit", "limit must be a number");
    if (limit < 0) return bad_parameter("limit", "limit must be non-negative");
    return static_cast<std::size_t>(limit);
}

Answer<std::vector<Labels>> select_labels(const store::Source& source, const MatcherSets& sets,
                                          const TimeRange& range) {
    static const MatcherSets kAll = {
        {Matcher{std::string(store::kMetricName), Matcher::Kind::not_equal, ""}}};
    std::vector<Labels> all;
    for (const auto& matchers : sets.empty() ? kAll : sets) {
        auto found = source.series(matchers, range.from_ms, range.to_ms);
        if (!found) return std::unexpected(QueryError{ErrorKind::execution, found.error().message});
        if (all.empty()) {
            all = *std::move(found);
        } else {
            all.insert(all.end(), std::make_move_iterator(found->begin()),
                       std::make_move_iterator(found->end()));
            std::sort(all.begin(), all.end());
            all.erase(std::unique(all.begin(), all.end()), all.end());
        }
    }
    return all;
}

MatcherSets selectors_of(const Expr& expr) {
    MatcherSets sets;
    SelectorWalk walk(sets);
    std::visit(walk, expr.node);
    return sets;
}

}  // namespace glassgate::console
