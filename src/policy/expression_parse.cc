// From text to steps: recursive descent, one function a rule of the grammar in expression.h.
#include <array>
#include <charconv>
#include <optional>

#include "base/document.h"
#include "base/text.h"
#include "policy/expression.h"

namespace glassgate::policy {
namespace {

using Op = Expression::Op;
using Step = Expression::Step;
using Kind = ExpressionValue::Kind;

constexpr unsigned kMaxDepth = 64;
constexpr std::size_t kMaxSteps = 1000;  // they are walked recursively

struct Function {
    std::string_view name;
    Op op;
    unsigned operands;
};
constexpr std::array kFunctions{
    Function{"contains", Op::contains, 2},
    Function{"lower", Op::lower, 1},
    Function{"upper", Op::upper, 1},
    Function{"trim", Op::trim, 1},
    Function{"splitBy", Op::split_by, 2},
    Function{"sizeOf", Op::size_of, 1},
    Function{"uuid", Op::uuid, 0},
    Function{"substringBefore", Op::substring_before, 2},
    Function{"substringAfter", Op::substring_after, 2},
    Function{"substringBeforeLast", Op::substring_before_last, 2},
    Function{"substringAfterLast", Op::substring_after_last, 2},
};
const Function* find_function(std::string_view name) noexcept {
    for (const Function& f : kFunctions)
        if (f.name == name) return &f;
    return nullptr;
}

struct Attribute {
    std::string_view name;
    Op op;
    bool named;  // of many: the name of one follows
};
constexpr std::array kAttributes{
    Attribute{"headers", Op::header, true},
    Attribute{"queryParams", Op::query_parameter, true},
    Attribute{"method", Op::method, false},
    Attribute{"queryString", Op::query_string, false},
    Attribute{"requestPath", Op::request_path, false},
    Attribute{"requestUri", Op::request_uri, false},
    Attribute{"remoteAddress", Op::remote_address, false},
    Attribute{"scheme", Op::scheme, false},
    Attribute{"version", Op::version, false},
    Attribute{"statusCode", Op::status_code, false},
};

bool starts_name(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool continues_name(char c) noexcept { return starts_name(c) || is_digit(c); }

// A rule returns the index of its step, or nothing after a mistake.
using Parsed = std::optional<uint32_t>;

class Parser {
public:
    Parser(std::string_view text, std::size_t offset) : text_(text), offset_(offset) {}

    Parsed whole() {
        const Parsed result = expression();
        if (!result) return std::nullopt;
        skip_space();
        if (at_ != text_.size()) return mistake("something follows the expression", "its end");
        return result;
    }
    std::vector<Step> steps;
    ExpressionMistake first;

private:
    Parsed mistake(std::string message, std::string expected = {}) {
        return mistake_at(at_, std::move(message), std::move(expected));
    }
    Parsed mistake_at(std::size_t at, std::string message, std::string expected = {}) {
        if (first.message.empty())
            first = {at + offset_ + 1, std::move(message), std::move(expected)};
        return std::nullopt;
    }
    uint32_t add(Step step) {
        steps.push_back(std::move(step));
        return static_cast<uint32_t>(steps.size() - 1);
    }
    uint32_t add(Op op, uint32_t a = 0, uint32_t b = 0, uint32_t c = 0) {
        Step step;
        step.op = op;
        step.a = a, step.b = b, step.c = c;
        return add(std::move(step));
    }

    void skip_space() noexcept {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' ||
                                      text_[at_] == '\n' || text_[at_] == '\r'))
            ++at_;
    }
    [[nodiscard]] std::string_view rest() const noexcept { return text_.substr(at_); }
    bool take(std::string_view symbol) noexcept {
        skip_space();
        if (!rest().starts_with(symbol)) return false;
        at_ += symbol.size();
        return true;
    }
    [[nodiscard]] std::string_view next_word() noexcept {
        skip_space();
        std::size_t size = 0;
        if (at_ < text_.size() && starts_name(text_[at_]))
            while (at_ + size < text_.size() && continues_name(text_[at_ + size])) ++size;
        return text_.substr(at_, size);
    }
    bool take_word(std::string_view word) noexcept {
        if (next_word() != word) return false;
        at_ += word.size();
        return true;
    }

    Parsed expression() {
        if (depth_ == kMaxDepth) return mistake("too deeply nested", "at most 64 levels");
        ++depth_;
        const Parsed result = next_word() == "if" ? conditional() : fallback();
        --depth_;
        return result;
    }
    Parsed conditional() {
        (void)take_word("if");
        if (!take("(")) return mistake("no condition follows 'if'", "'('");
        const Parsed condition = expression();
        if (!condition) return std::nullopt;
        if (!take(")")) return mistake("the condition does not end", "')'");
        const Parsed yes = expression();
        if (!yes) return std::nullopt;
        if (!take_word("else")) return mistake("an 'if' without 'else'", "'else'");
        const Parsed no = expression();
        if (!no) return std::nullopt;
        return add(Op::choose, *condition, *yes, *no);
    }
    template <typename Operand>
    Parsed chain(std::string_view word, Op op, Operand operand) {
        Parsed left = (this->*operand)();
        while (left && take_word(word)) {
            const Parsed right = (this->*operand)();
            if (!right) return std::nullopt;
            left = add(op, *left, *right);
        }
        return left;
    }
    Parsed fallback() { return chain("default", Op::fallback, &Parser::either); }
    Parsed either() { return chain("or", Op::either, &Parser::both); }
    Parsed both() { return chain("and", Op::both, &Parser::negation); }

