// Which fields of a received head do not go on as they are: a set of known names, what edits
// replace, and what the Connection header takes away.
#pragma once

#include <cstdint>
#include <vector>

#include "base/inline_vector.h"
#include "base/text.h"
#include "http/h1.h"
#include "http/rewrite.h"

namespace glassgate::http {

static_assert(kKnownHeaderCount <= 64);
using KnownSet = uint64_t;

template <typename... Known>
[[nodiscard]] constexpr KnownSet set_of(Known... known) noexcept {
    return ((KnownSet{1} << static_cast<unsigned>(known)) | ... | KnownSet{0});
}
[[nodiscard]] constexpr bool contains(KnownSet set, KnownHeader known) noexcept {
    return (set >> static_cast<unsigned>(known) & 1) != 0;
}

// A view of the edits of one message. Edits of framing and connection fields are ignored: those are
// the gateway's. An edit whose name is no token is ignored; one whose value could not stand in a
// field (CR, LF, NUL, control bytes) still takes the old field away, but nothing is written.
class Edits {
public:
    explicit Edits(const std::vector<HeaderEdit>* edits) noexcept;

    [[nodiscard]] bool replaces(const HeaderField& field) const noexcept {
        if (field.known != KnownHeader::other) return contains(known_, field.known);
        return others_ && replaces_other(field.name);
    }
    [[nodiscard]] bool replaces(KnownHeader known) const noexcept {
        return contains(known_, known);
    }
    [[nodiscard]] KnownSet known() const noexcept { return known_; }
    [[nodiscard]] bool others() const noexcept { return others_; }

    // The last value set for `known`; data() is null when there is none.
    [[nodiscard]] std::string_view last_value(KnownHeader known) const noexcept;

    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }  // at most, when written

    template <typename Use>  // use(name, value), in order; not Host
    void for_each_set(Use&& use) const {
        if (edits_ == nullptr) return;
        for (const HeaderEdit& edit : *edits_)
            if (!edit.remove && may_write(edit)) use(edit.name, edit.value);
    }

private:
    [[nodiscard]] bool replaces_other(std::string_view name) const noexcept;
    [[nodiscard]] static bool may_write(const HeaderEdit& edit) noexcept;

    const std::vector<HeaderEdit>* edits_;
    KnownSet known_ = 0;
    bool others_ = false;
    std::size_t bytes_ = 0;
};

// The fields a Connection header names as belonging to this hop only (RFC 9110 §7.6.1). Fields that
// say who sent the message, where it goes or how it is framed cannot be taken away like this.
class HopFields {
public:
    explicit HopFields(const HeaderList& headers) noexcept;
    [[nodiscard]] bool empty() const noexcept { return names_.empty(); }
    [[nodiscard]] bool names(std::string_view field) const noexcept {
        for (const std::string_view name : names_)
            if (iequals(name, field)) return true;
        return false;
    }

private:
    InlineVector<std::string_view, kMaxConnectionOptions> names_;
};

}  // namespace glassgate::http
