// ExpositionSum: sums over the samples of a family in a scrape, as a query would make them.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace glassgate::gateway::demo {

class ExpositionSum {
public:
    // Text 0.0.4; must outlive this.
    explicit ExpositionSum(std::string_view text) noexcept : text_(text) {}
    // Over all samples of exactly that name whose label part contains both texts.
    [[nodiscard]] double of(std::string_view family, std::string_view having = {},
                            std::string_view and_having = {}) const;
    // Sums by the value of one label.
    [[nodiscard]] std::map<std::string, double> by_label(std::string_view family,
                                                         std::string_view label) const;

private:
    template <typename Use>
    void each(std::string_view family, Use&& use) const;
    std::string_view text_;
};

}  // namespace glassgate::gateway::demo
