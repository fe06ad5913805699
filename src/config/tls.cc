#include "config/tls.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>

#include "base/clock.h"
#include "config/digest.h"

namespace glassgate::config {
namespace {

namespace tls = io::tls;
using proxy::ListenerPlan;
using proxy::UpstreamPlan;

int64_t now_s() { return static_cast<int64_t>(wall_now_ns() / kNsPerSecond); }

// Reads settings and remembers where each stands, so that what the TLS library finds wrong is told
// with its place.
class Section {
public:
    Section(const Position& at, Draft& draft) : at_(at), draft_(draft) {}

    void note(const std::string& path, const Node* node) {
        if (node != nullptr) places_[path] = node->position;
    }
    // A path, relative to the file it is written in, or PEM text.
    tls::PemSource pem(Fields& fields, std::string_view key, const std::string& path) {
        const Node* const node = fields.child(key);
        note(path, node);
        return source(fields.text(key), node);
    }
    std::vector<tls::PemSource> pems(Fields& fields, std::string_view key,
                                     const std::string& path) {
        const Node* const node = fields.child(key);
        note(path, node);
        std::vector<tls::PemSource> sources;
        for (const std::string& text : fields.texts(key)) sources.push_back(source(text, node));
        return sources;
    }
    std::string file(Fields& fields, std::string_view key, const std::string& path) {
        const Node* const node = fields.child(key);
        note(path, node);
        const std::string text = fields.text(key);
        return text.empty() ? text : resolved(text, node);
    }
    // Of what is written and what the files hold.
    [[nodiscard]] std::string digest(const Node* node) const {
        Digest digest;
        if (node != nullptr) add_node(*node, digest);
        for (const std::string& path : files_)
            digest.add(tls::read_small_file(path).value_or(std::string()));
        return digest.hex();
    }
    void report(const tls::Problems& problems) {
        for (const tls::Problem& problem : problems.all()) {
            const std::string message = problem.message;
            if (problem.warning)
                draft_.diagnostics.warning(place(problem.where), message, problem.expected);
            else
                draft_.diagnostics.error(place(problem.where), message, problem.expected,
                                         problem.nearest);
        }
    }

private:
    tls::PemSource source(const std::string& text, const Node* node) {
        tls::PemSource source = tls::PemSource::of(text);
        if (!source.path.empty()) source.path = resolved(source.path, node);
        return source;
    }
    std::string resolved(const std::string& path, const Node* node) {
        std::filesystem::path full = path;
        if (full.is_relative() && node != nullptr && node->position.file != nullptr)
            full = std::filesystem::path(*node->position.file).parent_path() / full;
        draft_.files.push_back(full.string());
        files_.push_back(full.string());
        return full.string();
    }
    static void add_node(const Node& node, Digest& digest) {
        digest.add(node.scalar);
        for (const Node& item : node.items) add_node(item, digest);
        for (const auto& [key, value] : node.entries) {
            digest.add(key);
            add_node(value, digest);
        }
    }
    // The place of the longest known beginning of the path.
    Position place(std::string path) const {
        while (!path.empty()) {
            if (const auto found = places_.find(path); found != places_.end()) return found->second;
            const std::size_t cut = path.find_last_of(".[");
            path.resize(cut == std::string::npos ? 0 : cut);
        }
        return at_;
    }

