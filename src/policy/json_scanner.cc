#include "policy/json_scanner.h"

namespace glassgate::policy {
namespace {

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_hex(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

JsonScanner::Fault JsonScanner::feed(std::string_view piece) {
    if (fault_ != Fault::none) return fault_;
    for (const char c : piece)
        if (!step(c)) break;
    return fault_;
}

JsonScanner::Fault JsonScanner::finish() {
    if (fault_ != Fault::none) return fault_;
    const bool number_over = state_ == State::zero || state_ == State::integer ||
                             state_ == State::fraction || state_ == State::exponent_digits;
    if (state_ != State::done && !(number_over && open_.empty())) fault_ = Fault::malformed;
    return fault_;
}

bool JsonScanner::step(char c) {
    switch (state_) {
        case State::string:
            return in_string(c);
        case State::escape:
            return in_escape(c);
        case State::hex:
            if (!is_hex(c)) return fail(Fault::malformed);
            if (--hex_left_ == 0) state_ = State::string;
            return true;
        case State::literal:
            if (c != literal_.front()) return fail(Fault::malformed);
            literal_.remove_prefix(1);
            if (literal_.empty()) value_ended();
            return true;
        case State::value:
        case State::element_or_end:
            if (is_space(c)) return true;
            if (c == ']' && state_ == State::element_or_end) return close(false);
            return count_item() && begin_value(c);
        case State::name_or_end:
        case State::name:
            if (is_space(c)) return true;
            if (c == '}' && state_ == State::name_or_end) return close(true);
            if (c != '"') return fail(Fault::malformed);
            return count_item() && begin_string(true);
        case State::colon:
            if (is_space(c)) return true;
            if (c != ':') return fail(Fault::malformed);
            state_ = State::value;
            return true;
        case State::comma_or_end:
        case State::done:
            return after_value(c);
        default:
            return in_number(c);
    }
}

// Of the innermost container: an element that begins in an array, a name in an object.
bool JsonScanner::count_item() {
    if (open_.empty()) return true;
    if (in_object() && state_ == State::value) return true;  // its name has been counted
    const uint32_t most = in_object() ? limits_.entries : limits_.elements;
    if (most == JsonLimits::kNone) return true;
    if (++counts_.back() > most) return fail(in_object() ? Fault::entries : Fault::elements);
    return true;
}

bool JsonScanner::begin_value(char c) {
    switch (c) {
        case '{':
            return open(true);
        case '[':
            return open(false);
        case '"':
            return begin_string(false);
        case '-':
            state_ = State::minus;
            return true;
        case '0':
            state_ = State::zero;
            return true;
        case 't':
            literal_ = "rue";
            break;
        case 'f':
            literal_ = "alse";
            break;
        case 'n':
            literal_ = "ull";
            break;
        default:
            if (!is_digit(c)) return fail(Fault::malformed);
            state_ = State::integer;
            return true;
    }
    state_ = State::literal;
    return true;
}

bool JsonScanner::begin_string(bool name) {
    in_name_ = name;
    length_ = 0;
    state_ = State::string;
    return true;
}

bool JsonScanner::in_string(char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"') {
        if (in_name_)
            state_ = State::colon;
        else
            value_ended();
        return true;
    }
    if (byte < 0x20) return fail(Fault::malformed);
    if ((byte & 0xc0) != 0x80) {  // not the rest of a character
        const uint32_t most = in_name_ ? limits_.name_length : limits_.string_length;
        if (most != JsonLimits::kNone && ++length_ > most)
            return fail(in_name_ ? Fault::name_length : Fault::string_length);
    }
    if (c == '\\') state_ = State::escape;
    return true;
}

bool JsonScanner::in_escape(char c) {
    if (c == 'u') {
        hex_left_ = 4;
        state_ = State::hex;
        return true;
    }
    if (std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos)
        return fail(Fault::malformed);
    state_ = State::string;
    return true;
}

bool JsonScanner::in_number(char c) {
    using enum State;
    const bool digit = is_digit(c);
    const bool e = c == 'e' || c == 'E';
    switch (state_) {
        case minus:
            if (!digit) return fail(Fault::malformed);
            state_ = c == '0' ? zero : integer;
            return true;
        case integer:
            if (digit) return true;
            [[fallthrough]];
        case zero:
            if (c == '.') {
                state_ = point;
                return true;
            }
            [[fallthrough]];
        case fraction:
            if (digit && state_ == fraction) return true;
            if (e) {
                state_ = exponent;
                return true;
            }
            break;
        case point:
            if (!digit) return fail(Fault::malformed);
            state_ = fraction;
            return true;
        case exponent:
            if (c == '+' || c == '-') {
                state_ = exponent_sign;
                return true;
            }
            [[fallthrough]];
        case exponent_sign:
            if (!digit) return fail(Fault::malformed);
            state_ = exponent_digits;
            return true;
        case exponent_digits:
            if (digit) return true;
            break;
        default:
            break;
    }
    value_ended();  // by what comes behind it
    return after_value(c);
}

bool JsonScanner::after_value(char c) {
    if (is_space(c)) return true;
    if (open_.empty()) return fail(Fault::malformed);
    if (c == ',') {
        // In an array a value must come now, but "[1,]" ends with ']': a fault there.
        state_ = in_object() ? State::name : State::value;
        return true;
    }
    if (c == '}') return close(true);
    if (c == ']') return close(false);
    return fail(Fault::malformed);
}

bool JsonScanner::open(bool object) {
    if (open_.size() >= limits_.depth) return fail(Fault::depth);
    open_.push_back(object);
    if (limits_.entries != JsonLimits::kNone || limits_.elements != JsonLimits::kNone)
        counts_.push_back(0);
    state_ = object ? State::name_or_end : State::element_or_end;
    return true;
}

bool JsonScanner::close(bool object) {
    if (open_.empty() || open_.back() != object) return fail(Fault::malformed);
    open_.pop_back();
    if (!counts_.empty()) counts_.pop_back();
    value_ended();
    return true;
}

void JsonScanner::value_ended() noexcept {
    state_ = open_.empty() ? State::done : State::comma_or_end;
}

}  // namespace glassgate::policy
