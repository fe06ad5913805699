#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/document.h"
#include "base/text.h"
#include "flight/filter/filter.h"

namespace glassgate::flight {
namespace {

constexpr std::size_t kMaxDepth = 64, kMaxTerms = 64, kMaxChoices = 64;

struct ExtraName {
    std::string_view name;
    Extra extra;
};
constexpr ExtraName kExtras[] = {{"event", Extra::event},   {"level", Extra::level},
                                 {"kind", Extra::kind},     {"kept", Extra::kept},
                                 {"detail", Extra::detail}, {"listener", Extra::listener}};

struct OpName {
    std::string_view text;
    Compare compare;
};
constexpr OpName kOps[] = {{"=", Compare::equal}, {"!=", Compare::unequal}, {"<", Compare::less},
                           {"<=", Compare::most}, {">", Compare::greater},  {">=", Compare::least},
                           {"~", Compare::match}, {"!~", Compare::mismatch}};

using Outcome = std::expected<void, FilterError>;

std::unexpected<FilterError> wrong(const Token& token, std::string message) {
    return std::unexpected(FilterError{token.column, std::move(message)});
}

std::string quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::string shown(const Token& token) {
    return token.kind == TokenKind::end ? "the end of the filter" : quote(token.value);
}

bool is_number_field(model::FieldType type) noexcept {
    return type == model::FieldType::integer || type == model::FieldType::milliseconds;
}

bool orders(Compare compare) noexcept {
    return compare == Compare::less || compare == Compare::most || compare == Compare::greater ||
           compare == Compare::least;
}

std::vector<std::string_view> known_names() {
    std::vector<std::string_view> names;
    for (const model::FieldDescription& field : model::field_catalogue())
        if (!field.name.ends_with('.')) names.push_back(field.name);
    for (const ExtraName& extra : kExtras) names.push_back(extra.name);
    names.insert(names.end(), {"jwt.sub", "jwt.org_id"});
    return names;
}

// "500", "4.2", and for durations "500ms", "2s", "1m".
bool read_number(std::string_view text, model::FieldType type, double& number) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || !std::isfinite(number)) return false;
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (unit.empty()) return true;
    if (type != model::FieldType::milliseconds) return false;
    if (unit == "us")
        number /= 1000;
    else if (unit == "s")
        number *= 1000;
    else if (unit == "m")
        number *= 60'000;
    else
        return unit == "ms";
    return true;
}

class Parser {
public:
    explicit Parser(const std::vector<Token>& tokens) : tokens_(tokens) {}

    std::expected<FilterNode, FilterError> whole() {
        FilterNode node;
        if (auto read = any(node); !read) return std::unexpected(read.error());
        if (next().kind != TokenKind::end)
            return wrong(next(), "expected and, or, or the end, not " + shown(next()));
        return node;
    }
    [[nodiscard]] std::size_t terms() const noexcept { return terms_; }

private:
    [[nodiscard]] const Token& next() const noexcept { return tokens_[at_]; }
    const Token& take() noexcept {
        const Token& token = tokens_[at_];
        if (at_ + 1 < tokens_.size()) ++at_;
        return token;
    }
    [[nodiscard]] bool is_word(std::string_view word) const noexcept {
        return next().kind == TokenKind::word && iequals(next().value, word);
    }
    bool take_word(std::string_view word) noexcept {
        if (!is_word(word)) return false;
        take();
        return true;
    }

    // a and b and c, a or b or c: `part` reads one.
    template <typename Part>
    Outcome chain(FilterNode& node, std::string_view word, FilterNode::Kind kind, Part&& part) {
        if (auto read = part(node); !read) return read;
        if (!is_word(word)) return {};
        FilterNode joined;
        joined.kind = kind;
        joined.parts.push_back(std::move(node));
        while (take_word(word)) {
            FilterNode more;
            if (auto read = part(more); !read) return read;
            joined.parts.push_back(std::move(more));
        }
        node = std::move(joined);
        return {};
    }
    Outcome any(FilterNode& node) {
        return chain(node, "or", FilterNode::Kind::any, [this](FilterNode& n) { return all(n); });
    }
    Outcome all(FilterNode& node) {
        return chain(node, "and", FilterNode::Kind::all, [this](FilterNode& n) { return one(n); });
    }
    Outcome one(FilterNode& node) {
        if (++depth_ > kMaxDepth) return wrong(next(), "nested too deeply");
        Outcome read = one_inside(node);
        --depth_;
        return read;
    }
    Outcome one_inside(FilterNode& node) {
        if (take_word("not")) {
            node.kind = FilterNode::Kind::no;
            node.parts.emplace_back();
            return one(node.parts.front());
        }
        if (next().kind != TokenKind::open) return term(node);
        const Token& open = take();
        if (auto read = any(node); !read) return read;
        if (next().kind != TokenKind::close)
            return wrong(next(), "expected ) for the ( at column " + std::to_string(open.column) +
                                     ", not " + shown(next()));
        take();
        return {};
    }

