#include "base/document.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace glassgate {
namespace {

// A file full of nonsense gives a list somebody can still read.
constexpr std::size_t kMaxDiagnostics = 500;
constexpr std::size_t kMaxQuoted = 64;
constexpr std::size_t kMaxComparedName = 64;

void append_printable(std::string& out, std::string_view text) {
    constexpr char kHex[] = "0123456789abcdef";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f) {
            out += c;
            continue;
        }
        out += "\\x";
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
    }
}

std::string with_article(Node::Kind kind) {
    switch (kind) {
        case Node::Kind::null:
            return "empty";
        case Node::Kind::scalar:
            return "a single value";
        case Node::Kind::list:
            return "a list";
        case Node::Kind::map:
            return "a map";
    }
    return {};
}

// "is 'abc'", "is a list", "is the quoted text '5'": the middle of a message.
std::string found(const Node& node) {
    if (node.kind != Node::Kind::scalar) return "is " + with_article(node.kind);
    return (node.quoted ? "is the quoted text " : "is ") + quote(node.scalar);
}

template <typename Number>
std::optional<Number> parse_number(const std::string& text) {
    Number value{};
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

std::string number_text(double value) {
    char buffer[32];
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
    return error == std::errc{} ? std::string(buffer, end) : std::string("?");
}

template <typename Text>
std::string joined(const std::vector<Text>& names, std::string_view last_word) {
    std::string out;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i > 0) out += i + 1 == names.size() ? last_word : std::string_view(", ");
        out += names[i];
    }
    return out;
}

// Optimal string alignment: insert, delete, replace, or swap two neighbours. Letter case is free,
// '-' and '_' are one character.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    const auto same = [](char x, char y) {
        return to_lower(x == '_' ? '-' : x) == to_lower(y == '_' ? '-' : y);
    };
    std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = last[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
        std::swap(before_last, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

}  // namespace

std::string quote(std::string_view text) {
    std::string out = "'";
    if (text.size() <= kMaxQuoted) {
        out += text;
    } else {
        std::size_t cut = kMaxQuoted;
        while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;  // UTF-8
        out += text.substr(0, cut);
        out += "...";
    }
    return out += "'";
}

std::string to_text(const Diagnostic& diagnostic) {
    std::string out;
    const Position& at = diagnostic.position;
    if (at.file) append_printable(out, *at.file);
    if (at.line > 0) {
        if (at.file) out += ':';
        append_u64(out, at.line);
        out += ':';
        append_u64(out, at.column);
    }
    if (!out.empty()) out += ": ";
    out += diagnostic.severity == Severity::error ? "error: " : "warning: ";
    append_printable(out, diagnostic.message);
    if (!diagnostic.nearest.empty()) {
        out += " (did you mean '";
        append_printable(out, diagnostic.nearest);
        out += "'?)";
    }
    if (!diagnostic.expected.empty()) {
        out += "; expected ";
        append_printable(out, diagnostic.expected);
    }
    return out;
}

void Diagnostics::error(const Position& at, std::string message, std::string expected,
                        std::string nearest) {
    ++errors_;
    if (all_.size() < kMaxDiagnostics)
        all_.push_back(
            {Severity::error, at, std::move(message), std::move(expected), std::move(nearest)});
    else if (all_.size() == kMaxDiagnostics)
        all_.push_back({Severity::error, at, "too many mistakes; the rest is not shown", {}, {}});
}

void Diagnostics::warning(const Position& at, std::string message, std::string expected) {
    if (all_.size() < kMaxDiagnostics)
        all_.push_back({Severity::warning, at, std::move(message), std::move(expected), {}});
}

Node::Node() = default;
Node::Node(const Node&) = default;
Node::Node(Node&&) noexcept = default;
Node& Node::operator=(const Node&) = default;
Node& Node::operator=(Node&&) noexcept = default;
Node::~Node() = default;

const Node* Node::find(std::string_view key) const noexcept {
    for (const auto& [name, value] : entries)
        if (name == key) return &value;
    return nullptr;
}

std::string_view to_text(Node::Kind kind) noexcept {
    switch (kind) {
        case Node::Kind::null:
            return "null";
        case Node::Kind::scalar:
            return "scalar";
        case Node::Kind::list:
            return "list";
        case Node::Kind::map:
            return "map";
    }
    return "?";
}

Fields::Fields(const Node& node, Diagnostics& diagnostics, std::string what)
    : node_(node), diagnostics_(diagnostics), what_(std::move(what)) {
    if (node.kind == Node::Kind::scalar || node.kind == Node::Kind::list)
        diagnostics_.error(node.position, what_ + " " + found(node), "a map of keys and values");
}

Fields::~Fields() { finish(); }

bool Fields::has(std::string_view key) { return child(key) != nullptr; }

const Node* Fields::child(std::string_view key) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
    return node_.kind == Node::Kind::map ? node_.find(key) : nullptr;
}

