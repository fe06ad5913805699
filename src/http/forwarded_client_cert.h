// X-Forwarded-Client-Cert (XFCC), as Envoy defines it: which client certificates a request has come
// with on its way, an element for each proxy that took one.
//
//     By=spiffe://a/gw;Hash=468e...;Subject="CN=payments,O=Bank";URI=spiffe://bank/pay;DNS=a.test
//
// Elements are joined by ',', their pairs by ';'. A value with one of  , ; =  stands in double
// quotes, in which a double quote is written \".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glassgate::http {

// What becomes of the field on its way to the upstream. Names as the configuration has them;
// Envoy's own are understood, too.
enum class ClientCertForwarding : uint8_t {
    sanitize,        // never sent: nobody can pretend
    forward,         // passed on as it came, when the client has a verified certificate
    append_forward,  // the same, with our element behind it ("append")
    sanitize_set,    // ours alone ("set")
    always_forward,  // passed on as it came, whoever sent it: only behind a trusted proxy
};
[[nodiscard]] std::optional<ClientCertForwarding> client_cert_forwarding(
    std::string_view name) noexcept;

struct ClientCertElement {
    std::string by;           // SAN URI of the certificate of the proxy that took it
    std::string hash;         // SHA-256 of the certificate, hex
    std::string cert, chain;  // PEM, URL-encoded
    std::string subject;      // RFC 4514
    std::vector<std::string> uris, dns_names;
};

// Which details our element has, beside By and Hash.
struct ClientCertDetails {
    bool subject = true, uri = true, dns = false, cert = false, chain = false;
};

// The element as text. Cert and chain must be URL-encoded already. Never a control character, nor
// anything but ASCII: in the subject such bytes become \XX, which RFC 4514 allows, and so do \ and
// " themselves, so that nobody can read past the quotes. Values of SANs that cannot be written are
// left out.
[[nodiscard]] std::string client_cert_element_text(const ClientCertElement& element,
                                                   const ClientCertDetails& details);

// Percent-encodes everything but unreserved characters (RFC 3986 §2.3).
[[nodiscard]] std::string url_encoded(std::string_view text);

// What to send upstream; nothing: no field. `received`: the values of all fields of that name as
// one list, empty without; `ours`: our element, empty when the client has no verified certificate.
[[nodiscard]] std::optional<std::string> forwarded_client_cert(ClientCertForwarding mode,
                                                               std::string_view received,
                                                               std::string_view ours);

// All elements of a value, in order; nothing when it is malformed. Keys of other names are skipped.
// Cert and chain stay URL-encoded. For trusted senders only: anybody can write anything.
[[nodiscard]] std::optional<std::vector<ClientCertElement>> parse_forwarded_client_cert(
    std::string_view value);

}  // namespace glassgate::http
