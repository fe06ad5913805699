#include "io/tls/server_context.h"

#include <openssl/err.h>
#include <openssl/sha.h>

#include <algorithm>

#include "base/check.h"
#include "base/document.h"
#include "base/text.h"
#include "io/tls/peer_notes.h"
#include "io/tls/tickets.h"

namespace glassgate::io::tls {
namespace {

std::string lower(std::string_view text) {
    std::string result;
    for (const char c : text) result += to_lower(c);
    return result;
}

void check_alpn(const std::vector<std::string>& alpn, Problems& problems) {
    for (std::size_t i = 0; i < alpn.size(); ++i) {
        if (alpn[i] == "h2" || alpn[i] == "http/1.1") continue;
        problems.error(element_path("alpn", i), "unknown protocol " + quote(alpn[i]),
                       "h2 or http/1.1", std::string(nearest_name(alpn[i], {"h2", "http/1.1"})));
    }
}

// What must be the same for a session to be resumed: the listener, and whom it trusts.
std::string session_id_context(const ServerSettings& settings, const Trust& trust) {
    std::string text = settings.session_scope;
    text += '\0';
    text += static_cast<char>('0' + static_cast<int>(settings.client_certificates));
    text += trust.digest;
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
    return {reinterpret_cast<const char*>(digest), sizeof digest};
}

// What OpenSSL has macros with casts of its own for.
template <typename Callback>
void set_callback(SSL_CTX* context, int command, Callback callback, int argument_command,
                  void* argument) noexcept {
    SSL_CTX_callback_ctrl(context, command, reinterpret_cast<void (*)()>(callback));
    SSL_CTX_ctrl(context, argument_command, 0, argument);
}

bool set_common(SSL_CTX* context) noexcept {
    SSL_CTX_set_security_level(context, 2);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_NO_ANTI_REPLAY);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_read_ahead(context, 1);
    // No early data: it can be replayed (RFC 8446 §8).
    return SSL_CTX_set_max_early_data(context, 0) == 1;
}

}  // namespace

class ServerContext::Builder {
public:
    Builder(const ServerSettings& settings, int64_t now_s, Problems& problems)
        : settings_(settings), now_s_(now_s), problems_(problems), made_(new ServerContext) {}

    std::shared_ptr<const ServerContext> build() {
        const std::size_t errors = problems_.errors();
        policy_ = resolve(settings_.crypto, problems_);
        check_alpn(settings_.alpn, problems_);
        load_client_trust();
        if (settings_.certificates.empty())
            problems_.error("certificates", "there is no certificate",
                            "at least one certificate and its key");
        for (std::size_t i = 0; i < settings_.certificates.size(); ++i) add_certificate(i);
        if (problems_.errors() != errors) return nullptr;
        made_->alpn_ = settings_.alpn;
        made_->refuse_unknown_names_ = settings_.refuse_unknown_names;
        made_->ticket_keys_ = settings_.ticket_keys;
        for (const auto& slot : made_->slots_) finish(*slot);
        if (problems_.errors() != errors) return nullptr;
        return std::move(made_);
    }

private:
    void load_client_trust() {
        const bool asks = settings_.client_certificates != ClientCertificates::none;
        if (!asks && settings_.client_trust.authorities.empty() &&
            settings_.client_trust.crls.empty())
            return;
        if (!asks) {
            problems_.error("clientCertificates.ca", "client certificates are not asked for",
                            "mode optional or required, or no CA");
            return;
        }
        if (settings_.client_trust.authorities.empty())
            problems_.error("clientCertificates.ca", "no CA to trust client certificates of",
                            "the certificates of the CAs that issue to clients");
        trust_ = load_trust(settings_.client_trust, "clientCertificates", now_s_, problems_);
    }

    std::vector<std::string> names_of(std::size_t index, const Identity& identity) {
        const ServerCertificate& certificate = settings_.certificates[index];
        const std::string where = element_path("certificates", index);
        std::vector<std::string> names;
        for (std::size_t i = 0; i < certificate.names.size(); ++i) {
            if (is_server_name(certificate.names[i]))
                names.push_back(lower(certificate.names[i]));
            else
                problems_.error(element_path(where + ".names", i),
                                quote(certificate.names[i]) + " is not a host name",
                                "a name such as shop.example or *.shop.example");
        }
        if (certificate.names.empty())
            for (const std::string& name : server_names_of(identity.leaf.get()))
                if (is_server_name(name)) names.push_back(lower(name));
        std::ranges::sort(names);
        names.erase(std::unique(names.begin(), names.end()), names.end());
        return names;
    }

    void add_certificate(std::size_t index) {
        const ServerCertificate& certificate = settings_.certificates[index];
        const std::string where = element_path("certificates", index);
        auto identity = load_identity(certificate.identity, where, now_s_, problems_);
        if (!identity) {
            if (!certificate.ocsp_path.empty())
                if (const auto bytes = read_small_file(certificate.ocsp_path); !bytes)
                    problems_.error(where + ".ocsp", bytes.error().message,
                                    "an OCSP response in DER");
            return;
        }
        made_->facts_.push_back(facts_of(identity->leaf.get()));
        const std::vector<std::string> names = names_of(index, *identity);
        Slot& slot = slot_for(names, *identity, index);
        if (!certificate.ocsp_path.empty())
            slot.staples.push_back(load_staple(certificate.ocsp_path, identity->leaf.get(),
                                               identity->chain, where + ".ocsp", now_s_,
                                               problems_));
        apply(*identity, slot.context.get(), where, problems_);
        slot.identities.push_back(std::move(*identity));
    }