    const Position& at_;
    Draft& draft_;
    std::map<std::string, Position> places_;
    std::vector<std::string> files_;
};

void read_crypto(Fields& fields, Section& section, tls::CryptoSettings& crypto) {
    for (const std::string_view key : {"minVersion", "maxVersion", "ciphers", "groups"})
        section.note(std::string(key), fields.child(key));
    crypto.min_version = fields.text("minVersion", crypto.min_version);
    crypto.max_version = fields.text("maxVersion", crypto.max_version);
    crypto.ciphers = fields.texts("ciphers");
    crypto.groups = fields.texts("groups");
}

void read_trust(Fields& fields, Section& section, const std::string& prefix,
                tls::TrustSettings& trust) {
    trust.authorities = section.pems(fields, "trustedCa", prefix + ".ca");
    trust.crls = section.pems(fields, "crl", prefix + ".crl");
    trust.crl_scope = fields.choice("crlScope", {"leaf", "chain"}, 0) == 0 ? tls::CrlScope::leaf
                                                                           : tls::CrlScope::chain;
    trust.depth = read_unsigned(fields, "verifyDepth", trust.depth, 0u, 32u);
}

void read_certificates(Fields& fields, Draft& draft, Section& section,
                       tls::ServerSettings& settings) {
    const Node* const list = fields.require("certificates");
    section.note("certificates", list);
    std::size_t index = 0;
    for (const Node& item : items_of(list, "certificates", draft.diagnostics)) {
        const std::string path = tls::element_path("certificates", index++);
        section.note(path, &item);
        Fields entry(item, draft.diagnostics, "certificate");
        tls::ServerCertificate certificate;
        if (entry.require("certificate") == nullptr) continue;
        certificate.identity.chain = section.pem(entry, "certificate", path + ".chain");
        certificate.identity.key = section.pem(entry, "key", path + ".key");
        certificate.ocsp_path = section.file(entry, "ocspStaple", path + ".ocsp");
        section.note(path + ".names", entry.child("names"));
        certificate.names = entry.texts("names");
        settings.certificates.push_back(std::move(certificate));
    }
}

// Keys outlive reloads: a client's ticket stays good when the configuration changes.
std::shared_ptr<tls::TicketKeys> ticket_keys_of(const std::string& listener, uint64_t rotate_ms) {
    static std::mutex mutex;
    static std::map<std::pair<std::string, uint64_t>, std::weak_ptr<tls::TicketKeys>> known;
    const std::lock_guard lock(mutex);
    std::weak_ptr<tls::TicketKeys>& entry = known[{listener, rotate_ms}];
    std::shared_ptr<tls::TicketKeys> keys = entry.lock();
    if (!keys) entry = keys = tls::TicketKeys::make(std::chrono::seconds(rotate_ms / 1000));
    return keys;
}

void read_tickets(const Node* node, Draft& draft, Section& section, const std::string& listener,
                  tls::ServerSettings& settings) {
    Fields fields(or_empty(node), draft.diagnostics, "sessionTickets");
    const bool enabled = fields.boolean("enabled", true);
    const auto rotate_ms =
        read_unsigned<uint64_t>(fields, "rotateMs", kHourMs, 1000, 7 * 24 * kHourMs);
    const std::string path = section.file(fields, "keysFile", "sessionTickets.keysFile");
    if (!enabled) return;
    if (path.empty()) {
        settings.ticket_keys = ticket_keys_of(listener, rotate_ms);
        return;
    }
    auto keys = tls::TicketKeys::from_file(path);
    if (keys)
        settings.ticket_keys = std::move(*keys);
    else
        draft.diagnostics.error(fields.child("keysFile")->position, keys.error().message,
                                "a file of 80-byte keys");
}

}  // namespace

void read_server_tls(const Node& node, Draft& draft, ListenerPlan& listener) {
    Fields fields(node, draft.diagnostics, "tls of listener " + quote(listener.name));
    Section section(node.position, draft);
    tls::ServerSettings settings;
    settings.session_scope = listener.name;
    if (!listener.http2) settings.alpn = {"http/1.1"};
    read_certificates(fields, draft, section, settings);
    read_crypto(fields, section, settings.crypto);
    section.note("alpn", fields.child("alpn"));
    if (fields.has("alpn")) settings.alpn = fields.texts("alpn");
    settings.refuse_unknown_names = fields.boolean("refuseUnknownNames", false);
    if (const Node* const clients = fields.child("clientCertificates")) {
        Fields entry(*clients, draft.diagnostics, "clientCertificates");
        section.note("clientCertificates", clients);
        constexpr tls::ClientCertificates kModes[] = {tls::ClientCertificates::required,
                                                      tls::ClientCertificates::optional,
                                                      tls::ClientCertificates::none};
        settings.client_certificates =
            kModes[entry.choice("mode", {"required", "optional", "none"}, 0)];
        read_trust(entry, section, "clientCertificates", settings.client_trust);
    }
    read_tickets(fields.child("sessionTickets"), draft, section, listener.name, settings);
    listener.handshake_timeout_ms =
        read_ms(fields, "handshakeTimeoutMs", listener.handshake_timeout_ms);
    fields.finish();
    if (settings.certificates.empty()) {
        if (fields.has("certificates") && node.find("certificates")->kind != Node::Kind::map)
            draft.diagnostics.error(node.position, "tls without a certificate",
                                    "certificates: [{certificate: site.pem, key: site.key}]");
        return;
    }
    tls::Problems problems;
    listener.tls = tls::ServerContext::compile(settings, now_s(), problems);
    section.report(problems);
}

void read_client_tls(const Node* node, const Position& at, Draft& draft, UpstreamPlan& upstream) {
    Fields fields(or_empty(node), draft.diagnostics, "tls of the upstream");
    Section section(node != nullptr ? node->position : at, draft);
    tls::ClientSettings settings;
    read_crypto(fields, section, settings.crypto);
    read_trust(fields, section, "trust", settings.trust);
    section.note("serverName", fields.child("serverName"));
    settings.server_name = fields.text("serverName");
    settings.skip_verify = !fields.boolean("verify", true);
    if (fields.has("certificate")) {
        tls::IdentitySettings identity;
        identity.chain = section.pem(fields, "certificate", "certificate.chain");
        identity.key = section.pem(fields, "key", "certificate.key");
        settings.certificate = std::move(identity);
    } else if (fields.has("key")) {
        fields.mistake(fields.child("key")->position, "a key without its certificate",
                       "certificate: client.pem");
    }
    if (upstream.protocol == proxy::UpstreamProtocol::http2) settings.alpn = {"h2"};
    if (upstream.protocol == proxy::UpstreamProtocol::negotiate) settings.alpn = {"h2", "http/1.1"};
    fields.finish();
    tls::Problems problems;
    upstream.tls = tls::ClientContext::compile(settings, now_s(), problems);
    section.report(problems);
    // Connections made under other settings are not used any more.
    upstream.tls_key = "tls " + section.digest(node);
}

}  // namespace glassgate::config
