#include "io/tls/certificate_facts.h"

#include <arpa/inet.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>

#include <algorithm>
#include <ctime>

#include "io/tls/distinguished_name.h"

namespace glassgate::io::tls {
namespace {

int64_t unix_time(const ASN1_TIME* time) noexcept {
    std::tm parts{};
    if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
    return timegm(&parts);
}

std::string serial_text(X509* certificate) {
    std::unique_ptr<BIGNUM, Freed<BN_free>> number(
        ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
    if (number == nullptr) return {};
    char* const hex = BN_bn2hex(number.get());
    std::string text = hex == nullptr ? "" : hex;
    OPENSSL_free(hex);
    return text;
}

std::string fingerprint_text(X509* certificate) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1) return {};
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        text += "0123456789abcdef"[digest[i] >> 4];
        text += "0123456789abcdef"[digest[i] & 15];
    }
    return text;
}

std::string key_text(X509* certificate) {
    EVP_PKEY* const key = X509_get0_pubkey(certificate);
    if (key == nullptr) return "unknown";
    char group[64];
    std::size_t size = 0;
    switch (EVP_PKEY_get_base_id(key)) {
        case EVP_PKEY_RSA:
        case EVP_PKEY_RSA_PSS:
            return "RSA " + std::to_string(EVP_PKEY_get_bits(key));
        case EVP_PKEY_EC:
            if (EVP_PKEY_get_group_name(key, group, sizeof group, &size) != 1) return "EC";
            if (std::string_view(group, size) == "prime256v1") return "EC P-256";
            if (std::string_view(group, size) == "secp384r1") return "EC P-384";
            return "EC " + std::string(group, size);
        case EVP_PKEY_ED25519:
            return "Ed25519";
        default:
            break;
    }
    const char* name = EVP_PKEY_get0_type_name(key);
    return name == nullptr ? "unknown" : name;
}

void add_text(std::vector<std::string>& list, const ASN1_STRING* text) {
    const auto* data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(text));
    const std::string_view view(data, static_cast<std::size_t>(ASN1_STRING_length(text)));
    if (view.empty() || std::ranges::any_of(view, [](char c) { return c <= ' ' || c > '~'; }))
        return;
    list.emplace_back(view);
}

void add_address(std::vector<std::string>& list, const ASN1_OCTET_STRING* bytes) {
    char text[INET6_ADDRSTRLEN];
    const int size = ASN1_STRING_length(bytes);
    if (size != 4 && size != 16) return;
    const int family = size == 4 ? AF_INET : AF_INET6;
    if (inet_ntop(family, ASN1_STRING_get0_data(bytes), text, sizeof text) != nullptr)
        list.emplace_back(text);
}

NamesPtr alternative_names(X509* certificate) {
    return NamesPtr(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
}

void add_alternative_names(X509* certificate, CertificateFacts& facts) {
    const NamesPtr names = alternative_names(certificate);
    const int count = names == nullptr ? 0 : sk_GENERAL_NAME_num(names.get());
    for (int i = 0; i < count; ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        int type = 0;
        const void* value = GENERAL_NAME_get0_value(name, &type);
        if (type == GEN_DNS) add_text(facts.dns_names, static_cast<const ASN1_STRING*>(value));
        if (type == GEN_URI) add_text(facts.uris, static_cast<const ASN1_STRING*>(value));
        if (type == GEN_EMAIL) add_text(facts.emails, static_cast<const ASN1_STRING*>(value));
        if (type == GEN_IPADD)
            add_address(facts.ip_addresses, static_cast<const ASN1_STRING*>(value));
    }
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out.append("  ").append(name).append(": ").append(value) += '\n';
}

std::string joined(const std::vector<std::string>& list) {
    std::string text;
    for (const std::string& item : list) text += (text.empty() ? "" : ", ") + item;
    return text;
}

}  // namespace

CertificateFacts facts_of(X509* certificate) {
    CertificateFacts facts;
    facts.subject = name_text(X509_get_subject_name(certificate));
    facts.issuer = name_text(X509_get_issuer_name(certificate));
    if (auto canonical = canonical_name(facts.subject)) facts.subject_key = std::move(*canonical);
    facts.serial = serial_text(certificate);
    facts.fingerprint = fingerprint_text(certificate);
    add_alternative_names(certificate, facts);
    facts.key = key_text(certificate);
    facts.not_before_s = unix_time(X509_get0_notBefore(certificate));
    facts.not_after_s = unix_time(X509_get0_notAfter(certificate));
    facts.is_ca = X509_check_ca(certificate) == 1;
    return facts;
}

std::vector<std::string> server_names_of(X509* certificate) {
    CertificateFacts facts;
    add_alternative_names(certificate, facts);
    if (!facts.dns_names.empty()) return facts.dns_names;
    X509_NAME* const subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0)
        add_text(facts.dns_names, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    return facts.dns_names;
}

std::string time_text(int64_t unix_s) {
    const std::time_t time = unix_s;
    std::tm parts{};
    gmtime_r(&time, &parts);
    char text[40];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

Expiry expiry_of(int64_t not_after_s, int64_t now_s) noexcept {
    constexpr int64_t kDay = 86400;
    const int64_t left = not_after_s - now_s;
    if (left < 0) return Expiry::expired;
    if (left < kDay) return Expiry::within_1_day;
    if (left < 7 * kDay) return Expiry::within_7_days;
    return left < 21 * kDay ? Expiry::within_21_days : Expiry::far;
}

std::string_view to_text(Expiry expiry) noexcept {
    switch (expiry) {
        case Expiry::far:
            return "far";
        case Expiry::within_21_days:
            return "within_21_days";
        case Expiry::within_7_days:
            return "within_7_days";
        case Expiry::within_1_day:
            return "within_1_day";
        case Expiry::expired:
            return "expired";
    }
    return "far";
}

std::string describe(const CertificateFacts& facts, int64_t now_s) {
    std::string out;
    const int64_t days = (facts.not_after_s - now_s) / 86400;
    const Expiry expiry = expiry_of(facts.not_after_s, now_s);
    append_line(out, "subject", facts.subject);
    append_line(out, "issuer", facts.issuer);
    append_line(out, "serial", facts.serial);
    append_line(out, "key", facts.key);
    append_line(out, "DNS names", joined(facts.dns_names));
    append_line(out, "URIs", joined(facts.uris));
    append_line(out, "email addresses", joined(facts.emails));
    append_line(out, "IP addresses", joined(facts.ip_addresses));
    append_line(out, "valid from", time_text(facts.not_before_s));
    append_line(out, "valid until",
                time_text(facts.not_after_s) + (expiry == Expiry::expired
                                                    ? " (expired)"
                                                    : " (" + std::to_string(days) + " days left)"));
    append_line(out, "SHA-256", facts.fingerprint);
    return out;
}

std::string pem_of(X509* certificate) {
    const BioPtr out(BIO_new(BIO_s_mem()));
    if (out == nullptr || PEM_write_bio_X509(out.get(), certificate) != 1) return {};
    return std::string(bio_text(out.get()));
}

}  // namespace glassgate::io::tls
