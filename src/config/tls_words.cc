#include "config/tls_words.h"

namespace glassgate::config {
namespace {

namespace tls = io::tls;

std::string joined(const std::vector<std::string>& texts) {
    std::string out;
    for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
    return out;
}

std::string counted(std::size_t count, const std::string& one, const std::string& many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string crypto_words(const tls::CryptoSettings& crypto) {
    tls::Problems ignored;  // there are none: a context was made of it
    const tls::CryptoPolicy policy = tls::resolve(crypto, ignored);
    const auto version = [](int number) { return number == TLS1_3_VERSION ? "1.3" : "1.2"; };
    std::string out = version(policy.min_version);
    if (policy.max_version != policy.min_version)
        out += std::string(" to ") + version(policy.max_version);
    out += ", ciphers " + (crypto.ciphers.empty() ? "default" : joined(crypto.ciphers));
    return out + ", groups " + (crypto.groups.empty() ? "default" : joined(crypto.groups));
}

std::string certificate_words(const tls::CertificateFacts& facts, std::vector<std::string> names,
                              int64_t now_s) {
    if (names.empty()) names = facts.dns_names;
    std::string out = names.empty() ? std::string("no names") : joined(names);
    out += "; subject " + (facts.subject.empty() ? "empty" : facts.subject);
    out += "; " + facts.key + "; issuer " + facts.issuer + "; valid until " +
           tls::time_text(facts.not_after_s);
    const bool expired = tls::expiry_of(facts.not_after_s, now_s) == tls::Expiry::expired;
    const int64_t days = (facts.not_after_s - now_s) / 86400;
    return out + (expired ? " (EXPIRED)" : " (" + std::to_string(days) + " days left)");
}

std::string trust_words(const tls::TrustSettings& trust) {
    std::string out =
        trust.authorities.empty()
            ? std::string("the system's CAs")
            : counted(trust.authorities.size(), "trusted CA source", "trusted CA sources");
    out += ", " + (trust.crls.empty()
                       ? std::string("no revocation lists")
                       : counted(trust.crls.size(), "revocation list", "revocation lists") +
                             (trust.crl_scope == tls::CrlScope::chain ? " for the whole chain"
                                                                      : " for the leaf"));
    return out + ", depth " + std::to_string(trust.depth);
}

std::string client_certificate_words(const tls::ServerSettings& settings) {
    switch (settings.client_certificates) {
        case tls::ClientCertificates::none:
            return "client certificates: not asked for\n";
        case tls::ClientCertificates::optional:
            return "client certificates: optional, " + trust_words(settings.client_trust) + "\n";
        case tls::ClientCertificates::required:
            break;
    }
    return "client certificates: required, " + trust_words(settings.client_trust) + "\n";
}

}  // namespace

std::string words_of(const tls::ServerSettings& settings, const tls::ServerContext& context,
                     const std::string& tickets, int64_t now_s) {
    std::string out = "tls: " + crypto_words(settings.crypto) + ", alpn " +
                      (settings.alpn.empty() ? "none" : joined(settings.alpn)) +
                      ", session tickets " + tickets + "\n";
    for (std::size_t i = 0; i < context.certificates().size(); ++i) {
        out += "certificate " + std::to_string(i + 1) + ": " +
               certificate_words(context.certificates()[i], settings.certificates[i].names, now_s);
        if (!settings.certificates[i].ocsp_path.empty())
            out += "; OCSP response from " + settings.certificates[i].ocsp_path;
        out += "\n";
    }
    out += settings.refuse_unknown_names ? "unknown names: refused\n"
                                         : "unknown names: served the first certificate\n";
    return out + client_certificate_words(settings);
}

std::string words_of(const tls::ClientSettings& settings, const tls::ClientContext& context,
                     int64_t now_s) {
    std::string out = "tls: " + crypto_words(settings.crypto) + ", server name " +
                      (settings.server_name.empty() ? "the target's" : settings.server_name) + "\n";
    out += settings.skip_verify
               ? std::string("server certificate: NOT VERIFIED\n")
               : "server certificate: verified with " + trust_words(settings.trust) + "\n";
    if (context.certificate())
        out += "client certificate: " + certificate_words(*context.certificate(), {}, now_s) + "\n";
    return out;
}

}  // namespace glassgate::config
