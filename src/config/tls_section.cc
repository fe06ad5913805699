#include "config/tls_section.h"

#include <algorithm>
#include <filesystem>

namespace glassgate::config {
namespace {

namespace fs = std::filesystem;
namespace tls = io::tls;

constexpr std::string_view kOneOrNone = "at least one, or leave the key out";

std::string from_document(const std::string& path, const Position& at) {
    fs::path full = path;
    if (full.is_relative() && at.file) full = fs::path(*at.file).parent_path() / full;
    return full.string();
}

// A key that lost its BEGIN line on the way into a variable reads as a path. It must not be quoted.
bool may_be_secret(const std::string& path) {
    constexpr std::size_t kShortest = 40;
    std::size_t run = 0, longest = 0;
    for (const char c : path) {
        const bool base64 = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=';
        run = base64 ? run + 1 : 0;
        longest = std::max(longest, run);
    }
    std::error_code error;
    return longest >= kShortest && !fs::exists(path, error);
}

bool is_path(const std::string& text) {
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

}  // namespace

void TlsSection::note(const std::string& path, const Node* node) {
    if (node != nullptr) places_[path] = node->position;
}

void TlsSection::mix(std::string_view part) {
    mixed_ += std::to_string(part.size());
    mixed_ += ':';
    mixed_ += part;
}

std::string TlsSection::fingerprint() const {
    std::string hex;
    for (const char c : sha256_of(mixed_)) {
        const auto byte = static_cast<unsigned char>(c);
        hex += "0123456789abcdef"[byte >> 4];
        hex += "0123456789abcdef"[byte & 15];
    }
    return hex;
}

std::optional<tls::PemSource> TlsSection::source(const Node& node, std::string_view key,
                                                 Secrecy secrecy) {
    tls::PemSource source = tls::PemSource::of(node.scalar);
    if (source.empty()) {
        draft_.diagnostics.error(node.position, std::string(key) + " is empty",
                                 "the path of a PEM file, or PEM text");
        return std::nullopt;
    }
    if (!source.text.empty()) {
        if (secrecy == Secrecy::open) mix(sha256_of(source.text));
        return source;
    }
    if (may_be_secret(source.path)) {
        draft_.diagnostics.error(
            node.position,
            std::string(key) + " is neither a file nor PEM text (what it is is not shown)",
            "the path of a PEM file, or PEM text with its BEGIN and END lines");
        return std::nullopt;
    }
    source.path = from_document(source.path, node.position);
    if (secrecy == Secrecy::secret) {
        draft_.files.note_secret(source.path);
    } else {
        source.text = draft_.files.read(source.path);
        mix(sha256_of(source.text));
    }
    return source;
}

std::optional<tls::PemSource> TlsSection::pem(Fields& fields, std::string_view key,
                                              const std::string& path, Secrecy secrecy) {
    const Node* const node = fields.child(key);
    if (node == nullptr) return std::nullopt;
    note(path, node);
    mix(key);
    if (node->kind == Node::Kind::scalar) return source(*node, key, secrecy);
    fields.mistake(node->position, std::string(key) + " is not a text",
                   "the path of a PEM file, or PEM text");
    return std::nullopt;
}

std::vector<tls::PemSource> TlsSection::pems(Fields& fields, std::string_view key,
                                             const std::string& path) {
    std::vector<tls::PemSource> sources;
    mix(key);
    each_text(
        fields, key,
        [&](const std::string& text, const Position& at) {
            Node item;
            item.scalar = text;
            item.position = at;
            std::optional<tls::PemSource> read = source(item, key, Secrecy::open);
            if (!read) return;
            note(tls::element_path(path, sources.size()), &item);
            sources.push_back(std::move(*read));
        },
        kOneOrNone);
    note(path, fields.child(key));
    return sources;
}

std::string TlsSection::file(Fields& fields, std::string_view key, const std::string& path,
                             Secrecy secrecy) {
    const Node* const node = fields.child(key);
    const std::string text = fields.text(key);
    note(path, node);
    if (node == nullptr || node->kind != Node::Kind::scalar) return {};
    if (text.empty() || !is_path(text)) {  // as the content of the file would be, by fromFile
        fields.mistake(node->position, std::string(key) + " is not a path", "the path of a file");
        return {};
    }
    std::string full = from_document(text, node->position);
    if (secrecy == Secrecy::secret)
        draft_.files.note_secret(full);
    else
        (void)draft_.files.read(full);
    return full;
}

std::vector<std::string> TlsSection::names(Fields& fields, std::string_view key,
                                           const std::string& path) {
    std::vector<std::string> names;
    note(path, fields.child(key));
    mix(key);
    each_text(
        fields, key,
        [&](const std::string& text, const Position& at) {
            places_[tls::element_path(path, names.size())] = at;
            names.push_back(text);
            mix(text);
        },
        kOneOrNone);
    return names;
}

void TlsSection::read_crypto(Fields& fields, tls::CryptoSettings& crypto) {
    note("minVersion", fields.child("minVersion"));
    note("maxVersion", fields.child("maxVersion"));
    crypto.min_version = fields.text("minVersion", crypto.min_version);
    crypto.max_version = fields.text("maxVersion", crypto.max_version);
    mix(crypto.min_version);
    mix(crypto.max_version);
    crypto.ciphers = names(fields, "ciphers", "ciphers");
    crypto.groups = names(fields, "groups", "groups");
}

void TlsSection::read_trust(Fields& fields, const std::string& prefix, tls::TrustSettings& trust) {
    trust.authorities = pems(fields, "trustedCa", prefix + ".ca");
    trust.crls = pems(fields, "crl", prefix + ".crl");
    const bool chain = fields.choice("crlScope", {"leaf", "chain"}, 0) == 1;
    trust.crl_scope = chain ? tls::CrlScope::chain : tls::CrlScope::leaf;
    trust.depth = read_unsigned(fields, "verifyDepth", trust.depth, 0, 32);
    mix(chain ? "chain" : "leaf");
    mix(std::to_string(trust.depth));
}

// The place of the longest known beginning of the path.
const Position& TlsSection::place(std::string path) const {
    while (!path.empty()) {
        if (const auto found = places_.find(path); found != places_.end()) return found->second;
        const std::size_t cut = path.find_last_of(".[");
        path.resize(cut == std::string::npos ? 0 : cut);
    }
    return at_;
}

void TlsSection::report(const tls::Problems& problems, std::string_view but) {
    for (const tls::Problem& problem : problems.all()) {
        if (!but.empty() && problem.where == but) continue;
        const Position& at = place(problem.where);
        if (problem.warning)
            draft_.diagnostics.warning(at, problem.message, problem.expected);
        else
            draft_.diagnostics.error(at, problem.message, problem.expected, problem.nearest);
    }
}

void TlsSection::warn_of_expiry(const tls::CertificateFacts& facts, const std::string& path) {
    const tls::Expiry expiry = tls::expiry_of(facts.not_after_s, draft_.now_s);
    if (expiry == tls::Expiry::far || expiry == tls::Expiry::expired) return;
    constexpr int64_t kDay = 86400;
    const int64_t days = (facts.not_after_s - draft_.now_s) / kDay;
    draft_.diagnostics.warning(place(path),
                               "the certificate " + facts.subject + " expires " +
                                   (days == 0   ? "within a day"
                                    : days == 1 ? "in 1 day"
                                                : "in " + std::to_string(days) + " days") +
                                   ", on " + tls::time_text(facts.not_after_s),
                               "a new one in good time; a changed file is taken up by itself");
}

}  // namespace glassgate::config
