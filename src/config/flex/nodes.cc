#include "config/flex/nodes.h"

namespace glassgate::config::flex {
namespace {

Node node_at(Node::Kind kind, const Position& at) {
    Node node;
    node.kind = kind;
    node.position = at;
    return node;
}

}  // namespace

Node scalar_at(std::string text, const Position& at) {
    Node node = node_at(Node::Kind::scalar, at);
    node.scalar = std::move(text);
    return node;
}

Node number_at(uint64_t number, const Position& at) {
    return scalar_at(std::to_string(number), at);
}
Node map_at(const Position& at) { return node_at(Node::Kind::map, at); }
Node list_at(const Position& at) { return node_at(Node::Kind::list, at); }

void put(Node& map, std::string_view key, Node value) {
    map.key_positions.push_back(value.position);
    map.entries.emplace_back(std::string(key), std::move(value));
}

}  // namespace glassgate::config::flex
