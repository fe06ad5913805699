#include "policy/status_set.h"

#include "base/text.h"

namespace glassgate::policy {
namespace {

std::optional<uint16_t> parse_status(std::string_view text) noexcept {
    const std::optional<uint64_t> value = parse_u64(text);
    if (!value || *value < StatusSet::kFirst || *value > StatusSet::kLast) return std::nullopt;
    return static_cast<uint16_t>(*value);
}

}  // namespace

bool StatusSet::add(std::string_view text) noexcept {
    const std::size_t dash = text.find('-');
    const std::optional<uint16_t> first = parse_status(trim_ows(text.substr(0, dash)));
    const std::optional<uint16_t> last =
        dash == std::string_view::npos ? first : parse_status(trim_ows(text.substr(dash + 1)));
    if (!first || !last || *first > *last) return false;
    add(*first, *last);
    return true;
}

}  // namespace glassgate::policy
