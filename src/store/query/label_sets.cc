#include "store/query/label_sets.h"

#include <algorithm>

#include "store/query/string_literal.h"

namespace glassgate::store::query {
namespace {

constexpr char kSeparator = '\xff';  // not in UTF-8

bool contains(const Names& names, std::string_view name) noexcept {
    return std::ranges::find(names, name) != names.end();
}

void append_label(std::string& out, const Label& label) {
    out += label.name;
    out += kSeparator;
    out += label.value;
    out += kSeparator;
}

}  // namespace

bool valid_label_name(std::string_view name) noexcept {
    const auto alpha = [](char c) {
        return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    if (name.empty() || !alpha(name[0])) return false;
    return std::ranges::all_of(name, [&](char c) { return alpha(c) || (c >= '0' && c <= '9'); });
}

void drop_name(Labels& labels) {
    std::erase_if(labels, [](const Label& label) { return label.name == kMetricName; });
}

void set_label(Labels& labels, std::string_view name, std::string_view value) {
    const auto place = std::ranges::lower_bound(labels, name, {}, &Label::name);
    const bool there = place != labels.end() && place->name == name;
    if (value.empty()) {
        if (there) labels.erase(place);
    } else if (there) {
        place->value = value;
    } else {
        labels.insert(place, Label{std::string(name), std::string(value)});
    }
}

void keep_labels(Labels& labels, const Names& names) {
    std::erase_if(labels, [&](const Label& label) { return !contains(names, label.name); });
}

void remove_labels(Labels& labels, const Names& names) {
    std::erase_if(labels, [&](const Label& label) { return contains(names, label.name); });
}

void key_of(const Labels& labels, std::string& out) {
    out.clear();
    for (const Label& label : labels) append_label(out, label);
}

void key_with(const Labels& labels, const Names& names, std::string& out) {
    out.clear();
    for (const Label& label : labels)
        if (contains(names, label.name)) append_label(out, label);
}

void key_without(const Labels& labels, const Names& names, std::string& out) {
    out.clear();
    for (const Label& label : labels)
        if (!contains(names, label.name)) append_label(out, label);
}

std::string labels_text(const Labels& labels) {
    std::string out = "{";
    for (const Label& label : labels) {
        if (out.size() > 1) out += ", ";
        out.append(label.name).append("=").append(quoted(label.value));
    }
    return out += '}';
}

KeyIndex::Place KeyIndex::add(std::string_view key) {
    if (const auto found = places_.find(key); found != places_.end()) return {found->second, false};
    const std::size_t index = places_.size();
    places_.emplace(key, index);
    return {index, true};
}

std::size_t KeyIndex::find(std::string_view key) const {
    const auto found = places_.find(key);
    return found == places_.end() ? npos : found->second;
}

}  // namespace glassgate::store::query
