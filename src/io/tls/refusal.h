// Why a TLS connection was not made, or broke: a closed set of slugs. They are metric labels, words
// in records and events, and promises to users: never rename one.
#pragma once

#include <cstdint>
#include <string_view>

namespace glassgate::io::tls {

enum class Refusal : uint8_t {
    none,

    // The connection.
    closed,      // the peer went away in the handshake
    truncated,   // the peer's end came without close_notify (RFC 8446 §6.1): bytes may be missing
    reset,       // the connection broke
    timeout,     // the handshake took too long (stated by whoever keeps the deadline)
    overloaded,  // too many handshakes waited (stated by whoever keeps the limit)

    // What the peer speaks.
    plain_http,  // HTTP without TLS
    not_tls,     // neither TLS nor HTTP

    // Nothing in common.
    protocol_version,
    no_shared_cipher,
    no_shared_group,
    no_shared_signature,
    no_application_protocol,  // ALPN (RFC 7301 §3.2)
    unrecognized_name,        // SNI names a host that is not ours

    // The peer's certificate.
    no_certificate,
    certificate_expired,
    certificate_not_yet_valid,
    certificate_revoked,
    unknown_ca,
    chain_too_long,
    wrong_purpose,  // a server's certificate used by a client, or the other way round
    weak_certificate,
    host_mismatch,
    crl_unavailable,
    crl_expired,
    bad_certificate,

    // Broken or hostile peers.
    bad_record,
    decode_error,
    unexpected_message,
    illegal_parameter,
    message_too_large,
    renegotiation,
    bad_signature,
    protocol_error,

    internal_error,

    // The peer refused us, with an alert.
    peer_alert_unexpected_message,
    peer_alert_bad_record_mac,
    peer_alert_record_overflow,
    peer_alert_handshake_failure,
    peer_alert_bad_certificate,
    peer_alert_unsupported_certificate,
    peer_alert_certificate_revoked,
    peer_alert_certificate_expired,
    peer_alert_certificate_unknown,
    peer_alert_illegal_parameter,
    peer_alert_unknown_ca,
    peer_alert_access_denied,
    peer_alert_decode_error,
    peer_alert_decrypt_error,
    peer_alert_protocol_version,
    peer_alert_insufficient_security,
    peer_alert_internal_error,
    peer_alert_inappropriate_fallback,
    peer_alert_user_canceled,
    peer_alert_missing_extension,
    peer_alert_unsupported_extension,
    peer_alert_unrecognized_name,
    peer_alert_bad_certificate_status_response,
    peer_alert_unknown_psk_identity,
    peer_alert_certificate_required,
    peer_alert_no_application_protocol,
    peer_alert_other,

    count_,  // not a refusal
};

// "certificate_expired": lower case, digits and '_' only.
[[nodiscard]] std::string_view to_text(Refusal refusal) noexcept;

// Of an X509_V_ERR_ value.
[[nodiscard]] Refusal refusal_of_verification(long verify_error) noexcept;

// Of an error of OpenSSL's queue. `verify_error`: what verification said, if it was it.
[[nodiscard]] Refusal refusal_of_error(unsigned long error, long verify_error) noexcept;

// What a stream's first bytes say it is, when they are not TLS: plain_http or not_tls; none when
// they may be TLS or are too few to tell.
[[nodiscard]] Refusal refusal_of_first_bytes(std::string_view bytes) noexcept;

}  // namespace glassgate::io::tls
