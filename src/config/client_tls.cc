// An upstream's tls -> ClientContext, and the allow lists of routes.
#include "config/shared_tls.h"
#include "config/tls.h"
#include "config/tls_section.h"
#include "config/tls_words.h"

namespace glassgate::config {
namespace {

namespace tls = io::tls;
using proxy::UpstreamPlan;
using proxy::UpstreamProtocol;

// False: reported.
bool read_identity(Fields& fields, TlsSection& section, tls::ClientSettings& settings) {
    auto chain = section.pem(fields, "certificate", "certificate.chain", Secrecy::open);
    auto key = section.pem(fields, "key", "certificate.key", Secrecy::secret);
    if (fields.has("key") && !fields.has("certificate"))
        fields.mistake(fields.child("key")->position, "a key without its certificate",
                       "certificate: client.pem");
    if (!fields.has("certificate")) return !fields.has("key");
    if (!chain || (fields.has("key") && !key)) return false;
    settings.certificate.emplace();
    settings.certificate->chain = std::move(*chain);
    if (key) settings.certificate->key = std::move(*key);
    return true;
}

// What a context is verified with when no CA is named belongs to it, too.
void mix_system_trust(const tls::ClientSettings& settings, Draft& draft, TlsSection& section) {
    const std::string bundle = tls::system_bundle_path();
    if (settings.skip_verify || !settings.trust.authorities.empty() || bundle.empty()) return;
    section.mix(draft.files.sha256(bundle));
}

void read_verify(Fields& fields, TlsSection& section, tls::ClientSettings& settings) {
    settings.skip_verify = !fields.boolean("verify", true);
    section.mix(settings.skip_verify ? "unverified" : "verified");
    if (settings.skip_verify)
        fields.diagnostics().warning(fields.child("verify")->position,
                                     "certificates of this upstream are not verified: anybody on "
                                     "the way can pretend to be it",
                                     "trustedCa with the CA that issued its certificate");
}

}  // namespace

void read_client_tls(const Node* node, const Position& at, Draft& draft, UpstreamPlan& upstream) {
    Fields fields(or_empty(node), draft.diagnostics, "tls of the upstream");
    TlsSection section(node != nullptr ? node->position : at, draft);
    tls::ClientSettings settings;
    section.read_crypto(fields, settings.crypto);
    section.read_trust(fields, "trust", settings.trust);
    section.note("serverName", fields.child("serverName"));
    settings.server_name = fields.text("serverName");
    section.mix(settings.server_name);
    read_verify(fields, section, settings);
    const bool readable = read_identity(fields, section, settings);
    if (upstream.protocol == UpstreamProtocol::http2) settings.alpn = {"h2"};
    if (upstream.protocol == UpstreamProtocol::negotiate) settings.alpn = {"h2", "http/1.1"};
    for (const std::string& protocol : settings.alpn) section.mix(protocol);
    fields.finish();
    mix_system_trust(settings, draft, section);

    tls::Problems problems;
    auto context = tls::ClientContext::compile(settings, draft.now_s, problems);
    section.report(problems);
    if (context == nullptr || !readable) return;
    if (context->certificate())
        section.warn_of_expiry(*context->certificate(), "certificate.chain");
    upstream.tls_key = section.fingerprint();
    upstream.tls = shared_client_context(std::move(context), upstream.tls_key);
    draft.tls_words[upstream.tls.get()] = words_of(settings, *upstream.tls, draft.now_s);
}

void read_client_certificates(const Node& node, Draft& draft, proxy::RoutePlan& route) {
    Fields fields(node, draft.diagnostics, "clientCertificates");
    TlsSection section(node.position, draft);
    (void)fields.require("allow");
    const std::vector<std::string> names = section.names(fields, "allow", "allow");
    tls::Problems problems;
    auto list = std::make_shared<const tls::SubjectAllowList>(
        tls::SubjectAllowList::compile(names, "allow", problems));
    section.report(problems);
    std::string words;
    for (const std::string& name : names) words += (words.empty() ? "" : ", ") + name;
    draft.tls_words[list.get()] = std::move(words);
    route.client_certificates = std::move(list);
}

void note_expiry(const tls::CertificateFacts& facts, const std::string& listener,
                 const std::string& upstream, Draft& draft) {
    const std::string name = !facts.dns_names.empty() ? facts.dns_names.front()
                             : !facts.uris.empty()    ? facts.uris.front()
                                                      : facts.subject;
    for (CertificateExpiry& known : draft.certificates) {
        if (known.listener != listener || known.upstream != upstream || known.name != name)
            continue;
        known.not_after_s = std::min(known.not_after_s, facts.not_after_s);
        return;
    }
    draft.certificates.push_back({listener, upstream, name, facts.not_after_s});
}

}  // namespace glassgate::config
