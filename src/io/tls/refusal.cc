#include "io/tls/refusal.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>

namespace glassgate::io::tls {
namespace {

using enum Refusal;

constexpr std::size_t kCount = static_cast<std::size_t>(count_);
constexpr std::array<std::string_view, kCount> kNames = {
    "none",
    "closed",
    "truncated",
    "reset",
    "timeout",
    "overloaded",
    "plain_http",
    "not_tls",
    "protocol_version",
    "no_shared_cipher",
    "no_shared_group",
    "no_shared_signature",
    "no_application_protocol",
    "unrecognized_name",
    "no_certificate",
    "certificate_expired",
    "certificate_not_yet_valid",
    "certificate_revoked",
    "unknown_ca",
    "chain_too_long",
    "wrong_purpose",
    "weak_certificate",
    "host_mismatch",
    "crl_unavailable",
    "crl_expired",
    "bad_certificate",
    "bad_record",
    "decode_error",
    "unexpected_message",
    "illegal_parameter",
    "message_too_large",
    "renegotiation",
    "bad_signature",
    "protocol_error",
    "internal_error",
    "peer_alert_unexpected_message",
    "peer_alert_bad_record_mac",
    "peer_alert_record_overflow",
    "peer_alert_handshake_failure",
    "peer_alert_bad_certificate",
    "peer_alert_unsupported_certificate",
    "peer_alert_certificate_revoked",
    "peer_alert_certificate_expired",
    "peer_alert_certificate_unknown",
    "peer_alert_illegal_parameter",
    "peer_alert_unknown_ca",
    "peer_alert_access_denied",
    "peer_alert_decode_error",
    "peer_alert_decrypt_error",
    "peer_alert_protocol_version",
    "peer_alert_insufficient_security",
    "peer_alert_internal_error",
    "peer_alert_inappropriate_fallback",
    "peer_alert_user_canceled",
    "peer_alert_missing_extension",
    "peer_alert_unsupported_extension",
    "peer_alert_unrecognized_name",
    "peer_alert_bad_certificate_status_response",
    "peer_alert_unknown_psk_identity",
    "peer_alert_certificate_required",
    "peer_alert_no_application_protocol",
    "peer_alert_other",
};
static_assert(!kNames.back().empty());

struct Mapped {
    int code;
    Refusal refusal;
};

// Alert numbers of RFC 8446 §6.
constexpr std::array kAlerts = std::to_array<Mapped>({
    {10, peer_alert_unexpected_message},
    {20, peer_alert_bad_record_mac},
    {22, peer_alert_record_overflow},
    {40, peer_alert_handshake_failure},
    {42, peer_alert_bad_certificate},
    {43, peer_alert_unsupported_certificate},
    {44, peer_alert_certificate_revoked},
    {45, peer_alert_certificate_expired},
    {46, peer_alert_certificate_unknown},
    {47, peer_alert_illegal_parameter},
    {48, peer_alert_unknown_ca},
    {49, peer_alert_access_denied},
    {50, peer_alert_decode_error},
    {51, peer_alert_decrypt_error},
    {70, peer_alert_protocol_version},
    {71, peer_alert_insufficient_security},
    {80, peer_alert_internal_error},
    {86, peer_alert_inappropriate_fallback},
    {90, peer_alert_user_canceled},
    {109, peer_alert_missing_extension},
    {110, peer_alert_unsupported_extension},
    {112, peer_alert_unrecognized_name},
    {113, peer_alert_bad_certificate_status_response},
    {115, peer_alert_unknown_psk_identity},
    {116, peer_alert_certificate_required},
    {120, peer_alert_no_application_protocol},
});

constexpr std::array kVerification = std::to_array<Mapped>({
    {X509_V_ERR_CERT_HAS_EXPIRED, certificate_expired},
    {X509_V_ERR_CERT_NOT_YET_VALID, certificate_not_yet_valid},
    {X509_V_ERR_CERT_REVOKED, certificate_revoked},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, unknown_ca},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, unknown_ca},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, unknown_ca},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, unknown_ca},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, unknown_ca},
    {X509_V_ERR_CERT_UNTRUSTED, unknown_ca},
    {X509_V_ERR_CERT_CHAIN_TOO_LONG, chain_too_long},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED, chain_too_long},
    {X509_V_ERR_INVALID_PURPOSE, wrong_purpose},
    {X509_V_ERR_EE_KEY_TOO_SMALL, weak_certificate},
    {X509_V_ERR_CA_KEY_TOO_SMALL, weak_certificate},
    {X509_V_ERR_CA_MD_TOO_WEAK, weak_certificate},
    {X509_V_ERR_HOSTNAME_MISMATCH, host_mismatch},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, host_mismatch},
    {X509_V_ERR_UNABLE_TO_GET_CRL, crl_unavailable},
    {X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, crl_unavailable},
    {X509_V_ERR_CRL_SIGNATURE_FAILURE, crl_unavailable},
    {X509_V_ERR_CRL_NOT_YET_VALID, crl_unavailable},
    {X509_V_ERR_CRL_HAS_EXPIRED, crl_expired},
});

