// A listener's tls -> ServerContext.
#include "config/shared_tls.h"
#include "config/tls.h"
#include "config/tls_section.h"
#include "config/tls_words.h"

namespace glassgate::config {
namespace {

namespace tls = io::tls;
using proxy::ListenerPlan;

constexpr uint64_t kRotateMs = kHourMs;
// RFC 8446 §4.6.1: no ticket is good for more than seven days.
constexpr uint64_t kRotateMsMax = 7 * 24 * kHourMs;

std::optional<tls::ServerCertificate> read_certificate(const Node& node, const std::string& path,
                                                       Draft& draft, TlsSection& section) {
    section.note(path, &node);
    Fields fields(node, draft.diagnostics, "certificate");
    tls::ServerCertificate certificate;
    (void)fields.require("certificate");
    auto chain = section.pem(fields, "certificate", path + ".chain", Secrecy::open);
    auto key = section.pem(fields, "key", path + ".key", Secrecy::secret);
    certificate.ocsp_path = section.file(fields, "ocspStaple", path + ".ocsp", Secrecy::open);
    certificate.names = section.names(fields, "names", path + ".names");
    if (!chain || (fields.has("key") && !key)) return std::nullopt;
    certificate.identity.chain = std::move(*chain);
    if (key) certificate.identity.key = std::move(*key);
    return certificate;
}

// False: some could not be read, and that is reported.
bool read_certificates(Fields& fields, Draft& draft, TlsSection& section,
                       tls::ServerSettings& settings) {
    const Node* const list = fields.child("certificates");
    section.note("certificates", list);
    bool all = list == nullptr || list->kind == Node::Kind::list || list->kind == Node::Kind::null;
    for (const Node& item : items_of(list, "certificates", draft.diagnostics)) {
        auto certificate = read_certificate(
            item, tls::element_path("certificates", settings.certificates.size()), draft, section);
        if (certificate)
            settings.certificates.push_back(std::move(*certificate));
        else
            all = false;
    }
    return all;
}

void read_alpn(Fields& fields, Draft& draft, TlsSection& section, const ListenerPlan& listener,
               tls::ServerSettings& settings) {
    if (!listener.http2) settings.alpn = {"http/1.1"};
    const Node* const node = fields.child("alpn");
    if (node == nullptr) return;
    settings.alpn = section.names(fields, "alpn", "alpn");
    const bool h2 =
        std::find(settings.alpn.begin(), settings.alpn.end(), "h2") != settings.alpn.end();
    if (h2 && !listener.http2)
        draft.diagnostics.error(node->position, "alpn offers h2, but http2 is switched off",
                                "http2: {enabled: true}, or no h2");
}

void read_client_mode(const Node* node, Draft& draft, TlsSection& section,
                      tls::ServerSettings& settings) {
    if (node == nullptr) return;
    Fields fields(*node, draft.diagnostics, "clientCertificates");
    section.note("clientCertificates", node);
    constexpr tls::ClientCertificates kModes[] = {tls::ClientCertificates::required,
                                                  tls::ClientCertificates::optional,
                                                  tls::ClientCertificates::none};
    settings.client_certificates =
        kModes[fields.choice("mode", {"required", "optional", "none"}, 0)];
    section.read_trust(fields, "clientCertificates", settings.client_trust);
}

void check_tickets(Fields& fields, bool enabled) {
    const Node* const file = fields.child("keysFile");
    const Node* const rotate = fields.child("rotateMs");
    if (!enabled && (file != nullptr || rotate != nullptr))
        fields.mistake((file != nullptr ? file : rotate)->position,
                       "settings of session tickets that are switched off", "enabled: true");
    else if (file != nullptr && rotate != nullptr)
        fields.mistake(rotate->position, "rotateMs with keysFile: the keys of a file are not ours",
                       "one of them; a changed file is taken up by itself");
}

// Returns what is done, in words.
std::string read_tickets(const Node* node, Draft& draft, TlsSection& section,
                         const std::string& listener, tls::ServerSettings& settings) {
    Fields fields(or_empty(node), draft.diagnostics, "sessionTickets");
    const bool enabled = fields.boolean("enabled", true);
    const auto rotate_ms =
        read_unsigned<uint64_t>(fields, "rotateMs", kRotateMs, 1000, kRotateMsMax);
    const std::string path =
        section.file(fields, "keysFile", "sessionTickets.keysFile", Secrecy::secret);
    check_tickets(fields, enabled);
    if (!enabled) return "off";
    if (!fields.has("keysFile")) {
        settings.ticket_keys =
            shared_ticket_keys(draft.gateway(), listener, std::chrono::seconds(rotate_ms / 1000));
        draft.ticket_keys.push_back(settings.ticket_keys);
        return "with keys made anew every " + std::to_string(rotate_ms) + " ms";
    }
    if (path.empty()) return {};  // reported
    auto keys = tls::TicketKeys::from_file(path);
    if (keys)
        settings.ticket_keys = std::move(*keys);
    else
        draft.diagnostics.error(fields.child("keysFile")->position, keys.error().message,
                                "a file made with: openssl rand 80");
    return "with the keys of " + path;
}

}  // namespace

bool read_server_tls(const Node& node, Draft& draft, ListenerPlan& listener) {
    Fields fields(node, draft.diagnostics, "tls of listener " + quote(listener.name));
    TlsSection section(node.position, draft);
    tls::ServerSettings settings;
    settings.session_scope = listener.name;
    const bool all = read_certificates(fields, draft, section, settings);
    section.read_crypto(fields, settings.crypto);
    read_alpn(fields, draft, section, listener, settings);
    settings.refuse_unknown_names = fields.boolean("refuseUnknownNames", false);
    read_client_mode(fields.child("clientCertificates"), draft, section, settings);
    const std::string tickets =
        read_tickets(fields.child("sessionTickets"), draft, section, listener.name, settings);
    listener.handshake_timeout_ms =
        read_ms(fields, "handshakeTimeoutMs", listener.handshake_timeout_ms);
    fields.finish();

    tls::Problems problems;
    listener.tls = tls::ServerContext::compile(settings, draft.now_s, problems);
    section.report(problems, all ? "" : "certificates");
    if (listener.tls) {
        const auto& facts = listener.tls->certificates();
        for (std::size_t i = 0; i < facts.size(); ++i) {
            section.warn_of_expiry(facts[i], tls::element_path("certificates", i) + ".chain");
            note_expiry(facts[i], listener.name, {}, draft);
        }
        draft.tls_words[listener.tls.get()] =
            words_of(settings, *listener.tls, tickets, draft.now_s);
    }
    return settings.client_certificates != tls::ClientCertificates::none;
}

}  // namespace glassgate::config
