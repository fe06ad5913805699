#include "io/tls/client_context.h"

#include <openssl/err.h>
#include <sys/stat.h>

#include <atomic>
#include <mutex>

#include "base/check.h"
#include "base/document.h"
#include "io/tls/peer_notes.h"
#include "io/tls/resumption_cache.h"
#include "io/tls/server_names.h"

namespace glassgate::io::tls {
namespace {

// The system's bundle is large (a megabyte of objects, ten milliseconds to read): contexts that use
// it as it is on the disk share one store.
std::shared_ptr<const Trust> system_trust(unsigned depth, int64_t now_s, Problems& problems) {
    static std::mutex mutex;
    static std::weak_ptr<const Trust> shared;
    static std::string shared_version;
    const std::string path = system_bundle_path();
    struct stat file{};
    if (path.empty() || stat(path.c_str(), &file) != 0) {
        problems.error("trust.ca", "this system has no bundle of CA certificates",
                       "a CA file in the settings, or the package ca-certificates");
        return nullptr;
    }
    const std::string version =
        path + ' ' + std::to_string(depth) + ' ' + std::to_string(file.st_mtim.tv_sec) + '.' +
        std::to_string(file.st_mtim.tv_nsec) + ' ' + std::to_string(file.st_size);
    const std::lock_guard lock(mutex);
    auto trust = shared.lock();
    if (trust != nullptr && version == shared_version) return trust;
    TrustSettings settings;
    settings.authorities.push_back({path, {}});
    settings.depth = depth;
    trust = std::make_shared<const Trust>(load_trust(settings, "trust", now_s, problems));
    shared = trust;
    shared_version = version;
    return trust;
}

std::shared_ptr<const Trust> trust_of(const TrustSettings& settings, int64_t now_s,
                                      Problems& problems) {
    if (settings.authorities.empty() && settings.crls.empty())
        return system_trust(settings.depth, now_s, problems);
    TrustSettings complete = settings;
    if (complete.authorities.empty()) complete.authorities.push_back({system_bundle_path(), {}});
    return std::make_shared<const Trust>(load_trust(complete, "trust", now_s, problems));
}

std::string alpn_wire(const std::vector<std::string>& alpn, Problems& problems) {
    std::string wire;
    for (std::size_t i = 0; i < alpn.size(); ++i) {
        if (alpn[i] != "h2" && alpn[i] != "http/1.1")
            problems.error(element_path("alpn", i), "unknown protocol " + quote(alpn[i]),
                           "h2 or http/1.1",
                           std::string(nearest_name(alpn[i], {"h2", "http/1.1"})));
        wire += static_cast<char>(alpn[i].size());
        wire += alpn[i];
    }
    return wire;
}

// Keeps a session to be resumed. 1: the reference is taken over.
int on_new_session(SSL* ssl, SSL_SESSION* session) noexcept {
    const PeerNotes* const notes = PeerNotes::of(ssl);
    if (notes == nullptr || notes->resumption == nullptr) return 0;
    notes->resumption->cache->put(notes->resumption->key, SessionPtr(session));
    return 1;
}

}  // namespace

bool ClientContext::set_up(const ClientSettings& settings, const CryptoPolicy& policy,
                           Problems& problems) {
    SSL_CTX* const context = context_.get();
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_read_ahead(context, 1);
    if (!tls::apply(policy, context)) return false;
    const std::string alpn = alpn_wire(settings.alpn, problems);
    // 0 is success here, unlike everywhere else.
    if (!alpn.empty() &&
        SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(alpn.data()),
                                static_cast<unsigned>(alpn.size())) != 0)
        return false;
    if (settings.skip_verify) {
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    } else {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, &note_verification);
        if (trust_ != nullptr && !tls::apply(*trust_, settings.trust, context)) return false;
    }
    if (settings.resume) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, &on_new_session);
    } else {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    }
    return true;
}

std::shared_ptr<const ClientContext> ClientContext::compile(const ClientSettings& settings,
                                                            int64_t now_s, Problems& problems) {
    static std::atomic<uint64_t> last_id{0};
    ERR_clear_error();
    const std::size_t errors = problems.errors();
    std::shared_ptr<ClientContext> made(new ClientContext);
    made->id_ = last_id.fetch_add(1, std::memory_order_relaxed) + 1;
    made->server_name_ = settings.server_name;
    made->verifies_ = !settings.skip_verify;
    made->resumes_ = settings.resume;
    made->context_.reset(SSL_CTX_new(TLS_client_method()));
    GW_CHECK(made->context_ != nullptr);
    SSL_CTX_set_security_level(made->context_.get(), 2);
    const CryptoPolicy policy = resolve(settings.crypto, problems);
    if (!settings.server_name.empty() &&
        (!is_server_name(settings.server_name) || settings.server_name.starts_with('*')))
        problems.error("serverName", quote(settings.server_name) + " is not a host name",
                       "a name such as payments.internal");
    if (settings.skip_verify &&
        !(settings.trust.authorities.empty() && settings.trust.crls.empty()))
        problems.error("trust.ca", "a CA has no use when certificates are not verified",
                       "either trusted CAs or verification switched off");
    else if (!settings.skip_verify)
        made->trust_ = trust_of(settings.trust, now_s, problems);
    if (settings.certificate) {
        made->identity_ = load_identity(*settings.certificate, "certificate", now_s, problems);
        if (made->identity_) {
            made->facts_ = facts_of(made->identity_->leaf.get());
            tls::apply(*made->identity_, made->context_.get(), "certificate", problems);
        }
    }
    const bool good = made->set_up(settings, policy, problems);
    if (!good && problems.errors() == errors)
        problems.error("trust", "OpenSSL refuses: " + take_error_text());
    ERR_clear_error();
    if (problems.errors() != errors) return nullptr;
    return made;
}

}  // namespace glassgate::io::tls