    Parsed negation() {
        unsigned count = 0;
        while (true) {
            if (take_word("not")) {
                ++count;
            } else if (skip_space(); rest().starts_with("!") && !rest().starts_with("!=")) {
                ++at_;
                ++count;
            } else {
                break;
            }
        }
        Parsed operand = comparison();
        for (; operand && count > 0; --count) operand = add(Op::negation, *operand);
        return operand;
    }
    Parsed comparison() {
        const Parsed left = sum();
        if (!left) return std::nullopt;
        constexpr std::pair<std::string_view, Op> kOperators[] = {
            {"==", Op::equal},         {"!=", Op::unequal}, {"<=", Op::less_equal},
            {">=", Op::greater_equal}, {"<", Op::less},     {">", Op::greater}};
        for (const auto& [symbol, op] : kOperators) {
            if (!take(symbol)) continue;
            const Parsed right = sum();
            if (!right) return std::nullopt;
            return add(op, *left, *right);
        }
        return left;
    }
    Parsed sum() {
        Parsed left = infix();
        while (left) {
            const bool join = take("++");
            if (!join && !take("--")) break;
            const Parsed right = infix();
            if (!right) return std::nullopt;
            left = add(join ? Op::join : Op::without, *left, *right);
        }
        return left;
    }
    Parsed infix() {
        Parsed left = postfix();
        while (left) {
            const Function* const function = find_function(next_word());
            if (function == nullptr || function->operands != 2) break;
            at_ += function->name.size();
            const Parsed right = postfix();
            if (!right) return std::nullopt;
            left = add(function->op, *left, *right);
        }
        return left;
    }
    Parsed postfix() {
        Parsed value = primary();
        while (value && take("[")) {
            const Parsed index = expression();
            if (!index) return std::nullopt;
            if (!take("]")) return mistake("a selector does not end", "']'");
            value = add(Op::at, *value, *index);
        }
        if (value && take(".")) return mistake("this value has no members", "an operator");
        return value;
    }

    Parsed primary() {
        skip_space();
        if (at_ == text_.size()) return mistake("the expression ends here", "a value");
        const char c = text_[at_];
        if (c == '\'' || c == '"') return string_literal();
        if (is_digit(c) || c == '-') return number();
        if (take("(")) {
            const Parsed inner = expression();
            if (!inner) return std::nullopt;
            if (!take(")")) return mistake("a parenthesis is not closed", "')'");
            return inner;
        }
        const std::size_t begin = at_;
        const std::string_view word = next_word();
        if (word.empty()) return mistake("unexpected " + quote(text_.substr(at_, 1)), "a value");
        at_ += word.size();
        return named(word, begin);
    }
    Parsed named(std::string_view word, std::size_t begin) {
        if (word == "true" || word == "false" || word == "null") {
            Step step;
            step.value.kind = word == "null" ? Kind::null : Kind::boolean;
            step.value.boolean = word == "true";
            return add(std::move(step));
        }
        if (word == "attributes") return attribute();
        if (word == "authentication") return authentication();
        if (word == "vars") return variable();
        if (word == "payload") return mistake_at(begin, "payload cannot be read here");
        if (const Function* const function = find_function(word)) return call(*function);
        std::vector<std::string_view> known{"attributes", "authentication", "vars", "if", "not"};
        for (const Function& f : kFunctions) known.push_back(f.name);
        const std::string_view near = nearest_name(word, known);
        return mistake_at(
            begin, "unknown name " + quote(word),
            near.empty() ? "attributes, authentication, vars or a function" : std::string(near));
    }
    Parsed call(const Function& function) {
        if (!take("(")) return mistake("a function without its operands", "'('");
        std::array<uint32_t, 2> operands{};
        for (unsigned i = 0; i < function.operands; ++i) {
            if (i > 0 && !take(","))
                return mistake(std::string(function.name) + " has too few operands", "','");
            const Parsed operand = expression();
            if (!operand) return std::nullopt;
            operands[i] = *operand;
        }
        if (!take(")"))
            return mistake(std::string(function.name) + " takes " +
                               std::to_string(function.operands) + " operands",
                           "')'");
        return add(function.op, operands[0], operands[1]);
    }

