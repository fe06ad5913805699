#include "proxy/path_pattern.h"

#include <re2/re2.h>

namespace glassgate::proxy {
namespace {

constexpr int64_t kMaxProgramBytes = 1 << 20;
constexpr std::string_view kMeta = "\\^$.|?*+()[]{}";

bool is_meta(char c) { return kMeta.find(c) != std::string_view::npos; }
bool is_punctuation(char c) {
    return c > ' ' && c < '\x7f' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') &&
           (c < 'a' || c > 'z');
}
bool is_quantifier(char c) { return c == '?' || c == '*' || c == '+' || c == '{'; }

}  // namespace

// Reads literal text off the front of a pattern.
class FormReader {
public:
    explicit FormReader(std::string_view pattern) : rest_(pattern) {}

    // Up to what is not literal text. A character with a quantifier is not.
    std::string literal() {
        std::string out;
        while (!rest_.empty()) {
            std::size_t length = 1;
            char c = rest_[0];
            if (c == '\\' && rest_.size() > 1 && is_punctuation(rest_[1])) {
                c = rest_[1];
                length = 2;
            } else if (is_meta(c)) {
                break;
            }
            if (rest_.size() > length && is_quantifier(rest_[length])) break;
            out += c;
            rest_.remove_prefix(length);
        }
        return out;
    }
    bool take(std::string_view token) {
        if (!rest_.starts_with(token)) return false;
        rest_.remove_prefix(token.size());
        return true;
    }
    // ".*" and nothing that makes it another thing (".*?" takes the same when all must be taken).
    bool take_anything() { return take(".*?") || (!rest_.starts_with(".*+") && take(".*")); }
    [[nodiscard]] bool done() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

PathPattern::Form PathPattern::form_of(std::string_view pattern) {
    Form form;
    FormReader reader(pattern);
    form.before = reader.literal();
    if (reader.take("(")) {
        form.captures = !reader.take("?:");
        form.after = reader.literal();
        form.open_end = reader.take_anything();
        if (!reader.take(")")) return {};
        form.optional = reader.take("?");
    } else {
        form.open_end = reader.take_anything();
    }
    form.known = reader.done();
    return form.known ? form : Form{};
}

Result<PathPattern> PathPattern::compile(const std::string& pattern, Case letters) {
    RE2::Options options(RE2::Quiet);
    options.set_encoding(RE2::Options::EncodingLatin1);
    options.set_dot_nl(true);
    options.set_case_sensitive(letters == Case::sensitive);
    options.set_max_mem(kMaxProgramBytes);
    auto regex = std::make_shared<const RE2>(pattern, options);
    if (!regex->ok()) return failure(regex->error());
    const int groups = regex->NumberOfCapturingGroups();
    if (groups > static_cast<int>(Captures::kMax))
        return failure("more than " + std::to_string(Captures::kMax) + " groups");
    PathPattern out;
    out.text_ = pattern;
    out.groups_ = static_cast<std::size_t>(groups);
    out.form_ = letters == Case::sensitive ? form_of(pattern) : Form{};
    if (!out.form_.known && pattern == ".*") out.form_ = form_of(pattern);
    if (!out.form_.known) out.regex_ = std::move(regex);
    return out;
}

bool PathPattern::match_form(std::string_view text) const noexcept {
    if (!text.starts_with(form_.before)) return false;
    text.remove_prefix(form_.before.size());
    if (form_.optional && text.empty()) return true;
    return form_.open_end ? text.starts_with(form_.after) : text == form_.after;
}

bool PathPattern::matches(std::string_view text) const noexcept {
    if (form_.known) return match_form(text);
    return regex_->Match(re2::StringPiece(text.data(), text.size()), 0, text.size(),
                         RE2::ANCHOR_BOTH, nullptr, 0);
}

bool PathPattern::match(std::string_view text, Captures& captures) const noexcept {
    captures.count = groups_;
    if (form_.known) {
        if (!match_form(text)) return false;
        if (form_.captures) captures.texts[0] = text.substr(form_.before.size());
        return true;
    }
    if (groups_ == 0) return matches(text);
    std::array<re2::StringPiece, Captures::kMax + 1> found;
    const bool matched =
        regex_->Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), RE2::ANCHOR_BOTH,
                      found.data(), static_cast<int>(groups_) + 1);
    if (!matched) return false;
    for (std::size_t i = 0; i < groups_; ++i)
        captures.texts[i] = found[i + 1].data() == nullptr
                                ? std::string_view()
                                : std::string_view(found[i + 1].data(), found[i + 1].size());
    return true;
}

bool PathPattern::takes_everything() const noexcept {
    return form_.known && form_.open_end && form_.before.empty() && form_.after.empty();
}

}  // namespace glassgate::proxy
