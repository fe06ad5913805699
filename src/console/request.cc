#include "console/request.h"

#include <algorithm>

#include "base/text.h"

namespace glassgate::console {

std::string_view Parameters::operator[](std::string_view name) const noexcept {
    for (const auto& [key, value] : all_)
        if (key == name) return value;
    return {};
}

bool Parameters::has(std::string_view name) const noexcept {
    return std::any_of(all_.begin(), all_.end(), [&](const auto& p) { return p.first == name; });
}

std::vector<std::string_view> Parameters::all(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const auto& [key, value] : all_)
        if (key == name) values.push_back(value);
    return values;
}

std::string_view Request::header(std::string_view name) const noexcept {
    for (const auto& [key, value] : headers)
        if (iequals(key, name)) return value;
    return {};
}

}  // namespace glassgate::console
