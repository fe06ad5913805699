// From tokens to a tree.
#pragma once

#include <memory>

#include "alert/template/tree.h"
#include "base/result.h"

namespace glassgate::alert {

inline constexpr int kTemplateDepthMax = 100;

// Error: "template: NAME:LINE: what".
[[nodiscard]] Result<std::shared_ptr<const TemplateTree>> parse_template(std::string name,
                                                                         std::string_view text);

}  // namespace glassgate::alert
