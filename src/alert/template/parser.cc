#include "alert/template/parser.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "alert/template/functions.h"
#include "alert/template/lexer.h"
#include "store/query/number_text.h"
#include "store/query/string_literal.h"
#include "store/query/utf8.h"

namespace glassgate::alert {
namespace {

using store::query::quoted;

class Parser {
public:
    Parser(TemplateTree& tree, std::string_view text, std::vector<Token> tokens)
        : tree_(tree), text_(text), tokens_(std::move(tokens)) {}

    Status run() {
        variables_ = {"$", "$labels", "$externalLabels", "$externalURL", "$value"};
        (void)TRY(parse_items(tree_.root, Until::end_of_text));
        return {};
    }

private:
    enum class Until : uint8_t { end_of_text, end, end_or_else };
    enum class Stop : uint8_t { end_of_text, end, else_ };

    [[nodiscard]] const Token& peek() const { return tokens_[at_]; }
    const Token& next() {
        const Token& token = tokens_[at_];
        if (at_ + 1 < tokens_.size()) ++at_;
        return token;
    }
    [[nodiscard]] bool is_keyword(std::string_view word) const {
        return peek().kind == TokenKind::keyword && peek().text == word;
    }
    [[nodiscard]] uint32_t column_of(const Token& token) const {
        const std::size_t newline = text_.substr(0, token.begin).rfind('\n');
        return token.begin -
               static_cast<uint32_t>(newline == std::string_view::npos ? 0 : newline + 1);
    }
    [[nodiscard]] static std::unexpected<Error> mistake(const Token& at, const std::string& what) {
        return failure(std::to_string(at.line) + ": " + what);
    }
    [[nodiscard]] static std::unexpected<Error> unexpected(const Token& token,
                                                           std::string_view context) {
        const std::string shown = token.kind == TokenKind::end       ? "EOF"
                                  : token.kind == TokenKind::keyword ? "<" + token.text + ">"
                                                                     : quoted(token.text);
        return mistake(token, "unexpected " + shown + " in " + std::string(context));
    }

    Result<Stop> parse_items(Items& items, Until until) {
        if (++depth_ > kTemplateDepthMax) return mistake(peek(), "nested too deeply");
        while (true) {
            const Token& token = next();
            if (token.kind == TokenKind::end) {
                --depth_;
                if (until != Until::end_of_text) return mistake(token, "unexpected EOF");
                return Stop::end_of_text;
            }
            if (token.kind == TokenKind::text) {
                items.push_back({token.text});
                continue;
            }
            // Else it is {{.
            if (is_keyword("end") || is_keyword("else")) {
                const Token& word = next();
                const bool is_else = word.text == "else";
                if (until == Until::end_of_text || (is_else && until == Until::end))
                    return mistake(word, "unexpected {{" + word.text + "}}");
                --depth_;
                return is_else ? Stop::else_ : Stop::end;
            }
            TRY_STATUS(parse_action(items));
        }
    }

    Status expect_close(std::string_view context) {
        const Token& token = next();
        if (token.kind != TokenKind::close) return unexpected(token, context);
        return {};
    }

    Status parse_action(Items& items) {
        const Token& token = peek();
        if (token.kind != TokenKind::keyword || token.text == "nil") {
            items.push_back({TRY(parse_pipeline("command", TokenKind::close, false))});
            return {};
        }
        next();
        if (token.text == "if") return parse_branch(items, Branch::Kind::if_, token);
        if (token.text == "range") return parse_branch(items, Branch::Kind::range, token);
        if (token.text == "with") return parse_branch(items, Branch::Kind::with, token);
        if (token.text == "template") return parse_call(items, token);
        if (token.text == "define") return parse_define(token);
        if (token.text == "block") return parse_block(items, token);
        if (ranges_ == 0) return mistake(token, "{{" + token.text + "}} outside {{range}}");
        items.push_back({token.text == "break" ? Jump::break_ : Jump::continue_});
        return expect_close(token.text);
    }