constexpr std::array kErrors = std::to_array<Mapped>({
    {SSL_R_HTTP_REQUEST, plain_http},
    {SSL_R_HTTPS_PROXY_REQUEST, plain_http},
    {SSL_R_UNSUPPORTED_PROTOCOL, protocol_version},
    {SSL_R_VERSION_TOO_LOW, protocol_version},
    {SSL_R_VERSION_TOO_HIGH, protocol_version},
    {SSL_R_WRONG_SSL_VERSION, protocol_version},
    {SSL_R_WRONG_VERSION_NUMBER, protocol_version},
    {SSL_R_UNKNOWN_PROTOCOL, protocol_version},
    {SSL_R_NO_PROTOCOLS_AVAILABLE, protocol_version},
    {SSL_R_INAPPROPRIATE_FALLBACK, protocol_version},
    {SSL_R_NO_SHARED_CIPHER, no_shared_cipher},
    {SSL_R_NO_CIPHERS_AVAILABLE, no_shared_cipher},
    {SSL_R_NO_CIPHER_MATCH, no_shared_cipher},
    {SSL_R_NO_SUITABLE_KEY_SHARE, no_shared_group},
    {SSL_R_NO_SUITABLE_GROUPS, no_shared_group},
    {SSL_R_NO_SHARED_GROUPS, no_shared_group},
    {SSL_R_UNSUPPORTED_ELLIPTIC_CURVE, no_shared_group},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, no_shared_signature},
    {SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, no_shared_signature},
    {SSL_R_NO_APPLICATION_PROTOCOL, no_application_protocol},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, no_certificate},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, truncated},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, bad_record},
    {SSL_R_BAD_RECORD_TYPE, bad_record},
    {SSL_R_RECORD_LENGTH_MISMATCH, bad_record},
    {SSL_R_BAD_DECOMPRESSION, bad_record},
    {SSL_R_DATA_LENGTH_TOO_LONG, bad_record},
    {SSL_R_ENCRYPTED_LENGTH_TOO_LONG, bad_record},
    {SSL_R_PACKET_LENGTH_TOO_LONG, bad_record},
    {SSL_R_RECORD_TOO_SMALL, bad_record},
    {SSL_R_BAD_LENGTH, decode_error},
    {SSL_R_LENGTH_MISMATCH, decode_error},
    {SSL_R_LENGTH_TOO_SHORT, decode_error},
    {SSL_R_LENGTH_TOO_LONG, decode_error},
    {SSL_R_BAD_EXTENSION, decode_error},
    {SSL_R_BAD_PACKET, decode_error},
    {SSL_R_NO_CIPHERS_SPECIFIED, decode_error},
    {SSL_R_UNEXPECTED_MESSAGE, unexpected_message},
    {SSL_R_UNEXPECTED_RECORD, unexpected_message},
    {SSL_R_APP_DATA_IN_HANDSHAKE, unexpected_message},
    {SSL_R_CCS_RECEIVED_EARLY, unexpected_message},
    {SSL_R_BAD_KEY_SHARE, illegal_parameter},
    {SSL_R_EXCESSIVE_MESSAGE_SIZE, message_too_large},
    {SSL_R_NO_RENEGOTIATION, renegotiation},
    {SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED, renegotiation},
    {SSL_R_BAD_SIGNATURE, bad_signature},
    {SSL_R_DIGEST_CHECK_FAILED, bad_signature},
});

template <typename Table>
Refusal find(const Table& table, long code, Refusal otherwise) noexcept {
    const auto at = std::ranges::find_if(table, [&](const Mapped& m) { return m.code == code; });
    return at == table.end() ? otherwise : at->refusal;
}

bool looks_like_http(std::string_view bytes) noexcept {
    if (bytes.starts_with("HTTP/")) return true;
    for (const std::string_view method : {"GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ",
                                          "PATCH ", "CONNECT ", "TRACE ", "PRI * HT"})
        if (bytes.starts_with(method.substr(0, bytes.size()))) return true;
    return false;
}

}  // namespace

std::string_view to_text(Refusal refusal) noexcept {
    const auto index = static_cast<std::size_t>(refusal);
    return index < kCount ? kNames[index] : "none";
}

Refusal refusal_of_verification(long verify_error) noexcept {
    return find(kVerification, verify_error, bad_certificate);
}

Refusal refusal_of_error(unsigned long error, long verify_error) noexcept {
    const int reason = ERR_GET_REASON(error);
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) return internal_error;
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) return refusal_of_verification(verify_error);
    if (reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256)
        return find(kAlerts, reason - SSL_AD_REASON_OFFSET, peer_alert_other);
    return find(kErrors, reason, protocol_error);
}

Refusal refusal_of_first_bytes(std::string_view bytes) noexcept {
    if (bytes.empty()) return none;
    const auto first = static_cast<unsigned char>(bytes.front());
    if (first >= 20 && first <= 23) return none;  // a record's type (RFC 8446 §5.1)
    return looks_like_http(bytes) ? plain_http : not_tls;
}

}  // namespace glassgate::io::tls
