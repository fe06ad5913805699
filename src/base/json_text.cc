#include "base/json_text.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <array>
#include <bit>

#include "base/text.h"
#include "base/utf8.h"

namespace glassgate {
namespace {

enum Class : uint8_t { kPlain, kEscape, kBeyondAscii };

constexpr std::array<uint8_t, 256> classify() {
    std::array<uint8_t, 256> classes{};
    for (unsigned c = 0; c < 256; ++c)
        classes[c] = c < 0x20 || c == '"' || c == '\\' || c == 0x7f ? kEscape
                     : c < 0x80                                     ? kPlain
                                                                    : kBeyondAscii;
    return classes;
}
constexpr std::array<uint8_t, 256> kClasses = classify();

void append_escaped(std::string& out, char c) {
    constexpr char kHex[] = "0123456789abcdef";
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        default:
            out += "\\u00";
            out += kHex[static_cast<uint8_t>(c) >> 4];
            out += kHex[c & 15];
    }
}

// How many bytes from `at` on stand for themselves.
std::size_t plain_run(std::string_view text, std::size_t at) noexcept {
    std::size_t end = at;
#ifdef __SSE2__
    // Sixteen at a time. Signed comparison: bytes beyond ASCII are negative, so "less than space"
    // finds them and the control characters at once.
    const __m128i space = _mm_set1_epi8(' ');
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i del = _mm_set1_epi8(0x7f);
    for (; end + 16 <= text.size(); end += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + end));
        const __m128i special = _mm_or_si128(
            _mm_or_si128(_mm_cmplt_epi8(bytes, space), _mm_cmpeq_epi8(bytes, quote)),
            _mm_or_si128(_mm_cmpeq_epi8(bytes, backslash), _mm_cmpeq_epi8(bytes, del)));
        const auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
        if (mask != 0) return end - at + static_cast<std::size_t>(std::countr_zero(mask));
    }
#endif
    while (end < text.size() && kClasses[static_cast<uint8_t>(text[end])] == kPlain) ++end;
    return end - at;
}

}  // namespace

void append_json_escaped(std::string& out, std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = at + plain_run(text, at);
        out.append(text, at, end - at);
        at = end;
        if (at == text.size()) return;
        if (kClasses[static_cast<uint8_t>(text[at])] == kEscape) {
            append_escaped(out, text[at++]);
            continue;
        }
        const Utf8Sequence next = front_sequence(text.substr(at));
        out += next.valid ? text.substr(at, next.length) : kReplacementCharacter;
        at += next.length;
    }
}

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    append_json_escaped(out, text);
    out += '"';
}

void append_ms(std::string& out, uint64_t ns) {
    const uint64_t us = (ns + 500) / 1000;
    append_u64(out, us / 1000);
    const unsigned rest = static_cast<unsigned>(us % 1000);
    const char decimals[] = {'.', static_cast<char>('0' + rest / 100),
                             static_cast<char>('0' + rest / 10 % 10),
                             static_cast<char>('0' + rest % 10)};
    out.append(decimals, sizeof decimals);
}

}  // namespace glassgate