    Status parse_branch(Items& items, Branch::Kind kind, const Token& word) {
        auto branch = std::make_shared<Branch>();
        branch->kind = kind;
        const std::size_t scope = variables_.size();
        branch->pipeline =
            TRY(parse_pipeline(word.text, TokenKind::close, kind == Branch::Kind::range));
        if (kind == Branch::Kind::range) ++ranges_;
        Stop stop = TRY(parse_items(branch->then, Until::end_or_else));
        if (kind == Branch::Kind::range) --ranges_;
        if (stop == Stop::else_ && kind == Branch::Kind::if_ && is_keyword("if")) {
            // {{else if}}: one {{end}} for all of them.
            const Token& inner = next();
            if (++depth_ > kTemplateDepthMax) return mistake(inner, "nested too deeply");
            TRY_STATUS(parse_branch(branch->otherwise, Branch::Kind::if_, inner));
            --depth_;
            items.push_back({std::shared_ptr<const Branch>(std::move(branch))});
            variables_.resize(scope);
            return {};
        }
        if (stop == Stop::else_) {
            TRY_STATUS(expect_close("else"));
            (void)TRY(parse_items(branch->otherwise, Until::end));
        }
        TRY_STATUS(expect_close("end"));
        items.push_back({std::shared_ptr<const Branch>(std::move(branch))});
        variables_.resize(scope);
        return {};
    }

    Result<std::string> parse_name(std::string_view context) {
        const Token& token = next();
        if (token.kind != TokenKind::string) return unexpected(token, context);
        std::optional<std::string> name = store::query::unquote(token.text);
        if (!name) return mistake(token, "invalid syntax in " + token.text);
        return std::move(*name);
    }

    Status parse_call(Items& items, const Token& word) {
        TemplateCall call;
        call.line = word.line;
        call.column = column_of(word);
        call.name = TRY(parse_name("template clause"));
        if (peek().kind != TokenKind::close)
            call.argument = std::make_shared<const Pipeline>(
                TRY(parse_pipeline("template clause", TokenKind::close, false)));
        else
            next();
        items.push_back({std::move(call)});
        return {};
    }

    Status parse_define(const Token& word) {
        if (depth_ > 1) return unexpected(word, "command");
        const std::string name = TRY(parse_name("define clause"));
        TRY_STATUS(expect_close("define clause"));
        return parse_definition(name);
    }

    // The body, behind {{define "name"}}, up to its {{end}}.
    Status parse_definition(const std::string& name) {
        std::vector<std::string> outer = std::exchange(variables_, {"$"});
        const int ranges = std::exchange(ranges_, 0);
        Items body;
        (void)TRY(parse_items(body, Until::end));
        TRY_STATUS(expect_close("define clause"));
        variables_ = std::move(outer);
        ranges_ = ranges;
        tree_.defined.insert_or_assign(name, std::move(body));
        return {};
    }

    Status parse_block(Items& items, const Token& word) {
        TemplateCall call;
        call.line = word.line;
        call.column = column_of(word);
        call.name = TRY(parse_name("block clause"));
        call.argument = std::make_shared<const Pipeline>(
            TRY(parse_pipeline("block clause", TokenKind::close, false)));
        TRY_STATUS(parse_definition(call.name));
        items.push_back({std::move(call)});
        return {};
    }

    Result<Pipeline> parse_pipeline(std::string_view context, TokenKind end, bool in_range) {
        if (++depth_ > kTemplateDepthMax) return mistake(peek(), "nested too deeply");
        Pipeline pipeline;
        const Token& first = peek();
        pipeline.line = first.line;
        pipeline.column = column_of(first);
        TRY_STATUS(parse_declarations(pipeline, in_range));
        while (peek().kind != end) {
            Command command;
            TRY_STATUS(parse_command(command, context));
            pipeline.commands.push_back(std::move(command));
            if (peek().kind == TokenKind::pipe) {
                next();  // one at the end says nothing, as in Go
            } else if (peek().kind != end) {
                return unexpected(peek(), context);
            }
        }
        const Token& last = next();
        pipeline.text = text_.substr(first.begin, last.begin - first.begin);
        while (!pipeline.text.empty() && pipeline.text.back() == ' ') pipeline.text.pop_back();
        if (pipeline.commands.empty())
            return mistake(last, "missing value for " + std::string(context));
        for (std::size_t i = 1; i < pipeline.commands.size(); ++i)
            if (!executable(pipeline.commands[i].operands.front()))
                return mistake(last,
                               "non executable command in pipeline stage " + std::to_string(i + 1));
        // Only now: $x := $x means the outer one. That a variable which is assigned to is there is
        // found out when it is expanded, as in Go.
        variables_.insert(variables_.end(), pipeline.variables.begin(), pipeline.variables.end());
        --depth_;
        return pipeline;
    }

