#include "http/h2/field_list.h"

#include <charconv>

#include "base/text.h"

namespace glassgate::http::h2 {

void FieldList::add(std::string_view name, std::string_view value) noexcept {
    (void)fields_.push_back({name, trim_ows(value), false});
}

void FieldList::add_volatile(std::string_view name, std::string_view value) noexcept {
    (void)fields_.push_back({name, trim_ows(value), true});
}

void FieldList::add_number(std::string_view name, uint64_t value) {
    char* const digits = made_.allocate(20);
    char* const end = std::to_chars(digits, digits + 20, value).ptr;
    add(name, {digits, static_cast<std::size_t>(end - digits)});
}

std::string_view FieldList::find(std::string_view name) const noexcept {
    for (const Field& field : fields_)
        if (iequals(field.name, name)) return field.value;
    return {};
}

}  // namespace glassgate::http::h2
