#include "http/base64.h"

#include <cstdint>

namespace glassgate::http {
namespace {

constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void encode(std::string& out, std::string_view bytes, std::string_view alphabet, bool padded) {
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t n = bytes.size() - at < 3 ? bytes.size() - at : 3;
        uint32_t group = 0;
        for (std::size_t i = 0; i < 3; ++i)
            group = group << 8 | (i < n ? static_cast<uint8_t>(bytes[at + i]) : 0u);
        for (std::size_t i = 0; i <= n; ++i) out.push_back(alphabet[group >> (18 - 6 * i) & 63]);
        if (padded) out.append(3 - n, '=');
    }
}

bool decode(std::string_view text, std::string_view alphabet, std::string& out) {
    if (text.size() % 4 == 1) return false;
    uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const std::size_t value = alphabet.find(c);
        if (value == std::string_view::npos) return false;
        bits = bits << 6 | static_cast<uint32_t>(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out.push_back(static_cast<char>(bits >> count));
        bits &= (1u << count) - 1;
    }
    return bits == 0;
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
    encode(out, bytes, kStandard, true);
}
void append_base64url(std::string& out, std::string_view bytes) { encode(out, bytes, kUrl, false); }

bool decode_base64(std::string_view text, std::string& out) {
    out.clear();
    if (text.size() % 4 != 0) return false;
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
    return decode(text, kStandard, out);
}

bool decode_base64url(std::string_view text, std::string& out) {
    out.clear();
    return decode(text, kUrl, out);
}

}  // namespace glassgate::http
