#include "http/h2/upgrade.h"

#include "base/text.h"

namespace glassgate::http::h2 {
namespace {

bool lists(const HeaderList& headers, KnownHeader known, std::string_view wanted) noexcept {
    for (const HeaderField& field : headers) {
        if (field.known != known) continue;
        const bool absent = for_each_list_element(
            field.value, [&](std::string_view element) { return !iequals(element, wanted); });
        if (!absent) return true;
    }
    return false;
}

}  // namespace

std::string_view asks_for_h2c(const RequestHead& head) noexcept {
    if (head.version != Version::http11 || head.body != BodyKind::none) return {};
    if (head.method == Method::connect) return {};
    if (!lists(head.headers, KnownHeader::upgrade, "h2c")) return {};
    if (!lists(head.headers, KnownHeader::connection, "upgrade") ||
        !lists(head.headers, KnownHeader::connection, "http2-settings"))
        return {};
    std::string_view settings;
    for (const HeaderField& field : head.headers) {
        if (field.known != KnownHeader::http2_settings) continue;
        if (settings.data() != nullptr) return {};  // exactly one
        settings = field.value;
    }
    return settings;
}

}  // namespace glassgate::http::h2
