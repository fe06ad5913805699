// Steps over a request.
#include <sys/random.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

#include "base/ids.h"
#include "base/text.h"
#include "policy/credentials.h"
#include "policy/expression.h"

namespace glassgate::policy {
namespace {

using Op = Expression::Op;
using Step = Expression::Step;
using Value = ExpressionValue;
using Kind = ExpressionValue::Kind;

Value of_text(std::string_view text) noexcept {
    Value value;
    // Absent is null; a header that is there and empty is an empty text.
    if (text.data() == nullptr) return value;
    value.kind = Kind::text;
    value.text = text;
    return value;
}
Value of_bool(bool boolean) noexcept {
    Value value;
    value.kind = Kind::boolean;
    value.boolean = boolean;
    return value;
}
Value of_number(double number) noexcept {
    Value value;
    value.kind = Kind::number;
    value.number = number;
    return value;
}

// As text for joining and comparing; data() is null for null.
std::string_view text_of(const Value& value, Arena& arena) {
    switch (value.kind) {
        case Kind::null:
            break;
        case Kind::boolean:
            return value.boolean ? "true" : "false";
        case Kind::number: {
            char digits[32];
            const auto end = std::to_chars(digits, digits + sizeof digits, value.number).ptr;
            return arena.keep({digits, static_cast<std::size_t>(end - digits)});
        }
        case Kind::text:
            return value.text.data() != nullptr ? value.text : std::string_view("");
        case Kind::list: {
            std::size_t size = value.items.size();
            for (const std::string_view item : value.items) size += item.size();
            char* const out = arena.allocate(size + 1);
            char* at = out;
            for (std::size_t i = 0; i < value.items.size(); ++i) {
                if (i > 0) *at++ = ',';
                at = std::copy(value.items[i].begin(), value.items[i].end(), at);
            }
            return {out, static_cast<std::size_t>(at - out)};
        }
    }
    return {};
}

std::span<std::string_view> items_in(Arena& arena, std::size_t count) {
    constexpr std::size_t kAlign = alignof(std::string_view);
    char* const raw = arena.allocate(count * sizeof(std::string_view) + kAlign);
    const auto misfit = reinterpret_cast<uintptr_t>(raw) % kAlign;
    void* const at = raw + (misfit == 0 ? 0 : kAlign - misfit);
    auto* const first = static_cast<std::string_view*>(at);
    for (std::size_t i = 0; i < count; ++i) std::construct_at(first + i);
    return {first, count};
}

Value of_list(std::span<const std::string_view> items) noexcept {
    Value value;
    value.kind = Kind::list;
    value.items = items;
    return value;
}

// As a number, if it is one or a text that is one.
std::optional<double> number_of(const Value& value) noexcept {
    if (value.kind == Kind::number) return value.number;
    if (value.kind != Kind::text) return std::nullopt;
    double number = 0;
    const char* const end = value.text.data() + value.text.size();
    const auto [stop, error] = std::from_chars(value.text.data(), end, number);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return number;
}

class Evaluation {
public:
    Evaluation(const std::vector<Step>& steps, const Request& request, const Response* response)
        : steps_(steps), request_(request), response_(response) {}

    Value of(uint32_t index) {
        const Step& step = steps_[index];
        if (step.op < Op::choose) return read(step);
        switch (step.op) {
            case Op::choose:
                return of(truth(step.a) ? step.b : step.c);
            case Op::fallback: {
                const Value value = of(step.a);
                return value.kind != Kind::null ? value : of(step.b);
            }
            case Op::either:
                return of_bool(truth(step.a) || truth(step.b));
            case Op::both:
                return of_bool(truth(step.a) && truth(step.b));
            case Op::negation:
                return of_bool(!truth(step.a));
            case Op::uuid:
                return uuid();
            default:
                break;
        }
        const Value a = of(step.a);
        const bool two = step.op != Op::lower && step.op != Op::upper && step.op != Op::trim &&
                         step.op != Op::size_of;
        const Value b = two ? of(step.b) : Value{};
        return step.op <= Op::greater_equal ? compare(step.op, a, b) : apply(step.op, a, b);
    }
    std::string_view text(const Value& value) { return text_of(value, arena()); }

private:
    [[nodiscard]] Arena& arena() const noexcept { return *request_.arena; }
    bool truth(uint32_t index) {
        const Value value = of(index);
        return value.kind == Kind::boolean && value.boolean;
    }

