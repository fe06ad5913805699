// Labels: what names a series. Sorted by name, names unique, no empty values; "__name__" is the
// metric name, as in Prometheus' data model.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace glassgate::store {

inline constexpr std::string_view kMetricName = "__name__";

struct Label {
    std::string name;
    std::string value;
    auto operator<=>(const Label&) const = default;
};

// Compares as Prometheus' labels.Compare: label by label, name before value.
using Labels = std::vector<Label>;

// The value of a label; empty if there is none (the same thing, by the data model).
[[nodiscard]] inline std::string_view value_of(const Labels& labels,
                                               std::string_view name) noexcept {
    for (const Label& label : labels)
        if (label.name == name) return label.value;
    return {};
}

}  // namespace glassgate::store
