// Cuts an expression into tokens, as Prometheus' lexer does, its special cases included.
#pragma once

#include <string_view>

#include "store/query/token.h"

namespace glassgate::store::query {

class Lexer {
public:
    // The text must outlive the tokens.
    explicit Lexer(std::string_view text) noexcept : text_(text) {}

    // The next token; comments are skipped. After an error or the end, the end for ever.
    [[nodiscard]] Token next();

private:
    [[nodiscard]] Token scan();
    [[nodiscard]] Token statement();
    [[nodiscard]] Token inside_braces();
    [[nodiscard]] Token bracket_or_paren(char c);
    [[nodiscard]] Token operator_token(char c);
    [[nodiscard]] Token word();
    [[nodiscard]] Token label_name();
    [[nodiscard]] Token number_or_duration();
    [[nodiscard]] Token duration();
    [[nodiscard]] Token quoted_string(char quote);
    [[nodiscard]] Token raw_string();
    [[nodiscard]] std::string escape_error(char quote);
    [[nodiscard]] std::string coded_escape_error(char kind);
    [[nodiscard]] bool scan_number();
    [[nodiscard]] bool scan_rest_of_duration();

    // Characters at the place; '\0' with at_end() behind the last.
    [[nodiscard]] bool at_end() const noexcept { return at_ >= text_.size(); }
    [[nodiscard]] char peek() const noexcept { return at_end() ? '\0' : text_[at_]; }
    bool accept(std::string_view set) noexcept;
    void accept_run(std::string_view set) noexcept;
    void skip_spaces() noexcept;
    [[nodiscard]] std::string_view pending() const noexcept {
        return text_.substr(begin_, at_ - begin_);
    }

    [[nodiscard]] Token token(TokenKind kind) const;
    [[nodiscard]] Token error(std::string message);

    std::string_view text_;
    std::size_t at_ = 0;     // next character
    std::size_t begin_ = 0;  // of the token being read
    int paren_depth_ = 0;
    bool brace_open_ = false;
    bool bracket_open_ = false;
    bool colon_seen_ = false;    // since the bracket was opened
    bool duration_due_ = false;  // a bracket was just opened
    bool ended_ = false;
};

}  // namespace glassgate::store::query