    // The slot with the same names that has no key of this kind yet, or a new one.
    Slot& slot_for(const std::vector<std::string>& names, const Identity& identity,
                   std::size_t index) {
        const int kind = EVP_PKEY_get_base_id(identity.key.get());
        for (const auto& slot : made_->slots_) {
            if (names.empty() || slot->names != names) continue;
            const bool taken = std::ranges::any_of(slot->identities, [&](const Identity& other) {
                return EVP_PKEY_get_base_id(other.key.get()) == kind;
            });
            if (!taken) return *slot;
            problems_.error(element_path("certificates", index) + ".chain",
                            "another certificate has the same names and the same kind of key",
                            "one certificate for each host name and kind of key");
            return *slot;
        }
        auto slot = std::make_unique<Slot>();
        slot->context.reset(SSL_CTX_new(TLS_server_method()));
        GW_CHECK(slot->context != nullptr);
        SSL_CTX_set_security_level(slot->context.get(), 2);
        slot->names = names;
        const auto number = static_cast<uint32_t>(made_->slots_.size());
        for (const std::string& name : names)
            if (!made_->names_.add(name, number))
                problems_.warning(element_path("certificates", index) + ".names",
                                  quote(name) +
                                      " is a name of an earlier certificate, which is "
                                      "served for it");
        made_->slots_.push_back(std::move(slot));
        return *made_->slots_.back();
    }

    void finish(Slot& slot) {
        SSL_CTX* const context = slot.context.get();
        const std::string scope = session_id_context(settings_, trust_);
        bool good = set_common(context) && apply(policy_, context) &&
                    SSL_CTX_set_session_id_context(
                        context, reinterpret_cast<const unsigned char*>(scope.data()),
                        static_cast<unsigned>(scope.size())) == 1;
        use_tickets(context, settings_.ticket_keys.get());
        set_callback(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, &on_server_name,
                     SSL_CTRL_SET_TLSEXT_SERVERNAME_ARG, made_.get());
        if (!settings_.alpn.empty()) SSL_CTX_set_alpn_select_cb(context, &on_alpn, made_.get());
        if (!slot.staples.empty())
            set_callback(context, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB, &staple_callback,
                         SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB_ARG, &slot.staples);
        if (settings_.client_certificates != ClientCertificates::none)
            good = ask_for_certificates(context) && good;
        if (!good) problems_.error("certificates", "OpenSSL refuses: " + take_error_text());
    }

    bool ask_for_certificates(SSL_CTX* context) {
        const int mode = settings_.client_certificates == ClientCertificates::required
                             ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                             : SSL_VERIFY_PEER;
        SSL_CTX_set_verify(context, mode, &note_verification);
        for (const CertificatePtr& ca : trust_.authorities)
            if (SSL_CTX_add_client_CA(context, ca.get()) != 1) return false;
        return apply(trust_, settings_.client_trust, context);
    }

    const ServerSettings& settings_;
    const int64_t now_s_;
    Problems& problems_;
    CryptoPolicy policy_;
    Trust trust_;
    std::shared_ptr<ServerContext> made_;
};

std::shared_ptr<const ServerContext> ServerContext::compile(const ServerSettings& settings,
                                                            int64_t now_s, Problems& problems) {
    ERR_clear_error();
    auto context = Builder(settings, now_s, problems).build();
    ERR_clear_error();
    return context;
}

int ServerContext::on_server_name(SSL* ssl, int* alert, void* self) noexcept {
    const auto& context = *static_cast<const ServerContext*>(self);
    const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
    const auto slot = context.names_.find(name);
    if (!slot) {
        if (!context.refuse_unknown_names_) return SSL_TLSEXT_ERR_NOACK;
        if (PeerNotes* notes = PeerNotes::of(ssl)) notes->refusal = Refusal::unrecognized_name;
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    SSL_set_SSL_CTX(ssl, context.slots_[*slot]->context.get());
    return SSL_TLSEXT_ERR_OK;
}

// Our preference decides. `offered`: protocols, each behind a byte with its length; OpenSSL has
// checked that the lengths add up.
int ServerContext::on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                           const unsigned char* offered, unsigned offered_size,
                           void* self) noexcept {
    const auto& context = *static_cast<const ServerContext*>(self);
    for (const std::string& ours : context.alpn_) {
        for (unsigned at = 0; at < offered_size; at += 1u + offered[at]) {
            if (at + 1u + offered[at] > offered_size) break;
            const std::string_view theirs(reinterpret_cast<const char*>(offered + at + 1),
                                          offered[at]);
            if (theirs != ours) continue;
            *chosen = offered + at + 1;
            *chosen_size = offered[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    if (PeerNotes* notes = PeerNotes::of(ssl)) notes->refusal = Refusal::no_application_protocol;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace glassgate::io::tls