    Outcome term(FilterNode& node) {
        if (++terms_ > kMaxTerms)
            return wrong(next(), "more than " + std::to_string(kMaxTerms) + " comparisons");
        node.number = terms_ - 1;
        const Token& name = take();
        if (name.kind != TokenKind::word)
            return wrong(name, "expected a field such as response.status, not " + shown(name));
        if (auto known = field(name, node.term); !known) return known;
        if (take_word("in")) return choices(node.term);
        if (is_word("not")) return not_in(node);
        if (next().kind != TokenKind::op) return {};  // just the name: is there one?
        const Token& op = take();
        for (const OpName& known : kOps)
            if (known.text == op.value) node.term.compare = known.compare;
        const bool timestamp = node.term.type == model::FieldType::timestamp;
        const bool number = is_number_field(node.term.type);
        if (orders(node.term.compare) && !number && !timestamp)
            return wrong(op, quote(name.value) + " is text: it has =, !=, ~, !~ and in");
        const bool pattern =
            node.term.compare == Compare::match || node.term.compare == Compare::mismatch;
        if (pattern && number)
            return wrong(op, quote(name.value) + " is a number: it has =, !=, <, <=, > and >=");
        return value(node.term, pattern);
    }
    Outcome not_in(FilterNode& node) {
        const Token& word = take();
        if (!take_word("in"))
            return wrong(word, "expected an operator, and, or, or the end, not \"not\"");
        FilterNode inner;
        inner.number = node.number;
        inner.term = std::move(node.term);
        if (auto read = choices(inner.term); !read) return read;
        node = FilterNode{};
        node.kind = FilterNode::Kind::no;
        node.parts.push_back(std::move(inner));
        return {};
    }

    Outcome field(const Token& name, FilterTerm& term) {
        for (const ExtraName& extra : kExtras)
            if (extra.name == name.value) {
                term.extra = extra.extra;
                return {};
            }
        model::FieldSelection selection;
        const auto ref = selection.add(name.value);
        if (!ref) {
            const std::string_view near = nearest_name(name.value, known_names());
            return wrong(name, "unknown field " + quote(name.value) +
                                   (near.empty() ? "" : ", did you mean " + quote(near) + "?"));
        }
        telemetry::LoggingSettings logging;
        logging.fields = {*ref};
        logging.field_names = {name.value};
        term.element = telemetry::compile_line_format(logging).elements.front();
        term.field = ref->field;
        term.parameter = ref->parameter;
        term.type = describe(ref->field).type;
        return {};
    }

    Outcome value(FilterTerm& term, bool pattern) {
        const Token& token = take();
        if (token.kind != TokenKind::word && token.kind != TokenKind::text)
            return wrong(token, "expected a value, not " + shown(token));
        if (is_number_field(term.type)) {
            double number = 0;
            if (!read_number(token.value, term.type, number))
                return wrong(token, quote(token.value) + " is no number, and " +
                                        quote(term.element.name) + " is one");
            term.numbers.push_back(number);
            return {};
        }
        if (pattern) {
            re2::RE2::Options options;
            options.set_log_errors(false);
            options.set_max_mem(1 << 20);
            auto compiled = std::make_shared<const re2::RE2>(token.value, options);
            if (!compiled->ok())
                return wrong(token, "no regular expression (RE2): " + compiled->error());
            term.pattern = std::move(compiled);
        }
        term.texts.push_back(token.value);
        if (term.extra == Extra::level && !pattern)  // ERROR in the log; people write error
            for (char& c : term.texts.back())
                if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        return {};
    }
    Outcome choices(FilterTerm& term) {
        term.compare = Compare::equal;
        if (next().kind != TokenKind::open)
            return wrong(next(), "expected ( behind in, not " + shown(next()));
        do {
            take();
            if (term.texts.size() + term.numbers.size() >= kMaxChoices)
                return wrong(next(), "more than " + std::to_string(kMaxChoices) + " values");
            if (auto read = value(term, false); !read) return read;
        } while (next().kind == TokenKind::comma);
        if (next().kind != TokenKind::close)
            return wrong(next(), "expected , or ), not " + shown(next()));
        take();
        return {};
    }

    const std::vector<Token>& tokens_;
    std::size_t at_ = 0, depth_ = 0, terms_ = 0;
};

}  // namespace

std::expected<Filter, FilterError> Filter::parse(std::string_view text) {
    auto tokens = tokens_of(text);
    if (!tokens) return std::unexpected(tokens.error());
    Parser parser(*tokens);
    auto root = parser.whole();
    if (!root) return std::unexpected(root.error());
    Filter filter;
    filter.root_ = std::make_shared<const FilterNode>(*std::move(root));
    filter.terms_ = parser.terms();
    return filter;
}

std::string explain(const FilterError& error, std::string_view filter) {
    std::string line(filter);
    std::replace_if(line.begin(), line.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
    const std::size_t column = std::min(error.column, line.size() + 1);
    return "filter, column " + std::to_string(error.column) + ": " + error.message + "\n  " + line +
           "\n  " + std::string(column - 1, ' ') + "^";
}

}  // namespace glassgate::flight
