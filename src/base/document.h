// A parsed configuration document and the list of everything that is wrong with it.
//
// The tree is format-neutral (config/ fills it from YAML) so that policies can read their own
// settings without knowing YAML. Every node knows where it stands; every mistake is reported, not
// only the first.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace glassgate {

// Where a node stands: 1-based line and column.
struct Position {
    std::shared_ptr<const std::string> file;  // as the user named it; may be null in tests
    uint32_t line = 0;
    uint32_t column = 0;
};

enum class Severity : uint8_t { error, warning };

struct Diagnostic {
    Severity severity = Severity::error;
    Position position;
    std::string message;   // what is wrong, e.g. "unknown key 'limts'"
    std::string expected;  // what would be right, e.g. "a rate such as 100/min"; may be empty
    std::string nearest;   // the nearest valid name, "limits"; may be empty
};

// "gateway.yaml:12:7: error: unknown key 'limts' (did you mean 'limits'?); expected ..."
// One line, whatever bytes the message quotes: control characters are written as \xNN.
[[nodiscard]] std::string to_text(const Diagnostic& diagnostic);

// 'text' for a message, cut when long.
[[nodiscard]] std::string quote(std::string_view text);

class Diagnostics {
public:
    void error(const Position& at, std::string message, std::string expected = {},
               std::string nearest = {});
    void warning(const Position& at, std::string message, std::string expected = {});
    [[nodiscard]] bool has_errors() const noexcept { return errors_ > 0; }
    [[nodiscard]] const std::vector<Diagnostic>& all() const noexcept { return all_; }

private:
    std::vector<Diagnostic> all_;
    std::size_t errors_ = 0;
};

struct Node {
    enum class Kind : uint8_t { null, scalar, list, map };
    Kind kind = Kind::null;
    Position position;
    std::string scalar;       // for scalars: the text as written, after $VAR expansion
    bool quoted = false;      // a quoted scalar is text even if it looks like a number or a boolean
    std::vector<Node> items;  // list
    std::vector<std::pair<std::string, Node>> entries;  // map, in the order written
    std::vector<Position> key_positions;                // of `entries`, same order

    // Defaulted in document.cc: clang, unlike g++, would otherwise need the pair's full type here.
    Node();
    Node(const Node&);
    Node(Node&&) noexcept;
    Node& operator=(const Node&);
    Node& operator=(Node&&) noexcept;
    ~Node();

    [[nodiscard]] const Node* find(std::string_view key) const noexcept;
};

[[nodiscard]] std::string_view to_text(Node::Kind kind) noexcept;

// Reads a map's keys one by one. Every key that was asked for is known; `finish()` (or the
// destructor) reports the others as mistakes with the nearest known name. A value of the wrong
// type or out of range is reported and the default is returned, so that reading can go on and find
// the next mistake.
class Fields {
public:
    // `what` names the map in messages, e.g. "policy rate-limit". A null node reads as an empty
    // map; any other non-map is a mistake.
    Fields(const Node& node, Diagnostics& diagnostics, std::string what);
    ~Fields();
    Fields(const Fields&) = delete;
    Fields& operator=(const Fields&) = delete;

    [[nodiscard]] bool has(std::string_view key);             // marks the key as known
    [[nodiscard]] const Node* child(std::string_view key);    // null when absent; marks it known
    [[nodiscard]] const Node* require(std::string_view key);  // as child, but absence is a mistake

    [[nodiscard]] std::string text(std::string_view key, std::string_view fallback = {});
    [[nodiscard]] bool boolean(std::string_view key, bool fallback);
    [[nodiscard]] int64_t integer(std::string_view key, int64_t fallback, int64_t min, int64_t max);
    [[nodiscard]] double number(std::string_view key, double fallback, double min, double max);
    // One of `choices`; returns its index.
    [[nodiscard]] std::size_t choice(std::string_view key,
                                     const std::vector<std::string_view>& choices,
                                     std::size_t fallback);
    // A list of scalars, or a single scalar taken as a list of one.
    [[nodiscard]] std::vector<std::string> texts(std::string_view key);

    [[nodiscard]] const Node& node() const noexcept { return node_; }
    [[nodiscard]] const Position& position() const noexcept { return node_.position; }
    [[nodiscard]] Diagnostics& diagnostics() noexcept { return diagnostics_; }
    void mistake(const Position& at, std::string message, std::string expected = {});
    void finish();

private:
    const Node& node_;
    Diagnostics& diagnostics_;
    std::string what_;
    std::vector<std::string> known_;
    bool finished_ = false;
};

// The candidate with the smallest edit distance (Damerau-Levenshtein), if near enough to be a
// likely slip of the pen; otherwise empty.
[[nodiscard]] std::string_view nearest_name(std::string_view name,
                                            const std::vector<std::string_view>& candidates);

}  // namespace glassgate