    Value read(const Step& step) {
        const http::RequestHead& head = *request_.head;
        switch (step.op) {
            case Op::literal: {
                Value value = step.value;
                value.text = step.name;
                return value;
            }
            case Op::header:
                return of_text(step.known != http::KnownHeader::other
                                   ? http::find(head.headers, step.known)
                                   : http::find(head.headers, step.name));
            case Op::query_parameter: {
                const std::string_view encoded = find_parameter(head.query, step.name);
                if (encoded.data() == nullptr) return {};
                return of_text(decode_form(encoded, arena()).value_or(std::string_view()));
            }
            case Op::claim: {
                const std::string_view claim = request_.claim(step.name);
                return claim.empty() ? Value{} : of_text(claim);
            }
            case Op::method:
                return of_text(head.method_text);
            case Op::query_string:
                return of_text(head.has_query ? head.query : std::string_view(""));
            case Op::request_path:
                return of_text(head.path);
            case Op::request_uri:
                return of_text(head.target);
            case Op::remote_address:
                return of_text(request_.client_address);
            case Op::scheme:
                return of_text(model::to_text(request_.exchange->scheme));
            case Op::version:
                return of_text(model::to_text(request_.exchange->protocol));
            case Op::status_code:
                return response_ != nullptr ? of_number(response_->status) : Value{};
            case Op::client_id:
                return request_.client_id.empty() ? Value{} : of_text(request_.client_id);
            case Op::client_name:
                return request_.client_name.empty() ? Value{} : of_text(request_.client_name);
            default:
                return {};
        }
    }

    Value compare(Op op, const Value& a, const Value& b) {
        const auto number_a = number_of(a), number_b = number_of(b);
        const bool numbers =
            number_a && number_b && (a.kind == Kind::number || b.kind == Kind::number);
        if (op == Op::equal || op == Op::unequal) {
            const bool nulls = a.kind == Kind::null || b.kind == Kind::null;
            const bool same = nulls     ? a.kind == b.kind
                              : numbers ? *number_a == *number_b
                                        : text(a) == text(b);
            return of_bool(same == (op == Op::equal));
        }
        if (a.kind == Kind::null || b.kind == Kind::null) return of_bool(false);
        int order = 0;
        if (numbers)
            order = *number_a < *number_b ? -1 : *number_a > *number_b ? 1 : 0;
        else
            order = text(a).compare(text(b));
        switch (op) {
            case Op::less:
                return of_bool(order < 0);
            case Op::less_equal:
                return of_bool(order <= 0);
            case Op::greater:
                return of_bool(order > 0);
            default:
                return of_bool(order >= 0);
        }
    }

    Value apply(Op op, const Value& a, const Value& b) {
        if (op == Op::contains) return contains(a, b);
        if (op == Op::at) return at(a, b);
        if (op == Op::size_of) return size_of(a);
        if (a.kind == Kind::null) return op == Op::join ? b : a;
        if (op == Op::join) return join(a, b);
        if (op == Op::without) return without(a, b);
        const std::string_view text_a = text(a);
        switch (op) {
            case Op::lower:
            case Op::upper:
                return changed_case(text_a, op == Op::upper);
            case Op::trim:
                return of_text(trim(text_a));
            case Op::split_by:
                return b.kind == Kind::null ? b : split(text_a, text(b));
            default:
                return b.kind == Kind::null ? b : substring(op, text_a, text(b));
        }
    }

