#include "policy/credentials.h"

#include <array>
#include <cstdint>

#include "base/text.h"

namespace glassgate::policy {
namespace {

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// One decoded character off the front of `text`; -1 for a broken escape.
int take_decoded(std::string_view& text) noexcept {
    const char c = text.front();
    if (c != '%') {
        text.remove_prefix(1);
        return c == '+' ? ' ' : static_cast<unsigned char>(c);
    }
    if (text.size() < 3) return -1;
    const int high = hex_digit(text[1]);
    const int low = hex_digit(text[2]);
    if (high < 0 || low < 0) return -1;
    text.remove_prefix(3);
    return high << 4 | low;
}

bool decodes_to(std::string_view encoded, std::string_view plain) noexcept {
    while (!encoded.empty()) {
        const int c = take_decoded(encoded);
        if (c < 0 || plain.empty() || static_cast<unsigned char>(plain.front()) != c) return false;
        plain.remove_prefix(1);
    }
    return plain.empty();
}

constexpr std::array<int8_t, 256> kBase64 = [] {
    std::array<int8_t, 256> table{};
    table.fill(-1);
    const std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        table[static_cast<unsigned char>(alphabet[i])] = static_cast<int8_t>(i);
    return table;
}();

// Length of the UTF-8 sequence at the front if it is well formed (RFC 3629); 0 otherwise.
std::size_t sequence_length(std::string_view s) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
    const auto continues = [&](std::size_t i, unsigned low, unsigned high) {
        return s.size() > i && byte(i) >= low && byte(i) <= high;
    };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead <= 0xdf) return continues(1, 0x80, 0xbf) ? 2 : 0;
    if (lead >= 0xe0 && lead <= 0xef) {
        const unsigned low = lead == 0xe0 ? 0xa0 : 0x80;
        const unsigned high = lead == 0xed ? 0x9f : 0xbf;  // no surrogates
        return continues(1, low, high) && continues(2, 0x80, 0xbf) ? 3 : 0;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        const unsigned low = lead == 0xf0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xf4 ? 0x8f : 0xbf;
        return continues(1, low, high) && continues(2, 0x80, 0xbf) && continues(3, 0x80, 0xbf) ? 4
                                                                                               : 0;
    }
    return 0;
}

// The password is decoded only where it is wanted.
BasicCredentials read_basic(std::string_view authorization, Arena& arena, bool with_password) {
    constexpr std::string_view kScheme = "basic ";
    if (authorization.size() < kScheme.size() ||
        !iequals(authorization.substr(0, kScheme.size()), kScheme))
        return {};
    std::string_view encoded = trim_ows(authorization.substr(kScheme.size()));
    for (int padding = 0; padding < 2 && encoded.ends_with('='); ++padding)
        encoded.remove_suffix(1);
    BasicCredentials result{.present = true, .malformed = true, .user = {}, .password = {}};
    char* const out = arena.allocate(encoded.size() * 3 / 4 + 1);
    std::size_t size = 0, user_size = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    bool colon = false;
    for (const char c : encoded) {
        const int8_t value = kBase64[static_cast<unsigned char>(c)];
        if (value < 0) return result;
        bits = bits << 6 | static_cast<uint32_t>(value);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        const char decoded = static_cast<char>(bits >> held & 0xff);
        if (!colon && decoded == ':') {
            colon = true;
            user_size = size;
        } else if (!colon || with_password) {
            out[size++] = decoded;
        }
    }
    if (!colon || encoded.size() % 4 == 1) return result;
    result.malformed = false;
    result.user = {out, user_size};
    result.password = {out + user_size, size - user_size};
    return result;
}

}  // namespace

std::optional<std::string_view> decode_form(std::string_view text, Arena& arena) {
    if (text.find_first_of("%+") == std::string_view::npos) return text;
    char* const out = arena.allocate(text.size());
    std::size_t size = 0;
    while (!text.empty()) {
        const int c = take_decoded(text);
        if (c < 0) return std::nullopt;
        out[size++] = static_cast<char>(c);
    }
    return std::string_view(out, size);
}

std::string_view find_parameter(std::string_view query, std::string_view name) noexcept {
    while (!query.empty()) {
        const std::size_t end = query.find('&');
        const std::string_view parameter = query.substr(0, end);
        const std::size_t equals = parameter.find('=');
        if (decodes_to(parameter.substr(0, equals), name))
            return equals == std::string_view::npos ? parameter.substr(parameter.size())
                                                    : parameter.substr(equals + 1);
        if (end == std::string_view::npos) break;
        query.remove_prefix(end + 1);
    }
    return {};
}

BasicCredentials basic_credentials(std::string_view authorization, Arena& arena) {
    return read_basic(authorization, arena, true);
}

BasicUser basic_user(std::string_view authorization, Arena& arena) {
    const BasicCredentials read = read_basic(authorization, arena, false);
    return {read.present, read.malformed, read.user};
}

bool is_clean_text(std::string_view text) noexcept {
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        if (length == 0) return false;
        const auto first = static_cast<unsigned char>(text[0]);
        if (length == 1 && (first < 0x20 || first == 0x7f)) return false;
        if (length == 2 && first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0)
            return false;
        text.remove_prefix(length);
    }
    return true;
}

}  // namespace glassgate::policy
