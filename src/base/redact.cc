#include "base/redact.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/card_numbers.h"
#include "base/text.h"

namespace glassgate {
namespace {

// Names are compared without the characters that only separate words, so "Api-Key", "api_key" and
// "apiKey" are one.
constexpr std::size_t kNameBytesMax = 64;

struct PlainName {
    std::array<char, kNameBytesMax> bytes{};
    std::size_t size = 0;
    [[nodiscard]] std::string_view view() const noexcept { return {bytes.data(), size}; }
};

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The first kNameBytesMax letters and digits: decoded, lower case, without separators.
PlainName plain_name(std::string_view name) noexcept {
    PlainName plain;
    for (std::size_t i = 0; i < name.size() && plain.size < kNameBytesMax; ++i) {
        char c = name[i];
        if (c == '%' && i + 2 < name.size() && hex_value(name[i + 1]) >= 0 &&
            hex_value(name[i + 2]) >= 0) {
            c = static_cast<char>(hex_value(name[i + 1]) * 16 + hex_value(name[i + 2]));
            i += 2;
        }
        c = to_lower(c);
        const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (word) plain.bytes[plain.size++] = c;
    }
    return plain;
}

// Anywhere in the name.
constexpr std::string_view kSecretParts[] = {
    "password",  "passwd",    "passphrase",    "secret", "token",
    "apikey",    "accesskey", "privatekey",    "jwt",    "credential",
    "signature", "sessionid", "authorization", "cookie", "cardnumber"};
// The whole name: too short to be searched for.
constexpr std::string_view kSecretNames[] = {"auth", "code",      "sig",   "pwd",  "pass", "pin",
                                             "otp",  "key",       "cvv",   "cvc",  "pan",  "sid",
                                             "hmac", "assertion", "state", "nonce"};
constexpr std::string_view kSecretHeaders[] = {
    "authorization",     "proxyauthorization",   "cookie", "setcookie",
    "xapikey",           "xforwardedclientcert", "xauth",  "wwwauthenticate",
    "proxyauthenticate", "authenticationinfo"};

bool is_token_character(char c) noexcept {  // token68 of RFC 9110 §11.2, and the dots of a JWT
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

std::size_t token_length(std::string_view text) noexcept {
    std::size_t length = 0;
    while (length < text.size() && is_token_character(text[length])) ++length;
    return length;
}

constexpr std::string_view kJwtStart = "eyJ";  // base64url of '{"'
constexpr std::size_t kJwtBytesMin = 10;
constexpr std::string_view kBearer = "bearer";

// If a secret begins at the front: how much to keep, and how much to replace behind it.
struct Secret {
    std::size_t keep = 0, drop = 0;
};

Secret secret_at(std::string_view text) noexcept {
    if (text.starts_with(kJwtStart)) {
        const std::size_t length = token_length(text);
        return length < kJwtBytesMin ? Secret{} : Secret{0, length};
    }
    if (text.size() <= kBearer.size() || !iequals(text.substr(0, kBearer.size()), kBearer))
        return {};
    std::size_t at = kBearer.size();
    while (at < text.size()) {  // one space or more, however encoded
        if (text[at] == ' ' || text[at] == '+' || text[at] == '\t')
            ++at;
        else if (text.substr(at).starts_with("%20"))
            at += 3;
        else
            break;
    }
    if (at == kBearer.size()) return {};
    return {at, token_length(text.substr(at))};
}

enum Class : uint8_t { kOther, kDigit, kMayBeginToken };
constexpr std::array<uint8_t, 256> classify() {
    std::array<uint8_t, 256> classes{};
    for (std::size_t c = '0'; c <= '9'; ++c) classes[c] = kDigit;
    classes['e'] = classes['b'] = classes['B'] = kMayBeginToken;
    return classes;
}
constexpr std::array<uint8_t, 256> kClasses = classify();

// Most text is clean: one look at each byte says so.
bool is_clean(std::string_view text) noexcept {
    std::size_t digits = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const uint8_t kind = kClasses[static_cast<uint8_t>(text[at])];
        if (kind == kOther) continue;
        if (kind == kDigit) {
            if (++digits >= kCardDigitsMin) return false;
        } else if (text.substr(at, kJwtStart.size()) == kJwtStart ||
                   (text[at] != 'e' && iequals(text.substr(at, kBearer.size()), kBearer))) {
            return false;
        }
    }
    return true;
}

void append_without_tokens(std::string_view text, std::string& out) {
    std::size_t kept = 0;
    for (std::size_t at = 0; at < text.size();) {
        const char c = text[at];
        const Secret secret =
            c == 'e' || c == 'b' || c == 'B' ? secret_at(text.substr(at)) : Secret{};
        if (secret.drop == 0) {
            ++at;
            continue;
        }
        out += text.substr(kept, at + secret.keep - kept);
        out += kRedacted;
        at += secret.keep + secret.drop;
        kept = at;
    }
    out += text.substr(kept);
}

// Appends the elements of a query, their values as `value(name, value)` appends them.
template <typename Value>
void for_each_pair(std::string_view query, std::string& out, Value&& value) {
    while (true) {
        const std::size_t end = std::min(query.find_first_of("&;"), query.size());
        const std::string_view pair = query.substr(0, end);
        const std::size_t equals = pair.find('=');
        if (equals == std::string_view::npos) {
            append_without_tokens(pair, out);
        } else {
            append_without_tokens(pair.substr(0, equals), out);
            out += '=';
            value(pair.substr(0, equals), pair.substr(equals + 1));
        }
        if (end == query.size()) return;
        out += query[end];
        query.remove_prefix(end + 1);
    }
}

// Where the name in front of the '=' at `equals` begins.
std::size_t name_before(std::string_view text, std::size_t equals) noexcept {
    std::size_t begin = equals;
    while (begin > 0 &&
           std::string_view("=&;?,#/ \t\"'({").find(text[begin - 1]) == std::string_view::npos)
        --begin;
    return begin;
}

// Where the value that begins at `at` ends; what is in quotes belongs to it, and what follows them.
std::size_t end_of_value(std::string_view text, std::size_t at) noexcept {
    while (at < text.size() && (text[at] == '"' || text[at] == '\'')) {
        const std::size_t close = text.find(text[at], at + 1);
        if (close == std::string_view::npos) return text.size();
        at = close + 1;
    }
    return std::min(text.find_first_of("&;, \t\"'#)}", at), text.size());
}

}  // namespace

bool is_secret_name(std::string_view name) noexcept {
    const PlainName plain = plain_name(name);
    const std::string_view text = plain.view();
    return std::find(std::begin(kSecretNames), std::end(kSecretNames), text) !=
               std::end(kSecretNames) ||
           std::any_of(
               std::begin(kSecretParts), std::end(kSecretParts),
               [text](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

bool is_secret_header(std::string_view name) noexcept {
    const PlainName plain = plain_name(name);
    const auto& all = kSecretHeaders;
    return std::find(std::begin(all), std::end(all), plain.view()) != std::end(all) ||
           is_secret_name(name);
}

void redact_text(std::string_view text, std::string& out) {
    if (is_clean(text)) {
        out += text;
        return;
    }
    const std::size_t from = out.size();
    append_without_tokens(text, out);
    mask_card_numbers(out, from);
}

void redact_query_values(std::string_view query, std::string& out) {
    const std::size_t from = out.size();
    for_each_pair(query, out, [&out](std::string_view, std::string_view value) {
        if (!value.empty()) out += kRedacted;
    });
    mask_card_numbers(out, from);
}

void redact_secret_values(std::string_view text, std::string& out) {
    const std::size_t from = out.size();
    std::size_t kept = 0;
    for (std::size_t equals = text.find('='); equals != std::string_view::npos;
         equals = text.find('=', equals + 1)) {
        if (equals < kept) continue;
        const std::size_t begin = std::max(kept, name_before(text, equals));
        if (!is_secret_name(text.substr(begin, equals - begin))) continue;
        append_without_tokens(text.substr(kept, equals + 1 - kept), out);
        const std::size_t end = end_of_value(text, equals + 1);
        if (end > equals + 1) out += kRedacted;
        kept = end;
    }
    append_without_tokens(text.substr(kept), out);
    mask_card_numbers(out, from);
}

std::string_view redacted(std::string_view text, std::string& scratch) {
    if (is_clean(text)) return text;
    scratch.clear();
    redact_text(text, scratch);
    return scratch;
}

}  // namespace glassgate
