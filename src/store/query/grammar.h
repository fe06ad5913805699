// The grammar by recursive descent. Private to the parser.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/query/lexer.h"
#include "store/query/parser.h"

namespace glassgate::store::query {

class Grammar {
public:
    explicit Grammar(std::string_view text) : lexer_(text), token_(lexer_.next()) {}

    [[nodiscard]] Parsed<ExprPtr> whole_expression();
    [[nodiscard]] Parsed<std::vector<Matcher>> whole_selector();
    [[nodiscard]] Parsed<Labels> whole_labels();

private:
    // Operators that bind at least as tightly as `precedence`.
    [[nodiscard]] Parsed<ExprPtr> expression(int precedence);
    [[nodiscard]] Parsed<ExprPtr> unary();
    [[nodiscard]] Parsed<ExprPtr> postfix();
    [[nodiscard]] Parsed<ExprPtr> primary();
    [[nodiscard]] Parsed<ExprPtr> paren();
    [[nodiscard]] Parsed<ExprPtr> number();
    [[nodiscard]] Parsed<ExprPtr> string();
    [[nodiscard]] Parsed<ExprPtr> binary(ExprPtr left, Token op);
    [[nodiscard]] Parsed<VectorMatching> matching(bool& return_bool);
    [[nodiscard]] Parsed<ExprPtr> aggregate(Token op);
    [[nodiscard]] Parsed<ExprPtr> aggregate_of(Token op, Aggregate made, std::vector<ExprPtr> args);
    [[nodiscard]] Parsed<void> aggregate_modifier(Aggregate& made);
    [[nodiscard]] Parsed<std::vector<std::string>> grouping();
    [[nodiscard]] Parsed<ExprPtr> call(Token name);
    [[nodiscard]] Parsed<std::vector<ExprPtr>> arguments();
    [[nodiscard]] Parsed<ExprPtr> selector(const Token* name);
    [[nodiscard]] Parsed<std::vector<Matcher>> matchers();
    [[nodiscard]] Parsed<Matcher> matcher();
    [[nodiscard]] Parsed<Label> label();
    [[nodiscard]] Parsed<ExprPtr> range(ExprPtr expr);
    [[nodiscard]] Parsed<ExprPtr> matrix(ExprPtr expr, Span brackets, int64_t range_ms);
    [[nodiscard]] Parsed<ExprPtr> subquery(ExprPtr expr, int64_t range_ms);
    [[nodiscard]] Parsed<void> offset(Expr& expr);
    [[nodiscard]] Parsed<void> at(Expr& expr);
    [[nodiscard]] Parsed<void> set_at(Expr& expr, TimeShift::At at, double seconds);
    [[nodiscard]] Parsed<int64_t> duration();
    [[nodiscard]] Parsed<std::string> unquoted(const Token& token);
    [[nodiscard]] Parsed<void> expect_end();

    [[nodiscard]] Parsed<ExprPtr> make(Expr::Node node, Span span, ValueType type,
                                       uint32_t height = 1);

    void advance() { (void)take(); }
    Token take() {
        Token taken = std::move(token_);
        closing_end_ = taken.span.end;
        token_ = lexer_.next();
        return taken;
    }
    [[nodiscard]] bool is(TokenKind kind) const noexcept { return token_.kind == kind; }
    [[nodiscard]] bool is_op(BinaryOp op) const noexcept {
        return token_.kind == TokenKind::op && token_.op == op;
    }
    [[nodiscard]] bool names_metric() const noexcept;
    [[nodiscard]] bool starts_expression() const noexcept;

    // The token at hand is not what the grammar allows here.
    [[nodiscard]] std::unexpected<ParseError> unexpected(std::string_view context = {},
                                                         std::string_view expected = {}) const;
    [[nodiscard]] static std::unexpected<ParseError> wrong(Span span, std::string message) {
        return std::unexpected(ParseError{span, std::move(message)});
    }

    Lexer lexer_;
    Token token_;
    int aggregations_open_ = 0;
    uint32_t depth_ = 0;
    uint32_t closing_end_ = 0;  // where the last token taken ends
};

}  // namespace glassgate::store::query