    static bool executable(const Operand& operand) {
        return !std::holds_alternative<Operand::Constant>(operand.head) &&
               !std::holds_alternative<Operand::Nil>(operand.head) &&
               !(std::holds_alternative<Operand::Dot>(operand.head) && operand.fields.empty());
    }

    // $x := or $x = or, in range, $i, $x := in front of a pipeline.
    Status parse_declarations(Pipeline& pipeline, bool in_range) {
        const auto kind = [&](std::size_t i) {
            return at_ + i < tokens_.size() ? tokens_[at_ + i].kind : TokenKind::end;
        };
        if (kind(0) != TokenKind::variable) return {};
        std::size_t count = 0;
        if (kind(1) == TokenKind::declare || kind(1) == TokenKind::assign) count = 1;
        if (in_range && kind(1) == TokenKind::comma && kind(2) == TokenKind::variable &&
            (kind(3) == TokenKind::declare || kind(3) == TokenKind::assign))
            count = 2;
        if (!in_range && kind(1) == TokenKind::comma)
            return mistake(peek(), "too many declarations in command");
        if (count == 0) return {};
        for (std::size_t i = 0; i < count; ++i) {
            pipeline.variables.push_back(next().text);
            pipeline.assigns = next().kind == TokenKind::assign;
        }
        return {};
    }

    Status check_variable(const Token& at, const std::string& name) const {
        if (std::find(variables_.begin(), variables_.end(), name) == variables_.end())
            return mistake(at, "undefined variable " + quoted(name));
        return {};
    }

    static bool starts_operand(TokenKind kind) {
        switch (kind) {
            case TokenKind::dot:
            case TokenKind::field:
            case TokenKind::variable:
            case TokenKind::identifier:
            case TokenKind::boolean:
            case TokenKind::number:
            case TokenKind::character:
            case TokenKind::string:
            case TokenKind::left_paren:
                return true;
            default:
                return false;
        }
    }

    Status parse_command(Command& command, std::string_view context) {
        while (starts_operand(peek().kind) || is_keyword("nil")) {
            if (!command.operands.empty() && !peek().space_before)
                return unexpected(peek(), "operand");
            command.operands.push_back(TRY(parse_operand()));
        }
        for (const Operand& operand : command.operands)
            command.text += (command.text.empty() ? "" : " ") + operand.text;
        if (!command.operands.empty()) return {};
        if (peek().kind == TokenKind::pipe || peek().kind == TokenKind::right_paren)
            return mistake(peek(), "missing value for " + std::string(context));
        return unexpected(peek(), context);
    }

    Result<Operand> parse_operand() {
        const Token& token = next();
        Operand operand;
        operand.line = token.line;
        operand.column = column_of(token);
        TRY_STATUS(parse_term(token, operand));
        while (peek().kind == TokenKind::field && !peek().space_before) {
            if (!executable(operand))
                return mistake(peek(), "unexpected . after term " + quoted(token.text));
            operand.fields.push_back(next().text.substr(1));
        }
        if (peek().kind == TokenKind::dot && !peek().space_before)
            return mistake(peek(), "unexpected <.> after term " + quoted(token.text));
        operand.text = text_.substr(token.begin, tokens_[at_].begin - token.begin);
        while (!operand.text.empty() && operand.text.back() == ' ') operand.text.pop_back();
        return operand;
    }

