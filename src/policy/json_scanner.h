// JsonScanner: reads JSON (RFC 8259) piece by piece as it comes, keeps none of it, and says when it
// is none or goes beyond limits. One bit of memory for each container that is open.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace glassgate::policy {

struct JsonLimits {
    static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
    uint32_t depth = kNone;          // containers within one another
    uint32_t entries = kNone;        // of one object
    uint32_t name_length = kNone;    // characters; an escape is one
    uint32_t elements = kNone;       // of one array
    uint32_t string_length = kNone;  // of a value; characters
};

class JsonScanner {
public:
    enum class Fault : uint8_t {
        none,
        malformed,
        depth,
        entries,
        name_length,
        elements,
        string_length,
    };

    explicit JsonScanner(const JsonLimits& limits) : limits_(limits) {}

    // After a fault every call says the same.
    Fault feed(std::string_view piece);
    // No more will come.
    Fault finish();

private:
    enum class State : uint8_t {
        value,           // a value must come
        element_or_end,  // after '['
        name_or_end,     // after '{'
        name,            // after ',' in an object
        colon,
        comma_or_end,
        string,
        escape,
        hex,
        minus,
        zero,
        integer,
        point,
        fraction,
        exponent,
        exponent_sign,
        exponent_digits,
        literal,
        done,
    };

    bool step(char c);  // false: fault_ is set
    bool begin_value(char c);
    bool begin_string(bool name);
    bool in_string(char c);
    bool in_escape(char c);
    bool in_number(char c);
    bool after_value(char c);
    bool open(bool object);
    bool close(bool object);
    bool count_item();
    void value_ended() noexcept;
    bool fail(Fault fault) noexcept {
        fault_ = fault;
        return false;
    }
    [[nodiscard]] bool in_object() const noexcept { return !open_.empty() && open_.back(); }

    const JsonLimits limits_;
    State state_ = State::value;
    Fault fault_ = Fault::none;
    std::vector<bool> open_;        // true: an object
    std::vector<uint32_t> counts_;  // items of each open container; only where they are limited
    bool in_name_ = false;
    uint32_t length_ = 0;  // of the string so far
    uint8_t hex_left_ = 0;
    std::string_view literal_;  // what is still to come of true, false, null
};

}  // namespace glassgate::policy
