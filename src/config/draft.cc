#include "config/draft.h"

namespace glassgate::config {

const std::vector<Node>& items_of(const Node* list, std::string_view key,
                                  Diagnostics& diagnostics) {
    if (list != nullptr && (list->kind == Node::Kind::map || list->kind == Node::Kind::scalar))
        diagnostics.error(list->position, std::string(key) + " is not a list",
                          "a list (items that begin with '-')");
    return list != nullptr ? list->items : kNoNode.items;
}

std::string read_name(Fields& fields, std::string_view key, std::string_view fallback) {
    const Node* const node = fields.child(key);
    std::string name = fields.text(key, fallback);
    if (node == nullptr || node->kind != Node::Kind::scalar) return name;
    const bool good = !name.empty() && name.size() <= 128 &&
                      std::none_of(name.begin(), name.end(),
                                   [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
    if (good) return name;
    fields.mistake(node->position, std::string(key) + " is " + quote(name),
                   "1 to 128 printable characters");
    return std::string(fallback);
}

std::vector<std::pair<std::string, std::string>> read_pairs(Fields& fields, std::string_view key) {
    std::vector<std::pair<std::string, std::string>> pairs;
    const Node* const node = fields.child(key);
    if (node == nullptr) return pairs;
    if (node->kind == Node::Kind::scalar || node->kind == Node::Kind::list)
        fields.mistake(node->position, std::string(key) + " is not a map",
                       "a map of names to texts");
    for (const auto& [name, value] : node->entries) {
        if (value.kind == Node::Kind::scalar)
            pairs.emplace_back(name, value.scalar);
        else
            fields.mistake(value.position, std::string(key) + ": " + quote(name) + " is not a text",
                           "a text");
    }
    return pairs;
}

std::string place(const Position& at) {
    std::string out = at.file ? *at.file + ":" : "line ";
    out += std::to_string(at.line);
    return out;
}

}  // namespace glassgate::config
