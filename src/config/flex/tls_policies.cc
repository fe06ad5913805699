#include "config/flex/tls_policies.h"

#include "config/flex/nodes.h"
#include "config/flex/other_kinds.h"

namespace glassgate::config::flex {
namespace {

// A list may be written as one text.
void copy(Fields& fields, std::string_view from, std::string_view to, Node& out) {
    const Node* const node = fields.child(from);
    if (node == nullptr || node->kind == Node::Kind::null) return;
    if (node->kind == Node::Kind::scalar && node->scalar.empty()) return;
    put(out, to, *node);
}

// "1.2", written without quotes, is still a text; so is TLSv1.2 understood.
void copy_version(Fields& fields, std::string_view from, std::string_view to, Node& out) {
    const Node* const node = fields.child(from);
    if (node == nullptr || node->kind != Node::Kind::scalar) {
        (void)fields.text(from);
        return;
    }
    std::string text = node->scalar;
    for (const std::string_view prefix : {"TLSv", "TLS_", "TLS"})
        if (text.starts_with(prefix)) text.erase(0, prefix.size());
    put(out, to, scalar_at(text, node->position));
}

// From certificate {crt, key}, or certificateRef to a Secret.
void copy_certificate(Fields& fields, const Binding& binding, const Documents& documents,
                      Diagnostics& diagnostics, Node& out) {
    const Node* const written = fields.child("certificate");
    const Node* const reference = fields.child("certificateRef");
    if (written != nullptr && reference != nullptr)
        fields.mistake(reference->position, "both certificate and certificateRef", "one of them");
    if (written != nullptr) {
        Fields pair(*written, diagnostics, "certificate");
        if (const Node* const crt = pair.require("crt")) put(out, "certificate", *crt);
        if (const Node* const key = pair.require("key")) put(out, "key", *key);
        const Node* const phrase = pair.child("keyPassphrase");
        if (phrase != nullptr && !phrase->scalar.empty())
            pair.mistake(phrase->position, "keyPassphrase is not supported",
                         "a key that is not encrypted");
        return;
    }
    if (reference == nullptr) return;
    Fields ref(*reference, diagnostics, "certificateRef");
    (void)ref.choice("kind", {"Secret"}, 0);
    const std::optional<Reference> to = read_reference(ref, binding.space);
    if (!to) return;
    const Document* const secret = documents.find(Kind::secret, to->space, to->name);
    if (secret == nullptr) {
        diagnostics.error(to->at, "no Secret " + quote(to->text()), "the name of one",
                          documents.nearest(Kind::secret, to->name));
        return;
    }
    put(out, "certificate", scalar_at(secret_pem(*secret, "crt"), to->at));
    put(out, "key", scalar_at(secret_pem(*secret, "key"), to->at));
}

void copy_crypto(Fields& fields, Node& out) {
    copy_version(fields, "minversion", "minVersion", out);
    copy_version(fields, "maxversion", "maxVersion", out);
    copy(fields, "ciphers", "ciphers", out);
}

void no_rules(const Binding& binding, Diagnostics& diagnostics) {
    if (binding.rules != nullptr)
        diagnostics.error(
            binding.rules->position,
            "rules of policy " + quote(binding.policy->name) + ": TLS comes before any request",
            "no rules");
}

}  // namespace

Node listener_tls(const Binding& binding, const Documents& documents, Diagnostics& diagnostics) {
    no_rules(binding, diagnostics);
    const Position& at = binding.config->position.line != 0 ? binding.config->position : binding.at;
    Node out = map_at(at);
    Fields fields(*binding.config, diagnostics, "config of tls");
    Node certificate = map_at(at);
    copy_certificate(fields, binding, documents, diagnostics, certificate);
    if (certificate.entries.empty()) {
        if (!fields.has("certificate") && !fields.has("certificateRef"))
            fields.mistake(at, "policy tls without a certificate",
                           "certificate: {crt: PEM, key: PEM}");
    } else {
        Node list = list_at(certificate.entries[0].second.position);
        certificate.position = list.position;
        list.items.push_back(std::move(certificate));
        put(out, "certificates", std::move(list));
    }
    copy_crypto(fields, out);
    copy(fields, "alpn", "alpn", out);
    const bool required = fields.boolean("requireClientCertificate", false);
    const Node* const ca = fields.child("trustedCA");
    if (!required && (ca == nullptr || ca->scalar.empty())) return out;
    if (ca == nullptr || ca->scalar.empty()) {
        fields.mistake(fields.child("requireClientCertificate")->position,
                       "requireClientCertificate without trustedCA",
                       "trustedCA: the PEM of the CA that issues them");
        return out;
    }
    Node clients = map_at(ca->position);
    put(clients, "mode", scalar_at(required ? "required" : "optional", ca->position));
    put(clients, "trustedCa", *ca);
    put(out, "clientCertificates", std::move(clients));
    return out;
}

OutboundTls upstream_tls(const Binding& binding, const Documents& documents,
                         Diagnostics& diagnostics) {
    no_rules(binding, diagnostics);
    const Position& at = binding.config->position.line != 0 ? binding.config->position : binding.at;
    OutboundTls out;
    out.tls = map_at(at);
    Fields fields(*binding.config, diagnostics, "config of tls-outbound");
    copy_certificate(fields, binding, documents, diagnostics, out.tls);
    copy_crypto(fields, out.tls);
    copy(fields, "trustedCA", "trustedCa", out.tls);
    const Node* const skip = fields.child("skipValidation");
    if (fields.boolean("skipValidation", false))
        put(out.tls, "verify", scalar_at("false", skip->position));
    const std::vector<std::string> alpn = fields.texts("alpn");
    const auto names = [&](std::string_view protocol) {
        return std::find(alpn.begin(), alpn.end(), protocol) != alpn.end();
    };
    for (const std::string& protocol : alpn)
        if (protocol != "h2" && protocol != "http/1.1")
            fields.mistake(fields.child("alpn")->position, "alpn has " + quote(protocol),
                           "h2 and http/1.1");
    if (names("h2")) out.protocol = names("http/1.1") ? "auto" : "http2";
    return out;
}

}  // namespace glassgate::config::flex
