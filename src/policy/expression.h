// Expression: the part of DataWeave that gateway policies are configured with, compiled once to
// accessors over a request; every mistake is found then, with its column. Evaluating cannot fail:
// what is absent, or has no meaning for its operands, is null.
//
//   #[attributes.headers['client_id'] default attributes.remoteAddress]
//   #[if (vars.claimSet.tier == 'gold') 'gold' else 'other']
//
//   expression := "if" "(" expression ")" expression "else" expression | fallback
//   fallback   := either { "default" either }
//   either     := both { "or" both }          both := negation { "and" negation }
//   negation   := ("not" | "!") negation | comparison
//   comparison := sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum ]
//   sum        := infix { ("++" | "--") infix }
//   infix      := postfix { FUNCTION postfix }          "a" contains "b", x splitBy ','
//   postfix    := primary { "." NAME | "[" (STRING | INTEGER) "]" }
//   primary    := STRING | NUMBER | "true" | "false" | "null" | "(" expression ")"
//               | FUNCTION "(" [ expression { "," expression } ] ")" | ROOT
//
// Roots: attributes.{headers.NAME, queryParams.NAME, method, queryString, requestPath, requestUri,
// remoteAddress, scheme, version, statusCode}, authentication.{clientId, clientName, principal,
// properties.claims.NAME}, vars.claimSet.NAME. Functions: contains, lower, upper, trim, splitBy,
// sizeOf, uuid, substringBefore, substringAfter, substringBeforeLast, substringAfterLast.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace glassgate::policy {

struct ExpressionValue {
    enum class Kind : uint8_t { null, boolean, number, text, list };
    Kind kind = Kind::null;
    bool boolean = false;
    double number = 0;
    std::string_view text;                    // the request's, its arena's or the expression's
    std::span<const std::string_view> items;  // the arena's
};

struct ExpressionMistake {
    std::size_t column = 1;  // of the text that was compiled, from 1
    std::string message, expected;
};

class Expression {
public:
    static constexpr std::size_t kMaxBytes = 4096;

    // With "#[" and "]" around it, or without.
    [[nodiscard]] static std::expected<Expression, ExpressionMistake> compile(
        std::string_view text);
    // Whether it is written as one: "#[...]".
    [[nodiscard]] static bool is_one(std::string_view text) noexcept {
        return text.starts_with("#[") && text.ends_with("]");
    }

    // `response` null: before there is one (statusCode is null). The value lives as long as the
    // request and this expression.
    [[nodiscard]] ExpressionValue evaluate(const Request& request,
                                           const Response* response = nullptr) const;
    // As text; empty for null. A list is joined by commas.
    [[nodiscard]] std::string_view text(const Request& request,
                                        const Response* response = nullptr) const;
    // Whether it is `true`: nothing else is.
    [[nodiscard]] bool holds(const Request& request, const Response* response = nullptr) const {
        const ExpressionValue value = evaluate(request, response);
        return value.kind == ExpressionValue::Kind::boolean && value.boolean;
    }

    enum class Op : uint8_t {
        literal,
        header,
        query_parameter,
        claim,
        method,
        query_string,
        request_path,
        request_uri,
        remote_address,
        scheme,
        version,
        status_code,
        client_id,
        client_name,
        choose,
        fallback,
        either,
        both,
        negation,
        equal,
        unequal,
        less,
        less_equal,
        greater,
        greater_equal,
        join,
        without,
        at,
        contains,
        lower,
        upper,
        trim,
        split_by,
        size_of,
        uuid,
        substring_before,
        substring_after,
        substring_before_last,
        substring_after_last,
    };
    struct Step {  // a node of the tree; operands come before it
        Op op = Op::literal;
        uint32_t a = 0, b = 0, c = 0;  // steps
        ExpressionValue value;         // literal; its text lies in `name`
        std::string name;              // of a header, a parameter, a claim; text of a literal
        http::KnownHeader known = http::KnownHeader::other;
    };

private:
    std::vector<Step> steps_;  // the last is the whole
};

}  // namespace glassgate::policy
