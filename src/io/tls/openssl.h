// Owners of OpenSSL's objects, and its error queue in words. Only io/tls includes OpenSSL.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

namespace glassgate::io::tls {

template <auto Free>
struct Freed {
    template <typename T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};
struct FreedNames {
    void operator()(GENERAL_NAMES* names) const noexcept {
        sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
    }
};
struct FreedCertificates {
    void operator()(STACK_OF(X509) * chain) const noexcept { sk_X509_pop_free(chain, X509_free); }
};

using BioPtr = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Freed<X509_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, Freed<X509_CRL_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
using NamePtr = std::unique_ptr<X509_NAME, Freed<X509_NAME_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, FreedNames>;
using ChainPtr = std::unique_ptr<STACK_OF(X509), FreedCertificates>;
using ContextPtr = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Freed<SSL_free>>;
using SessionPtr = std::unique_ptr<SSL_SESSION, Freed<SSL_SESSION_free>>;
using OcspPtr = std::unique_ptr<OCSP_RESPONSE, Freed<OCSP_RESPONSE_free>>;

// What a memory BIO holds; valid as long as the BIO is not written.
[[nodiscard]] std::string_view bio_text(BIO* memory) noexcept;

// A read-only BIO over the text, which must outlive it.
[[nodiscard]] BioPtr bio_over(std::string_view text) noexcept;

// The newest error of this thread's queue ("bad end line"), and the queue emptied. Never empty.
[[nodiscard]] std::string take_error_text();

}  // namespace glassgate::io::tls
