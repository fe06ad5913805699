// The functions a template can call: Go's own and Prometheus'.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alert/template/template.h"
#include "alert/template/value.h"

namespace glassgate::alert {

// What an argument must be.
enum class Takes : uint8_t { any, text, integer, elements, element };

struct Function {
    std::string_view name;
    std::vector<Takes> takes;  // the last stands for all further ones of a variadic function
    bool variadic = false;
    // Arguments are as many and of the kinds that it takes.
    Result<Value> (*call)(const TemplateScene& scene, std::span<const Value> arguments) = nullptr;

    [[nodiscard]] std::size_t least() const noexcept { return takes.size() - (variadic ? 1 : 0); }
};

// Null: there is none of that name.
[[nodiscard]] const Function* find_function(std::string_view name) noexcept;

// Parts of the table.
[[nodiscard]] std::span<const Function> general_functions();  // Go's
[[nodiscard]] std::span<const Function> rule_functions();     // Prometheus'

// fmt.Sprintf.
[[nodiscard]] std::string format_values(std::string_view format, std::span<const Value> arguments);

}  // namespace glassgate::alert