    // ".NAME" or "['NAME']"; empty after a mistake.
    std::string member(std::string_view of) {
        if (take(".")) {
            // Header names have dashes; written so, they are no subtraction.
            skip_space();
            std::size_t size = 0;
            while (at_ + size < text_.size() &&
                   (continues_name(text_[at_ + size]) ||
                    (size > 0 && text_[at_ + size] == '-' && at_ + size + 1 < text_.size() &&
                     continues_name(text_[at_ + size + 1]))))
                ++size;
            const std::string name(text_.substr(at_, size));
            if (name.empty()) (void)mistake("no name follows the dot", "a name");
            at_ += size;
            return name;
        }
        if (!take("[")) {
            (void)mistake(std::string(of) + " is not a value by itself", ".NAME or ['NAME']");
            return {};
        }
        skip_space();
        std::optional<std::string> name;
        if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"'))
            name = quoted();
        else
            (void)mistake("a member is named by a text", "['NAME']");
        if (!name) return {};
        if (name->empty()) (void)mistake("an empty name", "a name");
        if (!take("]")) {
            (void)mistake("a selector does not end", "']'");
            return {};
        }
        return *name;
    }
    Parsed attribute() {
        const std::size_t begin = at_;
        const std::string name = member("attributes");
        if (name.empty()) return std::nullopt;
        for (const Attribute& attribute : kAttributes) {
            if (attribute.name != name) continue;
            Step step;
            step.op = attribute.op;
            if (attribute.named) {
                step.name = member("attributes." + name);
                if (step.name.empty()) return std::nullopt;
                if (step.op == Op::header) step.known = http::known_header(step.name);
            }
            return add(std::move(step));
        }
        std::vector<std::string_view> known;
        for (const Attribute& attribute : kAttributes) known.push_back(attribute.name);
        const std::string_view near = nearest_name(name, known);
        return mistake_at(
            begin, "attributes has no " + quote(name) + " here",
            near.empty() ? "headers, queryParams, method, requestPath ..." : std::string(near));
    }
    Parsed authentication() {
        const std::size_t begin = at_;
        const std::string name = member("authentication");
        if (name.empty()) return std::nullopt;
        if (name == "clientId" || name == "principal") return add(Op::client_id);
        if (name == "clientName") return add(Op::client_name);
        if (name == "properties") {
            if (member("authentication.properties") != "claims")
                return mistake_at(begin, "authentication.properties has only claims", "claims");
            return claim();
        }
        return mistake_at(begin, "authentication has no " + quote(name),
                          "clientId, clientName, principal or properties.claims");
    }
    Parsed variable() {
        const std::size_t begin = at_;
        const std::string name = member("vars");
        if (name.empty()) return std::nullopt;
        if (name != "claimSet")
            return mistake_at(begin, "there is no variable " + quote(name), "claimSet");
        return claim();
    }
    // Members of claims are named by dots in between, as Request::claim has them.
    Parsed claim() {
        Step step;
        step.op = Op::claim;
        step.name = member("a set of claims");
        if (step.name.empty()) return std::nullopt;
        while (true) {
            skip_space();
            if (!rest().starts_with(".") && !rest().starts_with("['") && !rest().starts_with("[\""))
                break;
            const std::string more = member("a claim");
            if (more.empty()) return std::nullopt;
            step.name += "." + more;
        }
        return add(std::move(step));
    }

    std::optional<std::string> quoted() {
        const std::size_t begin = at_;
        const char end = text_[at_++];
        std::string out;
        while (at_ < text_.size() && text_[at_] != end) {
            char c = text_[at_++];
            if (c == '\\') {
                if (at_ == text_.size()) break;
                c = text_[at_++];
                if (c == 'n') c = '\n';
                if (c == 't') c = '\t';
            }
            out += c;
        }
        if (at_ >= text_.size()) {
            (void)mistake_at(begin, "a text does not end", std::string(1, end));
            return std::nullopt;
        }
        ++at_;
        return out;
    }
    Parsed string_literal() {
        std::optional<std::string> text = quoted();
        if (!text) return std::nullopt;
        Step step;
        step.value.kind = Kind::text;
        step.name = std::move(*text);
        return add(std::move(step));
    }
    Parsed number() {
        Step step;
        step.value.kind = Kind::number;
        const char* const begin = text_.data() + at_;
        const char* const end = text_.data() + text_.size();
        const auto [stop, error] = std::from_chars(begin, end, step.value.number);
        if (error != std::errc{} || (stop != end && continues_name(*stop)))
            return mistake("not a number", "a number such as 10 or 2.5");
        at_ += static_cast<std::size_t>(stop - begin);
        return add(std::move(step));
    }

    std::string_view text_;
    std::size_t offset_;  // of text_ in what was given
    std::size_t at_ = 0;
    unsigned depth_ = 0;
};

}  // namespace

std::expected<Expression, ExpressionMistake> Expression::compile(std::string_view text) {
    if (text.size() > kMaxBytes)
        return std::unexpected(ExpressionMistake{1, "an expression of more than 4096 bytes", {}});
    const bool wrapped = is_one(text);
    Parser parser(wrapped ? text.substr(2, text.size() - 3) : text, wrapped ? 2 : 0);
    if (!parser.whole()) return std::unexpected(std::move(parser.first));
    if (parser.steps.size() > kMaxSteps)
        return std::unexpected(
            ExpressionMistake{1, "an expression of more than 1000 operations", {}});
    Expression expression;
    expression.steps_ = std::move(parser.steps);
    return expression;
}

}  // namespace glassgate::policy
