// Parts of label sets, as grouping and matching need them.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/labels.h"

namespace glassgate::store::query {

using Names = std::vector<std::string>;

[[nodiscard]] bool valid_label_name(std::string_view name) noexcept;

void drop_name(Labels& labels);
// An empty value removes the label.
void set_label(Labels& labels, std::string_view name, std::string_view value);
void keep_labels(Labels& labels, const Names& names);
void remove_labels(Labels& labels, const Names& names);

// A text that is equal for label sets that are equal: all of it, the named labels, or all but
// those. `out` is overwritten, so that a loop can use one string.
void key_of(const Labels& labels, std::string& out);
void key_with(const Labels& labels, const Names& names, std::string& out);
void key_without(const Labels& labels, const Names& names, std::string& out);

// {a="b", c="d"} with the metric name in front, as messages show it.
[[nodiscard]] std::string labels_text(const Labels& labels);

// From keys to small numbers, in the order the keys were first seen.
class KeyIndex {
public:
    struct Place {
        std::size_t index;
        bool is_new;
    };
    Place add(std::string_view key);
    // npos: not there.
    [[nodiscard]] std::size_t find(std::string_view key) const;
    [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }

    static constexpr std::size_t npos = static_cast<std::size_t>(-1);

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };
    std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> places_;
};

}  // namespace glassgate::store::query