    Value contains(const Value& a, const Value& b) {
        if (a.kind == Kind::null || b.kind == Kind::null) return of_bool(false);
        const std::string_view wanted = text(b);
        if (a.kind != Kind::list) return of_bool(text(a).find(wanted) != std::string_view::npos);
        return of_bool(std::find(a.items.begin(), a.items.end(), wanted) != a.items.end());
    }
    static Value at(const Value& a, const Value& b) {
        const auto index = number_of(b);
        if (a.kind != Kind::list || !index) return {};
        const auto size = static_cast<double>(a.items.size());
        const double place = *index < 0 ? size + *index : *index;  // -1: the last
        if (!(place >= 0 && place < size)) return {};
        return of_text(a.items[static_cast<std::size_t>(place)]);
    }
    Value size_of(const Value& a) {
        if (a.kind == Kind::null) return of_number(0);
        return of_number(
            static_cast<double>(a.kind == Kind::list ? a.items.size() : text(a).size()));
    }
    Value join(const Value& a, const Value& b) {
        if (b.kind == Kind::null) return a;
        if (a.kind == Kind::list && b.kind == Kind::list) {
            const auto items = items_in(arena(), a.items.size() + b.items.size());
            std::copy(b.items.begin(), b.items.end(),
                      std::copy(a.items.begin(), a.items.end(), items.begin()));
            return of_list(items);
        }
        const std::string_view left = text(a), right = text(b);
        char* const out = arena().allocate(left.size() + right.size() + 1);
        std::copy(right.begin(), right.end(), std::copy(left.begin(), left.end(), out));
        return of_text({out, left.size() + right.size()});
    }
    Value without(const Value& a, const Value& b) {
        if (a.kind != Kind::list || b.kind != Kind::list) return {};
        const auto items = items_in(arena(), a.items.size());
        std::size_t size = 0;
        for (const std::string_view item : a.items)
            if (std::find(b.items.begin(), b.items.end(), item) == b.items.end())
                items[size++] = item;
        return of_list(items.first(size));
    }
    Value changed_case(std::string_view text, bool up) {
        char* const out = arena().allocate(text.size() + 1);
        for (std::size_t i = 0; i < text.size(); ++i)
            out[i] = up && text[i] >= 'a' && text[i] <= 'z' ? static_cast<char>(text[i] - 32)
                     : up                                   ? text[i]
                                                            : to_lower(text[i]);
        return of_text({out, text.size()});
    }
    static std::string_view trim(std::string_view text) noexcept {
        constexpr std::string_view kSpace = " \t\r\n";
        const std::size_t begin = text.find_first_not_of(kSpace);
        if (begin == std::string_view::npos) return text.substr(0, 0);
        return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
    }
    Value split(std::string_view text, std::string_view by) {
        if (by.empty()) return of_list({});
        std::size_t count = 1;
        for (std::size_t i = text.find(by); i != std::string_view::npos;
             i = text.find(by, i + by.size()))
            ++count;
        const auto items = items_in(arena(), count);
        for (std::string_view& item : items) {
            const std::size_t end = std::min(text.find(by), text.size());
            item = text.substr(0, end);
            text.remove_prefix(std::min(end + by.size(), text.size()));
        }
        return of_list(items);
    }
    // Without the separator: before, the whole text; after, nothing.
    static Value substring(Op op, std::string_view text, std::string_view by) {
        const bool before = op == Op::substring_before || op == Op::substring_before_last;
        const bool last = op == Op::substring_before_last || op == Op::substring_after_last;
        const std::size_t place = last ? text.rfind(by) : text.find(by);
        if (place == std::string_view::npos) return of_text(before ? text : text.substr(0, 0));
        return of_text(before ? text.substr(0, place) : text.substr(place + by.size()));
    }
    // RFC 9562, version 4.
    Value uuid() {
        uint8_t bytes[16] = {};
        if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return {};
        bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);
        bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
        char hex[32];
        write_hex(hex, bytes, sizeof bytes);
        char* const out = arena().allocate(36);
        char* at = out;
        for (std::size_t i = 0; i < sizeof hex; ++i) {
            if (i == 8 || i == 12 || i == 16 || i == 20) *at++ = '-';
            *at++ = hex[i];
        }
        return of_text({out, 36});
    }

    const std::vector<Step>& steps_;
    const Request& request_;
    const Response* const response_;
};

}  // namespace

ExpressionValue Expression::evaluate(const Request& request, const Response* response) const {
    return Evaluation(steps_, request, response).of(static_cast<uint32_t>(steps_.size() - 1));
}

std::string_view Expression::text(const Request& request, const Response* response) const {
    Evaluation evaluation(steps_, request, response);
    return evaluation.text(evaluation.of(static_cast<uint32_t>(steps_.size() - 1)));
}

}  // namespace glassgate::policy
