// Looking for the bytes that end something, sixteen at a time where the machine can.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "http/chars.h"

namespace glassgate::http {

// The first byte in [at, end) that may not stand in a field value: a control byte other than HTAB,
// or DEL; `end` if there is none.
[[nodiscard]] inline const char* skip_value(const char* at, const char* end) noexcept {
#ifdef __SSE2__
    for (; end - at >= 16; at += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
        const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
        const int found = _mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, control), del));
        if (found != 0) return at + std::countr_zero(static_cast<unsigned>(found));
    }
#endif
    while (at != end && is(*at, kValue)) ++at;
    return at;
}

// Calls use(position) for every LF at or behind `from`; stops when it returns false.
template <typename Use>
inline void for_each_lf(std::string_view bytes, std::size_t from, Use&& use) noexcept {
    std::size_t at = from;
#ifdef __SSE2__
    for (; at + 16 <= bytes.size(); at += 16) {
        const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + at));
        auto found =
            static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8('\n'))));
        for (; found != 0; found &= found - 1)
            if (!use(at + static_cast<std::size_t>(std::countr_zero(found)))) return;
    }
#endif
    for (; at < bytes.size(); ++at)
        if (bytes[at] == '\n' && !use(at)) return;
}

}  // namespace glassgate::http
