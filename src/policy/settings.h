// Small things every policy's compile() needs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include "base/document.h"
#include "policy/expression.h"

namespace glassgate::policy {

// Whether mistakes were reported since this was made. (Others may have reported some before.)
class Mistakes {
public:
    explicit Mistakes(const Diagnostics& diagnostics)
        : diagnostics_(diagnostics), before_(errors()) {}
    [[nodiscard]] bool any() const { return errors() != before_; }

private:
    [[nodiscard]] std::size_t errors() const {
        return static_cast<std::size_t>(
            std::count_if(diagnostics_.all().begin(), diagnostics_.all().end(),
                          [](const Diagnostic& d) { return d.severity == Severity::error; }));
    }
    const Diagnostics& diagnostics_;
    std::size_t before_;
};

// The value of `node` as an expression. A mistake is reported where it stands within the text.
[[nodiscard]] inline std::optional<Expression> read_expression(const Node& node,
                                                               Diagnostics& diagnostics) {
    auto compiled = Expression::compile(node.scalar);
    if (compiled) return std::move(*compiled);
    Position at = node.position;
    // '#' begins a comment unless it is quoted: the text begins behind the quotation mark.
    at.column += static_cast<uint32_t>(compiled.error().column);
    diagnostics.error(at, compiled.error().message, compiled.error().expected);
    return std::nullopt;
}

}  // namespace glassgate::policy
