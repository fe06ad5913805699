// Small things every policy's compile() needs.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/document.h"

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

}  // namespace glassgate::policy
