// Go's own functions: printf, index, eq, ...
#include <cmath>
#include <compare>
#include <optional>

#include "alert/template/functions.h"
#include "store/query/number_text.h"
#include "store/query/utf8.h"

namespace glassgate::alert {
namespace {

using Arguments = std::span<const Value>;

Result<Value> call_print(const TemplateScene&, Arguments a) {
    std::string out;
    for (std::size_t i = 0; i < a.size(); ++i) {
        // A space between two of which neither is a string.
        if (i > 0 && a[i].as<std::string>() == nullptr && a[i - 1].as<std::string>() == nullptr)
            out += ' ';
        out += to_text(a[i]);
    }
    return Value{std::move(out)};
}

Result<Value> call_println(const TemplateScene&, Arguments a) {
    std::string out;
    for (std::size_t i = 0; i < a.size(); ++i) out += (i > 0 ? " " : "") + to_text(a[i]);
    return Value{out + "\n"};
}

Result<Value> call_printf(const TemplateScene&, Arguments a) {
    return Value{format_values(*a[0].as<std::string>(), a.subspan(1))};
}

Result<Value> call_not(const TemplateScene&, Arguments a) { return Value{!is_true(a[0])}; }

Result<Value> call_len(const TemplateScene&, Arguments a) {
    std::size_t size = 0;
    if (const auto* text = a[0].as<std::string>())
        size = text->size();
    else if (const auto* map = a[0].as<StringMap>())
        size = map->size();
    else if (const auto* list = a[0].as<Value::Elements>())
        size = (*list)->size();
    else
        return failure("len of type " + std::string(type_name(a[0])));
    return Value{static_cast<int64_t>(size)};
}

Result<std::size_t> index_into(const Value& index, std::size_t size) {
    const auto* number = index.as<int64_t>();
    if (number == nullptr)
        return failure("cannot index slice/array with type " + std::string(type_name(index)));
    if (*number < 0 || static_cast<std::size_t>(*number) >= size)
        return failure("index out of range: " + std::to_string(*number));
    return static_cast<std::size_t>(*number);
}

Result<Value> call_index(const TemplateScene&, Arguments a) {
    Value value = a[0];
    for (const Value& index : a.subspan(1)) {
        if (const auto* map = value.as<StringMap>()) {
            const auto* key = index.as<std::string>();
            if (key == nullptr)
                return failure("value has type " + std::string(type_name(index)) +
                               "; should be string");
            const auto found = map->find(*key);
            value = Value{found == map->end() ? std::string() : found->second};
        } else if (const auto* list = value.as<Value::Elements>()) {
            value = Value{(**list)[TRY(index_into(index, (*list)->size()))]};
        } else if (const auto* text = value.as<std::string>()) {
            const std::size_t at = TRY(index_into(index, text->size()));
            value = Value{static_cast<int64_t>(static_cast<unsigned char>((*text)[at]))};
        } else {
            return failure("can't index item of type " + std::string(type_name(value)));
        }
    }
    return value;
}

Result<Value> call_slice(const TemplateScene&, Arguments a) {
    const auto* text = a[0].as<std::string>();
    if (text == nullptr) return failure("can't slice item of type " + std::string(type_name(a[0])));
    if (a.size() > 3) return failure("cannot 3-index slice a string");
    std::size_t bounds[2] = {0, text->size()};
    for (std::size_t i = 1; i < a.size(); ++i)
        bounds[i - 1] = TRY(index_into(a[i], text->size() + 1));
    if (bounds[0] > bounds[1])
        return failure("invalid slice index: " + std::to_string(bounds[0]) + " > " +
                       std::to_string(bounds[1]));
    return Value{text->substr(bounds[0], bounds[1] - bounds[0])};
}

Result<Value> call_html(const TemplateScene&, Arguments a) {
    std::string out;
    for (const Value& value : a)
        for (const char c : to_text(value)) switch (c) {
                case '"':
                    out += "&#34;";
                    break;
                case '\'':
                    out += "&#39;";
                    break;
                case '&':
                    out += "&amp;";
                    break;
                case '<':
                    out += "&lt;";
                    break;
                case '>':
                    out += "&gt;";
                    break;
                case '\0':
                    out += "\xEF\xBF\xBD";
                    break;
                default:
                    out += c;
            }
    return Value{std::move(out)};
}

Result<Value> call_js(const TemplateScene&, Arguments a) {
    std::string out;
    char escaped[8];
    for (const Value& value : a)
        for (const char c : to_text(value)) {
            const bool plain = static_cast<unsigned char>(c) >= 0x20 &&
                               std::string_view("\\'\"<>&=").find(c) == std::string_view::npos;
            if (plain) {
                out += c;
            } else if (c == '\\' || c == '\'' || c == '"') {
                out += '\\';
                out += c;
            } else {
                std::snprintf(escaped, sizeof escaped, "\\u%04X", static_cast<unsigned>(c));
                out += escaped;
            }
        }
    return Value{std::move(out)};
}

Result<Value> call_urlquery(const TemplateScene&, Arguments a) {
    std::string out;
    char escaped[8];
    for (const Value& value : a)
        for (const char c : to_text(value)) {
            const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                               (c >= '0' && c <= '9') ||
                               std::string_view("-_.~").find(c) != std::string_view::npos;
            if (plain) {
                out += c;
            } else if (c == ' ') {
                out += '+';
            } else {
                std::snprintf(escaped, sizeof escaped, "%%%02X",
                              static_cast<unsigned>(static_cast<unsigned char>(c)));
                out += escaped;
            }
        }
    return Value{std::move(out)};
}

// Nothing: of different kinds.
std::optional<std::partial_ordering> compare(const Value& a, const Value& b) {
    if (a.v.index() != b.v.index()) return std::nullopt;
    if (const auto* x = a.as<std::string>()) return *x <=> *b.as<std::string>();
    if (const auto* x = a.as<int64_t>()) return *x <=> *b.as<int64_t>();
    if (const auto* x = a.as<double>()) return *x <=> *b.as<double>();
    if (const auto* x = a.as<bool>()) return *x <=> *b.as<bool>();
    return std::nullopt;
}

bool is_basic(const Value& value) {
    return value.as<bool>() || value.as<int64_t>() || value.as<double>() || value.as<std::string>();
}

Result<std::partial_ordering> compared(const Value& a, const Value& b) {
    if (!is_basic(a) || !is_basic(b)) return failure("invalid type for comparison");
    const auto order = compare(a, b);
    if (!order) return failure("incompatible types for comparison");
    return *order;
}

Result<Value> call_eq(const TemplateScene&, Arguments a) {
    if (a.size() < 2) return failure("missing argument for comparison");
    for (const Value& other : a.subspan(1))
        if (TRY(compared(a[0], other)) == 0) return Value{true};
    return Value{false};
}
Result<Value> call_ne(const TemplateScene&, Arguments a) {
    return Value{TRY(compared(a[0], a[1])) != 0};
}
template <typename Test>
Result<Value> ordered(Arguments a, Test test) {
    const std::partial_ordering order = TRY(compared(a[0], a[1]));
    if (a[0].as<bool>() != nullptr) return failure("invalid type for comparison");
    return Value{test(order)};
}
Result<Value> call_lt(const TemplateScene&, Arguments a) {
    return ordered(a, [](std::partial_ordering o) { return o < 0; });
}
Result<Value> call_le(const TemplateScene&, Arguments a) {
    return ordered(a, [](std::partial_ordering o) { return o <= 0; });
}
Result<Value> call_gt(const TemplateScene&, Arguments a) {
    return ordered(a, [](std::partial_ordering o) { return !(o <= 0); });  // NaN, too: Go has it so
}
Result<Value> call_ge(const TemplateScene&, Arguments a) {
    return ordered(a, [](std::partial_ordering o) { return !(o < 0); });
}

// The executor evaluates these itself, since they need not look at all their arguments.
Result<Value> call_choice(const TemplateScene&, Arguments a) { return a[0]; }

Result<Value> call_call(const TemplateScene&, Arguments a) {
    return failure("non-function of type " + std::string(type_name(a[0])));
}

}  // namespace

std::span<const Function> general_functions() {
    using enum Takes;
    static const std::vector<Function> kTable = {
        {"and", {any, any}, true, call_choice},
        {"or", {any, any}, true, call_choice},
        {"not", {any}, false, call_not},
        {"len", {any}, false, call_len},
        {"index", {any, any}, true, call_index},
        {"slice", {any, any}, true, call_slice},
        {"print", {any}, true, call_print},
        {"printf", {text, any}, true, call_printf},
        {"println", {any}, true, call_println},
        {"html", {any}, true, call_html},
        {"js", {any}, true, call_js},
        {"urlquery", {any}, true, call_urlquery},
        {"call", {any, any}, true, call_call},
        {"eq", {any, any}, true, call_eq},
        {"ne", {any, any}, false, call_ne},
        {"lt", {any, any}, false, call_lt},
        {"le", {any, any}, false, call_le},
        {"gt", {any, any}, false, call_gt},
        {"ge", {any, any}, false, call_ge},
    };
    return kTable;
}

const Function* find_function(std::string_view name) noexcept {
    for (const std::span<const Function> table : {general_functions(), rule_functions()})
        for (const Function& function : table)
            if (function.name == name) return &function;
    return nullptr;
}

}  // namespace glassgate::alert
