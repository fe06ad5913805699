// Payment card numbers in free text (PCI DSS 4.0, requirement 3.4: what is displayed is masked).
//
// A digit may be percent-encoded ("%34"); between two digits of one number any of " ", "-", "+",
// "%20", "%2D", "%2B" may stand, repeatedly. A number is masked when it
//   - has 13 to 19 digits, passes the Luhn check (ISO/IEC 7812-1, annex B) and is bounded on both
//     sides by something that is no digit (a separator, or a '*' of another number), or
//   - lies inside a longer row of digits, passes the check and looks like a card of a known scheme
//     (prefix and length), as in a number with its expiry date or security code behind it.
// Masked means: every digit but the last four becomes '*' ("%2A" if it was encoded); separators
// stay, and so does the length.
#pragma once

#include <cstddef>
#include <string>

namespace glassgate {

// Masks in place, in what was appended to `text` from `from` on. True if there was something to
// mask.
bool mask_card_numbers(std::string& text, std::size_t from = 0);

// Text with fewer digits holds none.
inline constexpr std::size_t kCardDigitsMin = 13;

}  // namespace glassgate
