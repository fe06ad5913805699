#include "alert/template/lexer.h"

#include <algorithm>
#include <array>

#include "store/query/utf8.h"

namespace glassgate::alert {
namespace {

constexpr std::string_view kOpen = "{{", kClose = "}}";
constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::array<std::string_view, 11> kKeywords = {"if",    "else",     "end",   "range",
                                                        "with",  "define",   "block", "template",
                                                        "break", "continue", "nil"};

bool is_space(char c) { return kSpaces.find(c) != std::string_view::npos; }
bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
public:
    explicit Lexer(std::string_view text) : text_(text) {}

    Result<std::vector<Token>> run() {
        while (at_ < text_.size()) {
            TRY_STATUS(lex_text());
            if (at_ < text_.size()) TRY_STATUS(lex_action());
        }
        add(TokenKind::end, at_, {});
        return std::move(tokens_);
    }

private:
    [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
    [[nodiscard]] char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    [[nodiscard]] uint32_t line_at(std::size_t offset) {
        line_ += static_cast<uint32_t>(std::count(text_.begin() + counted_to_,
                                                  text_.begin() + static_cast<long>(offset), '\n'));
        counted_to_ = static_cast<long>(offset);
        return line_;
    }
    void add(TokenKind kind, std::size_t begin, std::string text) {
        tokens_.push_back({kind, std::move(text), line_at(begin), static_cast<uint32_t>(begin),
                           std::exchange(space_, false)});
    }
    [[nodiscard]] std::unexpected<Error> mistake(const std::string& what) {
        return failure(
            std::to_string(line_at(std::max(at_, static_cast<std::size_t>(counted_to_)))) + ": " +
            what);
    }

    // Up to the next {{, comments taken out.
    Status lex_text() {
        const std::size_t found = text_.find(kOpen, at_);
        const std::size_t end = found == std::string_view::npos ? text_.size() : found;
        std::string_view piece = text_.substr(at_, end - at_);
        if (trim_next_)
            piece.remove_prefix(std::min(piece.find_first_not_of(kSpaces), piece.size()));
        trim_next_ = false;
        const bool trims = found != std::string_view::npos && end + 3 < text_.size() &&
                           text_[end + 2] == '-' && is_space(text_[end + 3]);
        if (trims)
            while (!piece.empty() && is_space(piece.back())) piece.remove_suffix(1);
        if (!piece.empty()) add(TokenKind::text, at_, std::string(piece));
        at_ = end;
        if (found == std::string_view::npos) return {};
        const std::size_t inside = end + (trims ? 4 : 2);
        if (text_.substr(inside).starts_with("/*")) return lex_comment(inside);
        add(TokenKind::open, end, std::string(kOpen));
        at_ = end + (trims ? 3 : 2);
        return {};
    }

    Status lex_comment(std::size_t inside) {
        const std::size_t end = text_.find("*/", inside + 2);
        if (end == std::string_view::npos) return mistake("unclosed comment");
        at_ = end + 2;
        if (at_ + 1 < text_.size() && is_space(text_[at_]) && text_[at_ + 1] == '-') {
            at_ += 2;
            trim_next_ = true;
        }
        if (!rest().starts_with(kClose)) return mistake("comment ends before closing delimiter");
        at_ += 2;
        return at_ < text_.size() ? lex_text() : Status{};
    }

    // From behind {{ to behind }}.
    Status lex_action() {
        depth_ = 0;
        while (true) {
            if (is_space(peek()) && peek(1) == '-' && text_.substr(at_ + 2).starts_with(kClose)) {
                at_ += 2;
                trim_next_ = true;
            }
            if (rest().starts_with(kClose)) {
                if (depth_ > 0) return mistake("unclosed left paren");
                add(TokenKind::close, at_, std::string(kClose));
                at_ += 2;
                return {};
            }
            if (at_ >= text_.size()) return mistake("unclosed action");
            if (is_space(peek())) {
                ++at_;
                space_ = true;
                continue;
            }
            TRY_STATUS(lex_token());
        }
    }

    Status lex_token() {
        const std::size_t begin = at_;
        const char c = peek();
        const auto one = [&](TokenKind kind, std::size_t length = 1) -> Status {
            at_ += length;
            add(kind, begin, std::string(text_.substr(begin, length)));
            return {};
        };
        if (rest().starts_with(":=")) return one(TokenKind::declare, 2);
        if (c == ':') return mistake("expected :=");
        if (c == '=') return one(TokenKind::assign);
        if (c == '|') return one(TokenKind::pipe);
        if (c == ',') return one(TokenKind::comma);
        if (c == '"') return lex_quoted();
        if (c == '`') return lex_raw();
        if (c == '\'') return lex_character();
        if (c == '$') return lex_name(TokenKind::variable);
        if (c == '.' && !is_digit(peek(1)))
            return is_alphanumeric(peek(1)) ? lex_name(TokenKind::field) : one(TokenKind::dot);
        if (c == '(') {
            ++depth_;
            return one(TokenKind::left_paren);
        }
        if (c == ')') {
            if (--depth_ < 0) return mistake("unexpected right paren");
            return one(TokenKind::right_paren);
        }
        if (is_digit(c) || c == '+' || c == '-' || c == '.') return lex_number();
        if (is_alphanumeric(c)) return lex_name(TokenKind::identifier);
        return mistake("unexpected " + shown_rune() + " in operand");
    }

    [[nodiscard]] std::string shown_rune() const {
        char text[48];
        const char32_t code = store::query::first_rune(rest()).code;
        if (code >= 0x20 && code < 0x7f)
            std::snprintf(text, sizeof text, "U+%04X '%c'", static_cast<unsigned>(code),
                          static_cast<char>(code));
        else
            std::snprintf(text, sizeof text, "U+%04X", static_cast<unsigned>(code));
        return text;
    }

    // A field, variable or word ends where Go lets it end.
    Status lex_name(TokenKind kind) {
        const std::size_t begin = at_++;
        while (at_ < text_.size() && is_alphanumeric(text_[at_])) ++at_;
        const char next = peek();
        const bool ends = at_ >= text_.size() || is_space(next) ||
                          std::string_view(".,|:)(").find(next) != std::string_view::npos ||
                          rest().starts_with(kClose) || next == '=';
        if (!ends) return mistake("bad character " + shown_rune());
        std::string name(text_.substr(begin, at_ - begin));
        if (kind == TokenKind::identifier) {
            if (name == "true" || name == "false") kind = TokenKind::boolean;
            if (std::find(kKeywords.begin(), kKeywords.end(), name) != kKeywords.end())
                kind = TokenKind::keyword;
        }
        add(kind, begin, std::move(name));
        return {};
    }

    Status lex_number() {
        const std::size_t begin = at_;
        if (peek() == '+' || peek() == '-') ++at_;
        while (at_ < text_.size() &&
               (is_alphanumeric(peek()) || peek() == '.' ||
                ((peek() == '+' || peek() == '-') && at_ > begin &&
                 std::string_view("eEpP").find(text_[at_ - 1]) != std::string_view::npos)))
            ++at_;
        add(TokenKind::number, begin, std::string(text_.substr(begin, at_ - begin)));
        return {};
    }

    Status lex_quoted() {
        const std::size_t begin = at_++;
        while (true) {
            if (at_ >= text_.size() || peek() == '\n') return mistake("unterminated quoted string");
            if (peek() == '\\') {
                at_ += 2;
                continue;
            }
            if (text_[at_++] == '"') break;
        }
        if (at_ > text_.size()) return mistake("unterminated quoted string");
        add(TokenKind::string, begin, std::string(text_.substr(begin, at_ - begin)));
        return {};
    }

    Status lex_raw() {
        const std::size_t end = text_.find('`', at_ + 1);
        if (end == std::string_view::npos) return mistake("unterminated raw quoted string");
        add(TokenKind::string, at_, std::string(text_.substr(at_, end + 1 - at_)));
        at_ = end + 1;
        return {};
    }

    Status lex_character() {
        const std::size_t begin = at_++;
        while (true) {
            if (at_ >= text_.size() || peek() == '\n')
                return mistake("unterminated character constant");
            if (peek() == '\\') {
                at_ += 2;
                continue;
            }
            if (text_[at_++] == '\'') break;
        }
        if (at_ > text_.size()) return mistake("unterminated character constant");
        add(TokenKind::character, begin, std::string(text_.substr(begin, at_ - begin)));
        return {};
    }

    std::string_view text_;
    std::size_t at_ = 0;
    uint32_t line_ = 1;
    long counted_to_ = 0;
    int depth_ = 0;  // of parentheses
    bool space_ = false, trim_next_ = false;
    std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> lex_template(std::string_view text) { return Lexer(text).run(); }

}  // namespace glassgate::alert
