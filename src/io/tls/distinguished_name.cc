#include "io/tls/distinguished_name.h"

#include <openssl/objects.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.h"

namespace glassgate::io::tls {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

std::optional<unsigned> hex_digit(char c) noexcept {
    const auto at = kHex.find(to_lower(c));
    if (at == std::string_view::npos) return std::nullopt;
    return static_cast<unsigned>(at);
}

bool is_special(char c) noexcept {
    return std::string_view(" \"#+,;<=>\\").find(c) != std::string_view::npos;
}

std::string_view trim_spaces(std::string_view s) noexcept {
    while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
    while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
    return s;
}

// The dotted OID of an attribute type given by name or as OID; empty if there is no such type.
std::string type_oid(std::string_view type) {
    const std::string as_written(type);
    std::string upper = as_written;
    for (char& c : upper)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    for (const std::string& name : {as_written, upper}) {
        const std::unique_ptr<ASN1_OBJECT, Freed<ASN1_OBJECT_free>> object(
            OBJ_txt2obj(name.c_str(), 0));
        if (object == nullptr) continue;
        char oid[80];
        const int size = OBJ_obj2txt(oid, sizeof oid, object.get(), 1);
        if (size > 0 && size < static_cast<int>(sizeof oid)) return oid;
    }
    if (iequals(type, "emailAddress")) return "1.2.840.113549.1.9.1";
    return {};
}

// One step of an escaped value (RFC 4514 §3): \XX or \ and a special character.
bool unescape(std::string_view& rest, std::string& value) {
    if (rest.size() >= 3) {
        const auto high = hex_digit(rest[1]);
        const auto low = hex_digit(rest[2]);
        if (high && low) {
            value += static_cast<char>(*high << 4 | *low);
            rest.remove_prefix(3);
            return true;
        }
    }
    if (rest.size() < 2 || !is_special(rest[1])) return false;
    value += rest[1];
    rest.remove_prefix(2);
    return true;
}

// Up to an unescaped ',' or '+', which stays in `rest`. Spaces around the value do not count.
Result<std::string> take_value(std::string_view& rest) {
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    std::string value;
    if (rest.starts_with('#')) {  // the value's DER in hex
        const auto end = std::min(rest.find_first_of(",+"), rest.size());
        const std::string_view hex = trim_spaces(rest.substr(0, end));
        rest.remove_prefix(end);
        if (hex.size() % 2 == 0 || hex.size() < 3) return failure("'#' needs pairs of hex digits");
        for (const char c : hex.substr(1))
            if (!hex_digit(c)) return failure("'#' needs pairs of hex digits");
        for (const char c : hex) value += to_lower(c);
        return value;
    }
    std::size_t keep = 0;  // of value: what follows is spaces that may turn out to be trailing
    while (!rest.empty() && rest.front() != ',' && rest.front() != '+') {
        if (rest.front() == '\\') {
            if (!unescape(rest, value)) return failure("a lone '\\'");
            keep = value.size();
            continue;
        }
        const char c = rest.front();
        if (c == '"' || c == ';' || c == '<' || c == '>')
            return failure(std::string("'") + c + "' must be written as '\\" + c + "'");
        value += c;
        if (c != ' ') keep = value.size();
        rest.remove_prefix(1);
    }
    value.resize(keep);
    if (value.starts_with('#')) value.insert(0, 1, '\0');  // "\#12" is not the DER "#12"
    return value;
}

// Values with the separators of the canonical form escaped, so that it is unambiguous.
void append_escaped(std::string& out, std::string_view value) {
    for (const char c : value) {
        if (c == ',' || c == '+' || c == '=' || c == '\\') out += '\\';
        out += c;
    }
}

Result<std::string> take_attribute(std::string_view& rest) {
    const auto equals = rest.find('=');
    const auto stop = rest.find_first_of(",+");
    if (equals == std::string_view::npos || stop < equals)
        return failure("'" + std::string(trim_spaces(rest.substr(0, stop))) + "' has no '='");
    const std::string_view type = trim_spaces(rest.substr(0, equals));
    const std::string oid = type_oid(type);
    if (oid.empty()) return failure("unknown attribute type '" + std::string(type) + "'");
    rest.remove_prefix(equals + 1);
    const std::string value = TRY(take_value(rest));
    std::string attribute = oid + '=';
    append_escaped(attribute, value);
    return attribute;
}

}  // namespace

std::string name_text(const X509_NAME* name) {
    const BioPtr out(BIO_new(BIO_s_mem()));
    const unsigned long flags = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
    if (out == nullptr || X509_NAME_print_ex(out.get(), name, 0, flags) < 0) return {};
    return std::string(bio_text(out.get()));
}

Result<std::string> canonical_name(std::string_view text) {
    std::string canonical;
    if (trim_spaces(text).empty()) return failure("an empty name");
    for (std::string_view rest = text;;) {
        std::vector<std::string> attributes;
        for (;;) {
            attributes.push_back(TRY(take_attribute(rest)));
            if (!rest.starts_with('+')) break;
            rest.remove_prefix(1);
        }
        std::ranges::sort(attributes);
        for (std::size_t i = 0; i < attributes.size(); ++i) {
            if (i != 0) canonical += '+';
            canonical += attributes[i];
        }
        if (rest.empty()) return canonical;
        rest.remove_prefix(1);  // ','
        canonical += ',';
    }
}

}  // namespace glassgate::io::tls
