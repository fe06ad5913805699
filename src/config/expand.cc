#include "config/expand.h"

#include <cstdlib>
#include <filesystem>

#include "config/files.h"

namespace glassgate::config {
namespace {

constexpr std::size_t kMaxSecretBytes = 64 * 1024;

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return starts_name(c) || (c >= '0' && c <= '9'); }

std::size_t name_length(std::string_view text) {
    if (text.empty() || !starts_name(text[0])) return 0;
    std::size_t length = 1;
    while (length < text.size() && continues_name(text[length])) ++length;
    return length;
}

class Expansion {
public:
    Expansion(const Environment& environment, Diagnostics& diagnostics)
        : environment_(environment), diagnostics_(diagnostics) {}

    void walk(Node& node) {  // as deep as read_yaml lets a tree be
        if (node.kind == Node::Kind::scalar) expand_scalar(node);
        for (Node& item : node.items) walk(item);
        for (auto& [key, value] : node.entries) walk(value);
        if (node.kind == Node::Kind::map && node.entries.size() == 1 &&
            node.entries[0].first == "fromFile")
            read_secret(node);
    }

    std::vector<ReadFile> files;

private:
    void expand_scalar(Node& node) {
        if (node.scalar.find('$') == std::string::npos) return;
        std::string out;
        std::string_view rest = node.scalar;
        substituted_ = false;
        while (!rest.empty()) {
            const std::size_t dollar = rest.find('$');
            out += rest.substr(0, dollar);
            if (dollar == std::string_view::npos) break;
            rest.remove_prefix(dollar + 1);
            if (rest.starts_with('$')) {
                out += '$';
                rest.remove_prefix(1);
            } else if (rest.starts_with('{')) {
                rest = expand_braced(node, rest, out);
            } else if (const std::size_t length = name_length(rest); length > 0) {
                out += value_of(node, rest.substr(0, length));
                rest.remove_prefix(length);
            } else {
                out += '$';
            }
        }
        node.scalar = std::move(out);
        // "${PORT}" has to be quoted inside {}: what comes out may be a number all the same.
        if (substituted_) node.quoted = false;
    }

    // `rest` starts with '{'; returns what follows the '}'.
    std::string_view expand_braced(const Node& node, std::string_view rest, std::string& out) {
        const std::size_t end = rest.find('}');
        const std::string_view inside =
            rest.substr(1, end == std::string_view::npos ? end : end - 1);
        const std::size_t length = name_length(inside);
        const std::string_view after = inside.substr(length);
        const bool has_default = after.starts_with(":-");
        if (end == std::string_view::npos || length == 0 || !(after.empty() || has_default)) {
            diagnostics_.error(node.position, "cannot expand " + quote("$" + std::string(rest)),
                               "${NAME}, ${NAME:-default}, or $$ for a dollar sign");
            return {};
        }
        const std::string name(inside.substr(0, length));
        substituted_ = true;
        if (!has_default) {
            out += value_of(node, name);
        } else {
            const std::optional<std::string> value = environment_(name);
            if (value && !value->empty())
                out += *value;
            else
                out += after.substr(2);
        }
        return rest.substr(end + 1);
    }

    std::string value_of(const Node& node, std::string_view name) {
        substituted_ = true;
        std::optional<std::string> value = environment_(std::string(name));
        if (!value) {
            diagnostics_.error(
                node.position, "environment variable " + std::string(name) + " is not set",
                "a set variable, ${" + std::string(name) + ":-default}, or $$ for a dollar sign");
            return {};
        }
        return std::move(*value);
    }

    void read_secret(Node& node) {
        const Node& path_node = node.entries[0].second;
        const Position at = path_node.position;
        if (path_node.kind != Node::Kind::scalar || path_node.scalar.empty()) {
            diagnostics_.error(at, "fromFile is not a path", "the path of a file");
        } else {
            std::filesystem::path path = path_node.scalar;
            if (path.is_relative() && at.file)
                path = std::filesystem::path(*at.file).parent_path() / path;
            Result<std::string> text = read_file(path.string(), kMaxSecretBytes);
            files.push_back({path.string(), text});
            if (!text) {
                diagnostics_.error(at, text.error().message + ": " + path.string());
            } else {
                if (text->ends_with('\n')) text->pop_back();
                if (text->ends_with('\r')) text->pop_back();
                become_text(node, std::move(*text));
                return;
            }
        }
        become_text(node, {});  // reported; the reader of the setting need not complain as well
    }

    static void become_text(Node& node, std::string text) {
        node.kind = Node::Kind::scalar;
        node.scalar = std::move(text);
        node.quoted = true;
        node.entries.clear();
        node.key_positions.clear();
    }

    const Environment& environment_;
    Diagnostics& diagnostics_;
    bool substituted_ = false;  // in the scalar at hand
};

}  // namespace

Environment or_process(const Environment& environment) {
    if (environment) return environment;
    return [](const std::string& name) -> std::optional<std::string> {
        const char* const value = std::getenv(name.c_str());
        return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
    };
}

std::vector<ReadFile> expand(Node& root, const Environment& environment, Diagnostics& diagnostics) {
    const Environment looked_up = or_process(environment);
    Expansion expansion(looked_up, diagnostics);
    expansion.walk(root);
    return std::move(expansion.files);
}

}  // namespace glassgate::config
