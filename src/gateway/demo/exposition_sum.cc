#include "gateway/demo/exposition_sum.h"

#include <cstdlib>

namespace glassgate::gateway::demo {

template <typename Use>
void ExpositionSum::each(std::string_view family, Use&& use) const {
    for (std::string_view rest = text_; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        if (!line.starts_with(family)) continue;
        std::string_view labels, value = line.substr(family.size());
        if (value.starts_with('{')) {
            const std::size_t end = value.rfind('}');
            if (end == std::string_view::npos) continue;
            labels = value.substr(1, end - 1);
            value.remove_prefix(end + 1);
        } else if (!value.starts_with(' ')) {
            continue;  // another family whose name begins alike
        }
        use(labels, std::strtod(std::string(value).c_str(), nullptr));
    }
}

double ExpositionSum::of(std::string_view family, std::string_view having,
                         std::string_view and_having) const {
    double sum = 0;
    each(family, [&](std::string_view labels, double value) {
        if (labels.find(having) != std::string_view::npos &&
            labels.find(and_having) != std::string_view::npos)
            sum += value;
    });
    return sum;
}

std::map<std::string, double> ExpositionSum::by_label(std::string_view family,
                                                      std::string_view label) const {
    std::map<std::string, double> sums;
    const std::string mark = std::string(label) + "=\"";
    each(family, [&](std::string_view labels, double value) {
        const std::size_t at = labels.find(mark);
        if (at == std::string_view::npos) return;
        const std::string_view text = labels.substr(at + mark.size());
        sums[std::string(text.substr(0, text.find('"')))] += value;
    });
    return sums;
}

}  // namespace glassgate::gateway::demo
