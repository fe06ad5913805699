#include "base/yaml.h"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <utility>

namespace glassgate {
namespace {

constexpr std::string_view kCoreTag = "tag:yaml.org,2002:";

// Length of the UTF-8 sequence at `at` (RFC 3629); 0 if it is none.
std::size_t utf8_length(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) -> unsigned {
        return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
    };
    const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        if (!tail(1) || !tail(2)) return 0;
        if (first == 0xe0 && byte(1) < 0xa0) return 0;  // overlong
        if (first == 0xed && byte(1) > 0x9f) return 0;  // surrogate
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (!tail(1) || !tail(2) || !tail(3)) return 0;
        if (first == 0xf0 && byte(1) < 0x90) return 0;
        if (first == 0xf4 && byte(1) > 0x8f) return 0;
        return 4;
    }
    return 0;
}

// False, and reported, if the text has bytes that YAML does not allow (YAML 1.2 §5.1) or that are
// not UTF-8.
bool check_characters(const std::shared_ptr<const std::string>& file, std::string_view text,
                      Diagnostics& diagnostics) {
    Position at{file, 1, 1};
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const std::size_t length = utf8_length(text, i);
        if (length == 0) {
            diagnostics.error(at, "a byte that is not UTF-8", "UTF-8 text");
            return false;
        }
        if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f) {
            diagnostics.error(at, "a control character", "text");
            return false;
        }
        i += length;
        if (byte == '\n') {
            ++at.line;
            at.column = 1;
        } else {
            ++at.column;
        }
    }
    return true;
}

std::string shown_tag(const std::string& tag) {
    return tag.starts_with(kCoreTag) ? "!!" + tag.substr(kCoreTag.size()) : tag;
}

// Builds one document at a time from the parser's events.
class TreeBuilder final : public YAML::EventHandler {
public:
    TreeBuilder(const std::shared_ptr<const std::string>& file, Diagnostics& diagnostics)
        : file_(file), diagnostics_(diagnostics) {}

    // The finished document; nothing if it was empty or had to be dropped.
    std::optional<Node> take() { return std::exchange(root_, std::nullopt); }
    [[nodiscard]] bool stopped() const { return stopped_; }
    [[nodiscard]] Position position(const YAML::Mark& mark) const {
        if (mark.is_null()) return {file_, 0, 0};
        return {file_, static_cast<uint32_t>(mark.line + 1),
                static_cast<uint32_t>(mark.column + 1)};
    }

    void OnDocumentStart(const YAML::Mark&) override {
        frames_.clear();
        anchors_.clear();
        root_.reset();
    }
    void OnDocumentEnd() override {
        if (root_ && root_->kind == Node::Kind::null) root_.reset();
    }
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        scalar(Node::Kind::null, mark, anchor, {}, false);
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        check_tag(mark, tag, "str");
        // yaml-cpp gives plain scalars the tag "?", quoted and block ones "!".
        const bool quoted = tag == "!" || tag == std::string(kCoreTag) + "str";
        scalar(Node::Kind::scalar, mark, anchor, value, quoted);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        check_tag(mark, tag, "seq");
        open(Node::Kind::list, mark, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        check_tag(mark, tag, "map");
        open(Node::Kind::map, mark, anchor);
    }
    void OnMapEnd() override {
        if (!stopped_) apply_merges();
        close();
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        if (stopped_) return;
        const auto target = anchors_.find(anchor);
        if (target == anchors_.end()) {
            stop(position(mark), "an alias inside what it stands for",
                 "an alias of something else");
            return;
        }
        if (!charge(target->second, frames_.size(), position(mark))) return;
        // A mistake in a value that is an alias is shown where the alias stands; inside of it,
        // where the text stands.
        Node copy = target->second;
        copy.position = position(mark);
        place(std::move(copy));
    }

private:
    struct Frame {
        Node node;
        YAML::anchor_t anchor = YAML::NullAnchor;
        std::optional<Node> key;                         // a map waiting for the value
        std::unordered_map<std::string, Position> seen;  // keys of a map
        std::vector<Node> merges;                        // values of "<<"
    };

    void stop(const Position& at, std::string message, std::string expected) {
        diagnostics_.error(at, std::move(message), std::move(expected));
        stopped_ = true;
        root_.reset();
        frames_.clear();
    }

    void check_tag(const YAML::Mark& mark, const std::string& tag, std::string_view own) {
        if (stopped_ || tag.empty() || tag == "?" || tag == "!") return;
        if (tag.starts_with(kCoreTag) && std::string_view(tag).substr(kCoreTag.size()) == own)
            return;
        diagnostics_.error(position(mark), "tag " + quote(shown_tag(tag)) + " is not supported",
                           "a value without a tag");
    }

