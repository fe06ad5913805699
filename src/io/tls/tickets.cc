#include "io/tls/tickets.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <cstring>
#include <optional>

namespace glassgate::io::tls {
namespace {

// Fetched once: looking an algorithm up by name takes locks.
const EVP_CIPHER* sealing_cipher() noexcept {
    static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
    return cipher;
}

int set_keys(TicketKey& key, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
             int sealing) noexcept {
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac_key.data(),
                                          key.mac_key.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, parameters) == 1 &&
           EVP_CipherInit_ex(cipher, sealing_cipher(), nullptr, key.cipher_key.data(), iv,
                             sealing) == 1;
}

// 1: go on; 2: go on and renew; 0: not one of ours, a full handshake; -1: failed.
int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
              EVP_MAC_CTX* mac, int sealing) noexcept {
    const auto* keys = static_cast<const TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    if (keys == nullptr) return -1;
    int result = -1;
    TicketKey key;
    if (sealing == 1) {
        key = keys->newest();
        std::memcpy(name, key.name.data(), key.name.size());
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(sealing_cipher())) == 1 &&
            set_keys(key, iv, cipher, mac, 1) == 1)
            result = 1;
    } else {
        unsigned char wanted[16];
        std::memcpy(wanted, name, sizeof wanted);
        const auto found = keys->find(wanted);
        if (!found) return 0;
        key = found->key;
        if (set_keys(key, iv, cipher, mac, 0) == 1) result = found->newest ? 1 : 2;
    }
    OPENSSL_cleanse(&key, sizeof key);
    return result;
}

SSL_TICKET_RETURN on_opened(SSL* ssl, SSL_SESSION* session, const unsigned char*, std::size_t,
                            SSL_TICKET_STATUS status, void*) noexcept {
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    X509* const peer = SSL_SESSION_get0_peer(session);
    if (peer != nullptr && X509_cmp_current_time(X509_get0_notAfter(peer)) <= 0)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    // Clients use a ticket of TLS 1.3 only once (RFC 8446 §C.4), so each needs the next one.
    const bool renew = status == SSL_TICKET_SUCCESS_RENEW || SSL_version(ssl) == TLS1_3_VERSION;
    return renew ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_USE;
}

}  // namespace

void use_tickets(SSL_CTX* context, TicketKeys* keys) noexcept {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_app_data(context, keys);
    if (keys == nullptr) {
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(context, 0);
        return;
    }
    // One ticket a handshake, as Go does: it may be used more than once, since nothing is kept of
    // it, and each one costs a copy of the session and its sealing.
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_timeout(context, static_cast<long>(keys->lifetime().count()));
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &on_ticket);
    SSL_CTX_set_session_ticket_cb(context, nullptr, &on_opened, nullptr);
}

}  // namespace glassgate::io::tls
