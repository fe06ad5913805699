// A template's text as tokens. As Go's text/template/parse cuts it: {{- and -}} trim, {{/* */}} is
// a comment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace glassgate::alert {

enum class TokenKind : uint8_t {
    end,         // of the template
    text,        // between actions
    open,        // {{
    close,       // }}
    dot,         // .
    field,       // .Name
    variable,    // $name or $
    identifier,  // a function
    keyword,     // if else end range with define template block break continue nil
    boolean,
    number,
    character,  // 'c'
    string,     // "..." or `...`
    pipe,
    declare,  // :=
    assign,   // =
    comma,
    left_paren,
    right_paren,
};

struct Token {
    TokenKind kind = TokenKind::end;
    std::string text;           // as written; of text: trimmed
    uint32_t line = 0;          // 1-based
    uint32_t begin = 0;         // offset in the template
    bool space_before = false;  // in an action
};

// Error: "LINE: what".
[[nodiscard]] Result<std::vector<Token>> lex_template(std::string_view text);

}  // namespace glassgate::alert
