// FieldBlock: a header block as HPACK decoded it, collected field by field: a head, a trailer
// section, or something that is neither. Its bounds are kept while it grows. Reused, so that in
// steady state nothing here allocates.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/h1.h"
#include "http/h2/limits.h"

namespace glassgate::http::h2 {

class FieldBlock {
public:
    struct Field {
        uint32_t at;  // in text(); the value stands behind the name
        uint32_t name_bytes;
        uint32_t value_bytes;
        KnownHeader known;
        bool pseudo;
    };

    void begin(const Limits& limits) noexcept;

    // False: the block has grown beyond what may be decoded at all (Violation::header_bomb).
    // Fields beyond the limits of a head are counted but not kept; error() tells.
    [[nodiscard]] bool add(std::string_view name, std::string_view value);

    // none, head_too_large or too_many_headers.
    [[nodiscard]] ParseError error() const noexcept { return error_; }
    [[nodiscard]] const std::vector<Field>& fields() const noexcept { return fields_; }
    [[nodiscard]] std::string_view name(const Field& f) const noexcept {
        return {text_.data() + f.at, f.name_bytes};
    }
    [[nodiscard]] std::string_view value(const Field& f) const noexcept {
        return {text_.data() + f.at + f.name_bytes, f.value_bytes};
    }
    // The three digits of :status when that is the first field; 0 otherwise.
    [[nodiscard]] unsigned status() const noexcept;

    // What names and values are views of. Whoever keeps views takes it: it goes to `into`, without
    // being moved, and the next block uses the capacity of `into`.
    [[nodiscard]] std::string& text() noexcept { return text_; }
    void take_text(std::string& into) noexcept { into.swap(text_); }

private:
    std::string text_;
    std::vector<Field> fields_;
    ParseError error_ = ParseError::none;
    std::size_t list_bytes_ = 0;  // RFC 9113 §6.5.2
    std::size_t most_bytes_ = 0;
    std::size_t bomb_bytes_ = 0;
    std::size_t most_fields_ = 0;
    std::size_t plain_fields_ = 0;
};

}  // namespace glassgate::http::h2
