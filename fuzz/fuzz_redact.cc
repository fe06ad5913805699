// Redaction of any bytes: no card number survives, redacting twice changes nothing more, and what
// redacted() calls clean is what redact_text leaves alone.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "telemetry/project/redact.h"

namespace {

using glassgate::telemetry::redact_query_values;
using glassgate::telemetry::redact_secret_values;
using glassgate::telemetry::redact_text;

struct Digit {
    unsigned value;
    bool begins_group, ends_group;
};

bool passes_luhn(const Digit* digits, std::size_t count) {
    unsigned sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        unsigned value = digits[count - 1 - i].value;
        if (i % 2 == 1) value = value < 5 ? 2 * value : 2 * value - 9;
        sum += value;
    }
    return sum % 10 == 0;
}

// Written apart from the code under test, and as plainly as can be: every window of every row.
bool holds_card_number(std::vector<Digit>& row) {
    if (!row.empty()) row.back().ends_group = true;
    bool found = false;
    for (std::size_t begin = 0; begin < row.size(); ++begin)
        for (std::size_t count = 13; count <= 19 && begin + count <= row.size(); ++count) {
            if (!passes_luhn(&row[begin], count)) continue;
            const bool bounded = row[begin].begins_group && row[begin + count - 1].ends_group;
            const bool visa = row[begin].value == 4 && (count == 13 || count == 16 || count == 19);
            const bool mastercard = row[begin].value == 5 && row[begin + 1].value >= 1 &&
                                    row[begin + 1].value <= 5 && count == 16;
            found = found || bounded || visa || mastercard;
        }
    row.clear();
    return found;
}

bool holds_card_number(std::string_view text) {
    std::vector<Digit> row;
    bool after_digit = false;
    const auto digit = [&](char c) {
        if (!after_digit && !row.empty()) row.back().ends_group = true;
        row.push_back({static_cast<unsigned>(c - '0'), !after_digit, false});
        after_digit = true;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const std::string_view encoded = text.substr(i, 3);
        const bool separates = encoded == "%20" || encoded == "%2D" || encoded == "%2d" ||
                               encoded == "%2B" || encoded == "%2b";
        if (c >= '0' && c <= '9') {
            digit(c);
        } else if (encoded.size() == 3 && encoded.starts_with("%3") && encoded[2] >= '0' &&
                   encoded[2] <= '9') {
            digit(encoded[2]);
            i += 2;
        } else if (c == ' ' || c == '-' || c == '+' || separates) {
            after_digit = false;
            if (separates) i += 2;
        } else {
            if (holds_card_number(row)) return true;
            after_digit = false;
        }
    }
    return holds_card_number(row);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    for (const auto redact : {redact_text, redact_query_values, redact_secret_values}) {
        std::string once, twice;
        redact(input, once);
        GW_CHECK(!holds_card_number(once));
        GW_CHECK(once.find("eyJhbGciOiJ") == std::string::npos);
        // A name may become a secret one when a token is cut out of it: not for pairs.
        if (redact == redact_secret_values) continue;
        redact(once, twice);
        GW_CHECK(once == twice);
    }
    std::string out, scratch;
    redact_text(input, out);
    GW_CHECK(glassgate::telemetry::redacted(input, scratch) == out);
    return 0;
}
