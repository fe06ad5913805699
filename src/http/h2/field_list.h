// FieldList: the fields of a header block to be sent, in order, pseudo-header fields first. Names
// may be in any case: they are sent in lower case. Views, except for what is made here.
#pragma once

#include <string_view>

#include "base/arena.h"
#include "base/inline_vector.h"
#include "http/message.h"

namespace glassgate::http::h2 {

class FieldList {
public:
    struct Field {
        std::string_view name;
        std::string_view value;       // without surrounding white space
        bool volatile_value = false;  // differs each time: it would only push others out of the
                                      // peer's HPACK table
    };
    // As many as a head may have, and the gateway's own. Edits of policies beyond that are lost.
    static constexpr std::size_t kMaxFields = kMaxHeaders + 64;

    FieldList() = default;
    FieldList(const FieldList&) = delete;  // values may point into it
    FieldList& operator=(const FieldList&) = delete;

    void clear() noexcept {
        fields_.clear();
        made_.reset();
    }
    void add(std::string_view name, std::string_view value) noexcept;
    void add_volatile(std::string_view name, std::string_view value) noexcept;
    void add_number(std::string_view name, uint64_t value);
    // Room that lives until clear().
    [[nodiscard]] Arena& made() noexcept { return made_; }

    [[nodiscard]] const Field* begin() const noexcept { return fields_.begin(); }
    [[nodiscard]] const Field* end() const noexcept { return fields_.end(); }
    [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
    // First value by name in lower case, or an empty view with data() == nullptr.
    [[nodiscard]] std::string_view find(std::string_view name) const noexcept;

private:
    InlineVector<Field, kMaxFields> fields_;
    Arena made_;
};

}  // namespace glassgate::http::h2
