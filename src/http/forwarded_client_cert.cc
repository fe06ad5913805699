#include "http/forwarded_client_cert.h"

#include <algorithm>

#include "base/text.h"

namespace glassgate::http {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

void append_hex(std::string& out, char prefix, char c) {
    const auto byte = static_cast<unsigned char>(c);
    out += prefix;
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
}

bool is_plain(char c) noexcept { return c >= ' ' && c <= '~'; }

// A name of RFC 4514 with nothing in it that quoting could stumble over.
std::string safe_subject(std::string_view subject) {
    std::string out;
    for (std::size_t i = 0; i < subject.size(); ++i) {
        const char c = subject[i];
        if (c == '\\' && i + 1 < subject.size()) {
            const char next = subject[++i];
            if (next == '\\' || next == '"' || !is_plain(next)) {
                append_hex(out, '\\', next);
            } else {
                out += c;
                out += next;
            }
        } else if (c == '"' || c == '\\' || !is_plain(c)) {
            append_hex(out, '\\', c);
        } else {
            out += c;
        }
    }
    return out;
}

void append_pair(std::string& out, std::string_view key, std::string_view value, bool quoted) {
    if (!out.empty()) out += ';';
    out.append(key) += '=';
    if (quoted) out += '"';
    out += value;
    if (quoted) out += '"';
}

// A value as it is, or quoted when it must be; left out when neither is safe.
void append_san(std::string& out, std::string_view key, std::string_view value) {
    if (value.empty()) return;
    if (std::ranges::any_of(value, [](char c) { return !is_plain(c) || c == '"' || c == '\\'; }))
        return;
    append_pair(out, key, value, value.find_first_of(",;= ") != std::string_view::npos);
}

// Reads the value of a pair; `rest` then begins with ';', ',' or is empty. False: malformed.
bool take_value(std::string_view& rest, std::string& value) {
    if (!rest.starts_with('"')) {
        const auto end = std::min(rest.find_first_of(";,"), rest.size());
        value = trim_ows(rest.substr(0, end));
        rest.remove_prefix(end);
        return value.find('"') == std::string::npos;
    }
    rest.remove_prefix(1);
    while (!rest.empty() && rest.front() != '"') {
        if (rest.starts_with("\\\"")) rest.remove_prefix(1);
        value += rest.front();
        rest.remove_prefix(1);
    }
    if (rest.empty()) return false;
    rest.remove_prefix(1);
    while (rest.starts_with(' ') || rest.starts_with('\t')) rest.remove_prefix(1);
    return rest.empty() || rest.front() == ';' || rest.front() == ',';
}

void assign(ClientCertElement& element, std::string_view key, std::string value) {
    const std::pair<std::string_view, std::string*> single[] = {{"By", &element.by},
                                                                {"Hash", &element.hash},
                                                                {"Cert", &element.cert},
                                                                {"Chain", &element.chain},
                                                                {"Subject", &element.subject}};
    for (const auto& [name, text] : single) {
        if (!iequals(key, name)) continue;
        *text = std::move(value);
        return;
    }
    if (value.empty()) return;
    if (iequals(key, "URI"))
        element.uris.push_back(std::move(value));
    else if (iequals(key, "DNS"))
        element.dns_names.push_back(std::move(value));
}

}  // namespace

std::optional<ClientCertForwarding> client_cert_forwarding(std::string_view name) noexcept {
    using enum ClientCertForwarding;
    constexpr std::pair<std::string_view, ClientCertForwarding> kNames[] = {
        {"sanitize", sanitize},
        {"forward", forward},
        {"forward_only", forward},
        {"append", append_forward},
        {"append_forward", append_forward},
        {"set", sanitize_set},
        {"sanitize_set", sanitize_set},
        {"always_forward", always_forward},
        {"always_forward_only", always_forward},
    };
    for (const auto& [known, mode] : kNames)
        if (iequals(known, name)) return mode;
    return std::nullopt;
}

std::string client_cert_element_text(const ClientCertElement& element,
                                     const ClientCertDetails& details) {
    std::string out;
    append_san(out, "By", element.by);
    append_san(out, "Hash", element.hash);
    if (details.cert && !element.cert.empty()) append_pair(out, "Cert", element.cert, true);
    if (details.chain && !element.chain.empty()) append_pair(out, "Chain", element.chain, true);
    // There even when it is empty, as Envoy writes it.
    if (details.subject) append_pair(out, "Subject", safe_subject(element.subject), true);
    if (details.uri)
        for (const std::string& uri : element.uris) append_san(out, "URI", uri);
    if (details.dns)
        for (const std::string& name : element.dns_names) append_san(out, "DNS", name);
    return out;
}

std::string url_encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                                c == '~';
        if (unreserved)
            out += c;
        else
            append_hex(out, '%', c);
    }
    return out;
}

std::optional<std::string> forwarded_client_cert(ClientCertForwarding mode,
                                                 std::string_view received, std::string_view ours) {
    using enum ClientCertForwarding;
    const auto some = [](std::string_view value) -> std::optional<std::string> {
        if (value.empty()) return std::nullopt;
        return std::string(value);
    };
    if (mode == always_forward) return some(received);
    if (mode == sanitize || ours.empty()) return std::nullopt;
    if (mode == forward) return some(received);
    if (mode == sanitize_set || received.empty()) return some(ours);
    return std::string(received) + ',' + std::string(ours);
}

std::optional<std::vector<ClientCertElement>> parse_forwarded_client_cert(std::string_view value) {
    std::vector<ClientCertElement> elements;
    std::string_view rest = trim_ows(value);
    while (!rest.empty()) {
        ClientCertElement& element = elements.emplace_back();
        for (;;) {
            const auto equals = rest.find('=');
            const std::string_view key = trim_ows(rest.substr(0, equals));
            if (equals == std::string_view::npos || key.empty() ||
                key.find_first_of(",;\"") != std::string_view::npos)
                return std::nullopt;
            rest.remove_prefix(equals + 1);
            std::string text;
            if (!take_value(rest, text)) return std::nullopt;
            assign(element, key, std::move(text));
            if (!rest.starts_with(';')) break;
            rest.remove_prefix(1);
        }
        if (rest.empty()) break;
        rest.remove_prefix(1);  // ','
        if (trim_ows(rest).empty()) return std::nullopt;
    }
    return elements;
}

}  // namespace glassgate::http
