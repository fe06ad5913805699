// label_replace and label_join.
#include <re2/re2.h>

#include "store/query/label_sets.h"
#include "store/query/matcher.h"
#include "store/query/utf8.h"
#include "store/query/vector_functions.h"

namespace glassgate::store::query {
namespace {

bool in_group_name(char c) noexcept {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (static_cast<unsigned char>(c) & 0x80) != 0;
}

// A replacement with $1, ${1}, $name, ${name} and $$, as Go's regexp.Expand reads it.
class Template {
public:
    Template(std::string_view text, const RE2& regex) : text_(text), regex_(regex) {}

    std::string expand(const std::vector<re2::StringPiece>& groups) const {
        std::string out;
        std::string_view rest = text_;
        while (true) {
            const std::size_t dollar = rest.find('$');
            out += rest.substr(0, dollar);
            if (dollar == std::string_view::npos) return out;
            rest.remove_prefix(dollar + 1);
            if (rest.starts_with('$')) {
                out += '$';
                rest.remove_prefix(1);
                continue;
            }
            const std::string_view name = take_name(rest);
            if (name.empty())
                out += '$';
            else
                append_group(out, name, groups);
        }
    }

private:
    // The name behind a dollar, taken off the text; empty when it is none.
    static std::string_view take_name(std::string_view& rest) {
        const bool braces = rest.starts_with('{');
        std::size_t end = braces ? 1 : 0;
        const std::size_t begin = end;
        while (end < rest.size() && in_group_name(rest[end])) ++end;
        const std::string_view name = rest.substr(begin, end - begin);
        if (name.empty() || (braces && (end == rest.size() || rest[end] != '}'))) return {};
        rest.remove_prefix(braces ? end + 1 : end);
        return name;
    }

    void append_group(std::string& out, std::string_view name,
                      const std::vector<re2::StringPiece>& groups) const {
        std::size_t index = groups.size();
        if (name.find_first_not_of("0123456789") == std::string_view::npos) {
            const bool plain = name.size() == 1 || name[0] != '0';
            if (plain && name.size() < 9) index = std::stoul(std::string(name));
        } else {
            const auto& named = regex_.NamedCapturingGroups();
            if (const auto found = named.find(std::string(name)); found != named.end())
                index = static_cast<std::size_t>(found->second);
        }
        if (index < groups.size() && groups[index].data() != nullptr)
            out.append(groups[index].data(), groups[index].size());
    }

    std::string_view text_;
    const RE2& regex_;
};

void only_numbers(Columns& vector) {
    for (Column& column : vector) column.histograms.clear();
}

}  // namespace

Outcome<Columns> label_replace(const Call& call, Columns vector) {
    const std::string& target = string_of(*call.args[1]);
    const std::string& replacement = string_of(*call.args[2]);
    const std::string& source = string_of(*call.args[3]);
    const std::string& pattern = string_of(*call.args[4]);
    const auto regex = compile_regex(pattern);
    if (!regex) return execution_error("invalid regular expression in label_replace(): " + pattern);
    if (!valid_label_name(target))
        return execution_error("invalid destination label name in label_replace(): " + target);
    const Template expansion(replacement, **regex);
    std::vector<re2::StringPiece> groups(
        static_cast<std::size_t>((*regex)->NumberOfCapturingGroups()) + 1);
    for (Column& column : vector) {
        const std::string_view value = value_of(column.labels, source);
        const re2::StringPiece text(value.data() == nullptr ? "" : value.data(), value.size());
        if (!(*regex)->Match(text, 0, text.size(), RE2::ANCHOR_BOTH, groups.data(),
                             static_cast<int>(groups.size())))
            continue;
        set_label(column.labels, target, expansion.expand(groups));
    }
    only_numbers(vector);
    TRY_STATUS(unite_same_labels(vector));
    return vector;
}

Outcome<Columns> label_join(const Call& call, Columns vector) {
    const std::string& target = string_of(*call.args[1]);
    const std::string& separator = string_of(*call.args[2]);
    for (std::size_t i = 3; i < call.args.size(); ++i)
        if (const std::string& source = string_of(*call.args[i]); !valid_label_name(source))
            return execution_error("invalid source label name in label_join(): " + source);
    if (!valid_label_name(target))
        return execution_error("invalid destination label name in label_join(): " + target);
    for (Column& column : vector) {
        std::string joined;
        for (std::size_t i = 3; i < call.args.size(); ++i) {
            if (i > 3) joined += separator;
            joined += value_of(column.labels, string_of(*call.args[i]));
        }
        set_label(column.labels, target, joined);
    }
    only_numbers(vector);
    TRY_STATUS(unite_same_labels(vector));
    return vector;
}

}  // namespace glassgate::store::query
