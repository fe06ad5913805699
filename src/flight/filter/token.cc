#include "flight/filter/token.h"

namespace glassgate::flight {
namespace {

bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool ends_word(char c) noexcept {
    return is_blank(c) || std::string_view("()=!<>~,\"'&|").find(c) != std::string_view::npos;
}

std::unexpected<FilterError> wrong(std::size_t at, std::string message) {
    return std::unexpected(FilterError{at + 1, std::move(message)});
}

// The longest operator that begins here; empty if none does.
std::string_view operator_at(std::string_view rest) noexcept {
    for (const std::string_view op : {"==", "!=", "<=", ">=", "!~", "=~", "=", "<", ">", "~"})
        if (rest.starts_with(op)) return op;
    return {};
}

// A backslash takes the meaning from a quote or a backslash, and stays before anything else: in a
// regular expression it means something.
std::expected<std::string, FilterError> quoted(std::string_view filter, std::size_t& at) {
    const std::size_t start = at;
    const char quote = filter[at++];
    std::string value;
    for (; at < filter.size(); ++at) {
        const char c = filter[at];
        if (c == quote) {
            ++at;
            return value;
        }
        const bool escapes = c == '\\' && at + 1 < filter.size() &&
                             (filter[at + 1] == quote || filter[at + 1] == '\\');
        if (escapes && filter[at + 1] == quote) ++at;
        value += escapes && filter[at] == quote ? quote : c;
        if (escapes && filter[at] == '\\') value += filter[++at];
    }
    return wrong(start, "this text has no end: a quote is missing");
}

}  // namespace

std::expected<std::vector<Token>, FilterError> tokens_of(std::string_view filter) {
    if (filter.size() > kFilterBytesMax)
        return wrong(kFilterBytesMax,
                     "a filter has at most " + std::to_string(kFilterBytesMax) + " bytes");
    std::vector<Token> tokens;
    std::size_t at = 0;
    while (true) {
        while (at < filter.size() && is_blank(filter[at])) ++at;
        const std::size_t start = at;
        const auto add = [&](TokenKind kind, std::string value) {
            tokens.push_back({kind, std::move(value), start + 1});
        };
        if (at == filter.size()) {
            add(TokenKind::end, {});
            return tokens;
        }
        const char c = filter[at];
        if (c == '(' || c == ')' || c == ',') {
            ++at;
            add(c == '(' ? TokenKind::open : c == ')' ? TokenKind::close : TokenKind::comma, {c});
        } else if (c == '"' || c == '\'') {
            auto value = quoted(filter, at);
            if (!value) return std::unexpected(value.error());
            add(TokenKind::text, *std::move(value));
        } else if (const std::string_view op = operator_at(filter.substr(at)); !op.empty()) {
            at += op.size();
            add(TokenKind::op, std::string(op == "==" ? "=" : op == "=~" ? "~" : op));
        } else if (c == '&' || c == '|' || c == '!') {
            return wrong(at, std::string("write ") +
                                 (c == '&'   ? "and"
                                  : c == '|' ? "or"
                                             : "not") +
                                 " instead of " + c);
        } else {
            while (at < filter.size() && !ends_word(filter[at])) ++at;
            add(TokenKind::word, std::string(filter.substr(start, at - start)));
        }
    }
}

}  // namespace glassgate::flight