    Status parse_term(const Token& token, Operand& operand) {
        switch (token.kind) {
            case TokenKind::dot:
                operand.head = Operand::Dot{};
                return {};
            case TokenKind::field:
                operand.head = Operand::Dot{};
                operand.fields.push_back(token.text.substr(1));
                return {};
            case TokenKind::variable:
                operand.head = Operand::Variable{token.text};
                return check_variable(token, token.text);
            case TokenKind::keyword:
                operand.head = Operand::Nil{};
                return {};
            case TokenKind::boolean:
                operand.head = Operand::Constant{{token.text == "true"}};
                return {};
            case TokenKind::left_paren:
                operand.head = std::make_shared<const Pipeline>(
                    TRY(parse_pipeline("parenthesized pipeline", TokenKind::right_paren, false)));
                return {};
            case TokenKind::identifier: {
                const Function* const function = find_function(token.text);
                if (function == nullptr)
                    return mistake(token, "function " + quoted(token.text) + " not defined");
                operand.head = Operand::FunctionName{function};
                return {};
            }
            default:
                operand.head = Operand::Constant{TRY(constant(token))};
                return {};
        }
    }

    static Result<Value> constant(const Token& token) {
        if (token.kind == TokenKind::string) {
            std::optional<std::string> text = store::query::unquote(token.text);
            if (!text) return mistake(token, "invalid syntax in " + token.text);
            return Value{std::move(*text)};
        }
        if (token.kind == TokenKind::character) {
            // One character, written as Go writes it; as a string literal it has the same escapes.
            const std::optional<std::string> text = store::query::unquote(token.text);
            if (!text || text->empty() || store::query::first_rune(*text).bytes != text->size())
                return mistake(token, "malformed character constant: " + token.text);
            return Value{static_cast<int64_t>(store::query::first_rune(*text).code)};
        }
        return number(token);
    }

    static Result<Value> number(const Token& token) {
        std::string digits = token.text;
        std::erase(digits, '_');
        std::string_view body = digits;
        const bool negative = body.starts_with('-');
        if (negative || body.starts_with('+')) body.remove_prefix(1);
        const bool whole = body.find_first_not_of("0123456789") == std::string_view::npos;
        if (whole && !body.empty() && (body.size() == 1 || body[0] != '0')) {
            int64_t value = 0;
            const auto [end, error] =
                std::from_chars(body.data(), body.data() + body.size(), value);
            if (error == std::errc{} && end == body.data() + body.size())
                return Value{negative ? -value : value};
            return mistake(token, "integer overflow: " + quoted(token.text));
        }
        const std::optional<double> value = store::query::parse_number(digits);
        const bool named = body.starts_with('i') || body.starts_with('I') ||
                           body.starts_with('n') || body.starts_with('N');
        if (!value || named) return mistake(token, "bad number syntax: " + quoted(token.text));
        // 0x10 is an integer; what has a point or an exponent is none.
        const bool hex = body.starts_with("0x") || body.starts_with("0X");
        const bool real = body.find_first_of(hex ? ".pP" : ".eEpP") != std::string_view::npos;
        if (!real && std::abs(*value) < 9.2e18) return Value{static_cast<int64_t>(*value)};
        return Value{*value};
    }

    TemplateTree& tree_;
    std::string_view text_;
    std::vector<Token> tokens_;
    std::size_t at_ = 0;
    int depth_ = 0, ranges_ = 0;
    std::vector<std::string> variables_;  // in scope
};

}  // namespace

Result<std::shared_ptr<const TemplateTree>> parse_template(std::string name,
                                                           std::string_view text) {
    const auto fail = [&](const std::string& what) {
        return failure("template: " + name + ":" + what);
    };
    if (text.size() > kTemplateBytesMax)
        return fail("1: longer than " + std::to_string(kTemplateBytesMax) + " bytes");
    auto tokens = lex_template(text);
    if (!tokens) return fail(tokens.error().message);
    auto tree = std::make_shared<TemplateTree>();
    tree->name = name;
    if (Status parsed = Parser(*tree, text, std::move(*tokens)).run(); !parsed)
        return fail(parsed.error().message);
    return std::shared_ptr<const TemplateTree>(std::move(tree));
}

}  // namespace glassgate::alert