    // Counts a node (with all below it) against the budgets; false when they are spent.
    bool charge(const Node& node, std::size_t depth, const Position& at) {
        if (stopped_) return false;
        nodes_ += 1;
        text_bytes_ += node.scalar.size();
        if (nodes_ > kMaxYamlNodes || text_bytes_ > kMaxYamlTextBytes) {
            stop(at, "the document is too large once its aliases are written out",
                 "at most " + std::to_string(kMaxYamlNodes) + " values");
            return false;
        }
        if (depth >= kMaxYamlDepth) {
            stop(at, "nested too deeply", "at most " + std::to_string(kMaxYamlDepth) + " levels");
            return false;
        }
        for (const Node& item : node.items)
            if (!charge(item, depth + 1, at)) return false;
        for (const auto& [key, value] : node.entries) {
            text_bytes_ += key.size();
            if (!charge(value, depth + 1, at)) return false;
        }
        return true;
    }

    void scalar(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor,
                const std::string& value, bool quoted) {
        Node node;
        node.kind = kind;
        node.position = position(mark);
        node.scalar = value;
        node.quoted = quoted;
        if (charge(node, frames_.size(), node.position)) finish(std::move(node), anchor);
    }

    void open(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
        Frame frame;
        frame.node.kind = kind;
        frame.node.position = position(mark);
        frame.anchor = anchor;
        if (charge(frame.node, frames_.size(), frame.node.position))
            frames_.push_back(std::move(frame));
    }

    void close() {
        if (stopped_) return;
        Frame frame = std::move(frames_.back());
        frames_.pop_back();
        finish(std::move(frame.node), frame.anchor);
    }

    void finish(Node&& node, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor) {
            if (!charge(node, 0, node.position)) return;
            anchors_[anchor] = node;
        }
        place(std::move(node));
    }

    void place(Node&& node) {
        if (frames_.empty()) {
            root_ = std::move(node);
            return;
        }
        Frame& frame = frames_.back();
        if (frame.node.kind == Node::Kind::list)
            frame.node.items.push_back(std::move(node));
        else if (!frame.key)
            frame.key = std::move(node);
        else
            place_entry(frame, std::move(node));
    }

    void place_entry(Frame& frame, Node&& value) {
        Node key = std::move(*frame.key);
        frame.key.reset();
        if (key.kind != Node::Kind::scalar) {
            diagnostics_.error(key.position, "a key that is not a text", "a name");
            return;
        }
        if (key.scalar == "<<" && !key.quoted) {
            frame.merges.push_back(std::move(value));
            return;
        }
        const auto [before, is_new] = frame.seen.try_emplace(key.scalar, key.position);
        if (!is_new) {
            diagnostics_.error(key.position, "key " + quote(key.scalar) +
                                                 " stands twice in this map, first in line " +
                                                 std::to_string(before->second.line));
            return;
        }
        frame.node.key_positions.push_back(key.position);
        frame.node.entries.emplace_back(std::move(key.scalar), std::move(value));
    }

    // The keys of merged maps are added where the map has none of its own; of several merged maps
    // the first wins.
    void apply_merges() {
        Frame& frame = frames_.back();
        const auto merge = [&](Node& from) {
            if (from.kind != Node::Kind::map) {
                diagnostics_.error(from.position, "a merge key (<<) with something that is no map",
                                   "an alias of a map, or a list of such");
                return;
            }
            for (std::size_t i = 0; i < from.entries.size(); ++i) {
                auto& [key, value] = from.entries[i];
                if (!frame.seen.try_emplace(key, from.key_positions[i]).second) continue;
                frame.node.key_positions.push_back(from.key_positions[i]);
                frame.node.entries.emplace_back(std::move(key), std::move(value));
            }
        };
        for (Node& merged : frame.merges) {
            if (merged.kind == Node::Kind::list)
                for (Node& item : merged.items) merge(item);
            else
                merge(merged);
        }
    }

    const std::shared_ptr<const std::string>& file_;
    Diagnostics& diagnostics_;
    std::vector<Frame> frames_;
    std::unordered_map<YAML::anchor_t, Node> anchors_;
    std::optional<Node> root_;
    std::size_t nodes_ = 0, text_bytes_ = 0;
    bool stopped_ = false;
};

}  // namespace

std::vector<Node> read_yaml(const std::shared_ptr<const std::string>& file, std::string_view text,
                            Diagnostics& diagnostics) {
    std::vector<Node> documents;
    if (text.size() > kMaxSourceBytes) {
        diagnostics.error({file, 0, 0}, "the file is too large",
                          "at most " + std::to_string(kMaxSourceBytes) + " bytes");
        return documents;
    }
    if (!check_characters(file, text, diagnostics)) return documents;
    TreeBuilder builder(file, diagnostics);
    try {
        std::istringstream in{std::string(text)};
        YAML::Parser parser(in);
        while (!builder.stopped() && parser.HandleNextDocument(builder))
            if (std::optional<Node> document = builder.take())
                documents.push_back(std::move(*document));
    } catch (const YAML::DeepRecursion& e) {
        if (!builder.stopped())
            diagnostics.error(builder.position(e.mark), "nested too deeply",
                              "at most " + std::to_string(kMaxYamlDepth) + " levels");
    } catch (const YAML::Exception& e) {
        if (!builder.stopped()) diagnostics.error(builder.position(e.mark), "not YAML: " + e.msg);
    } catch (const std::exception& e) {  // from its streams
        if (!builder.stopped())
            diagnostics.error({file, 0, 0}, std::string("not YAML: ") + e.what());
    }
    return documents;
}

}  // namespace glassgate