const Node* Fields::require(std::string_view key) {
    const Node* const node = child(key);
    const bool is_map = node_.kind == Node::Kind::map || node_.kind == Node::Kind::null;
    if (node == nullptr && is_map)  // anything else has been reported already
        diagnostics_.error(node_.position, what_ + " has no key " + quote(key));
    return node;
}

std::string Fields::text(std::string_view key, std::string_view fallback) {
    const Node* const node = child(key);
    if (node == nullptr) return std::string(fallback);
    if (node->kind == Node::Kind::scalar) return node->scalar;
    mistake(node->position, std::string(key) + " " + found(*node), "a text");
    return std::string(fallback);
}

bool Fields::boolean(std::string_view key, bool fallback) {
    const Node* const node = child(key);
    if (node == nullptr) return fallback;
    if (node->kind == Node::Kind::scalar && !node->quoted) {
        if (node->scalar == "true") return true;
        if (node->scalar == "false") return false;
    }
    mistake(node->position, std::string(key) + " " + found(*node), "true or false");
    return fallback;
}

int64_t Fields::integer(std::string_view key, int64_t fallback, int64_t min, int64_t max) {
    const Node* const node = child(key);
    if (node == nullptr) return fallback;
    if (node->kind == Node::Kind::scalar && !node->quoted) {
        const std::optional<int64_t> value = parse_number<int64_t>(node->scalar);
        if (value && *value >= min && *value <= max) return *value;
    }
    mistake(node->position, std::string(key) + " " + found(*node),
            "an integer from " + std::to_string(min) + " to " + std::to_string(max));
    return fallback;
}

double Fields::number(std::string_view key, double fallback, double min, double max) {
    const Node* const node = child(key);
    if (node == nullptr) return fallback;
    if (node->kind == Node::Kind::scalar && !node->quoted) {
        const std::optional<double> value = parse_number<double>(node->scalar);
        if (value && std::isfinite(*value) && *value >= min && *value <= max) return *value;
    }
    mistake(node->position, std::string(key) + " " + found(*node),
            "a number from " + number_text(min) + " to " + number_text(max));
    return fallback;
}

std::size_t Fields::choice(std::string_view key, const std::vector<std::string_view>& choices,
                           std::size_t fallback) {
    const Node* const node = child(key);
    if (node == nullptr) return fallback;
    std::string_view nearest;
    if (node->kind == Node::Kind::scalar) {
        const auto chosen = std::find(choices.begin(), choices.end(), node->scalar);
        if (chosen != choices.end()) return static_cast<std::size_t>(chosen - choices.begin());
        nearest = nearest_name(node->scalar, choices);
    }
    diagnostics_.error(node->position, std::string(key) + " " + found(*node),
                       joined(choices, " or "), std::string(nearest));
    return fallback;
}

std::vector<std::string> Fields::texts(std::string_view key) {
    const Node* const node = child(key);
    if (node == nullptr) return {};
    if (node->kind == Node::Kind::scalar) return {node->scalar};
    if (node->kind != Node::Kind::list) {
        mistake(node->position, std::string(key) + " " + found(*node), "a list of texts");
        return {};
    }
    std::vector<std::string> out;
    for (const Node& item : node->items) {
        if (item.kind == Node::Kind::scalar)
            out.push_back(item.scalar);
        else
            mistake(item.position, "an item of " + std::string(key) + " " + found(item), "a text");
    }
    return out;
}

void Fields::mistake(const Position& at, std::string message, std::string expected) {
    diagnostics_.error(at, std::move(message), std::move(expected));
}

void Fields::finish() {
    if (finished_) return;
    finished_ = true;
    if (node_.kind != Node::Kind::map) return;
    const std::vector<std::string_view> known(known_.begin(), known_.end());
    for (std::size_t i = 0; i < node_.entries.size(); ++i) {
        const std::string& key = node_.entries[i].first;
        if (std::find(known.begin(), known.end(), key) != known.end()) continue;
        const Position& at =
            i < node_.key_positions.size() ? node_.key_positions[i] : node_.position;
        diagnostics_.error(at, "unknown key " + quote(key) + " in " + what_,
                           known.empty() ? "no keys" : joined(known, " or "),
                           std::string(nearest_name(key, known)));
    }
}

std::string_view nearest_name(std::string_view name,
                              const std::vector<std::string_view>& candidates) {
    if (name.empty() || name.size() > kMaxComparedName) return {};
    std::string_view best;
    std::size_t best_distance = name.size() < 3 ? 1 : std::min<std::size_t>(name.size() / 3 + 1, 4);
    for (const std::string_view candidate : candidates) {
        if (candidate.size() > kMaxComparedName) continue;
        const std::size_t distance = edit_distance(name, candidate);
        if (distance >= best_distance) continue;
        best = candidate;
        best_distance = distance;
    }
    return best;
}

}  // namespace glassgate
