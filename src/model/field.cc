#include "model/field.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace glassgate::model {
namespace {

using F = Field;
using T = FieldType;
using S = Sensitivity;

constexpr std::array<FieldDescription, kFieldCount> kCatalogue{{
    {F::request_id, "request.id", T::text, S::plain,
     "The id of the request: its W3C trace id, or the X-Request-Id of a trusted peer."},
    {F::request_timestamp, "request.timestamp", T::timestamp, S::plain,
     "When its first byte arrived: ISO-8601, UTC, milliseconds."},
    {F::request_path, "request.path", T::text, S::scanned, "The path as sent, without the query."},
    {F::request_query, "request.query", T::text, S::redacted,
     "The query; values redacted by default."},
    {F::request_method, "request.method", T::text, S::plain, "The method as sent."},
    {F::request_host, "request.host", T::text, S::scanned,
     "The host asked for, with its port if given."},
    {F::request_scheme, "request.scheme", T::text, S::plain,
     "http or https, as the client used it."},
    {F::request_protocol, "request.protocol", T::text, S::plain, "HTTP/1.0, HTTP/1.1 or HTTP/2."},
    {F::request_bytes, "request.bytes", T::integer, S::plain,
     "Body bytes received from the client."},
    {F::request_remote_address, "request.remoteAddress", T::text, S::plain,
     "The client's address; behind a trusted proxy the one it names."},
    {F::request_user_agent, "request.userAgent", T::text, S::scanned, "The User-Agent header."},
    {F::request_header, "request.headers.", T::text, S::redacted,
     "A request header by name; credentials are never written."},
    {F::response_status, "response.status", T::integer, S::plain,
     "The status sent to the client; 499 if it left before one was sent."},
    {F::response_bytes, "response.bytes", T::integer, S::plain, "Body bytes sent to the client."},
    {F::response_duration_ms, "response.duration_ms", T::milliseconds, S::plain,
     "First byte of the request to last byte of the response."},
    {F::response_ending, "response.ending", T::text, S::plain, "How the exchange ended."},
    {F::response_origin, "response.origin", T::text, S::plain,
     "Whose doing the ending was: client, gateway or upstream."},
    {F::route_id, "route.id", T::text, S::plain, "The route that matched, or none."},
    {F::route_path, "route.path", T::text, S::plain, "The path pattern that matched."},
    {F::api_name, "api.name", T::text, S::plain, "The API the route belongs to."},
    {F::client_id, "client.id", T::text, S::scanned,
     "The caller, as the client-id policy found it."},
    {F::client_name, "client.name", T::text, S::scanned, "The caller's name, if configured."},
    {F::jwt_claim, "jwt.", T::text, S::scanned, "A claim of the verified token by name."},
    {F::tls_version, "tls.version", T::text, S::plain, "TLSv1.2 or TLSv1.3."},
    {F::tls_cipher, "tls.cipher", T::text, S::plain, "The cipher suite's IANA name."},
    {F::tls_client_cert_subject, "tls.clientCertSubject", T::text, S::scanned,
     "The client certificate's subject (RFC 4514)."},
    {F::tls_client_cert_serial, "tls.clientCertSerial", T::text, S::plain,
     "The client certificate's serial number, hexadecimal."},
    {F::tls_client_cert_san, "tls.clientCertSan", T::text, S::scanned,
     "The client certificate's first subject alternative name, a URI before a DNS name."},
    {F::tls_client_cert_fingerprint, "tls.clientCertFingerprint", T::text, S::plain,
     "SHA-256 of the client certificate, hexadecimal."},
    {F::tls_server_name, "tls.serverName", T::text, S::scanned,
     "The host the client named in its hello (SNI)."},
    {F::grpc_status, "grpc.status", T::integer, S::plain,
     "How a gRPC call ended, 0 to 16; null for other requests."},
    {F::policy_outcomes, "policy.outcomes", T::outcomes, S::plain,
     "The policies that ran, in order: policy, verdict, reason, ms."},
    {F::upstream_name, "upstream.name", T::text, S::plain, "The upstream the request went to."},
    {F::upstream_address, "upstream.address", T::text, S::plain,
     "The address of the last attempt's target."},
    {F::upstream_attempts, "upstream.attempts", T::integer, S::plain,
     "How many attempts were made; 0 if none."},
    {F::upstream_connect_ms, "upstream.connect_ms", T::milliseconds, S::plain,
     "The last attempt's time to connect; 0 on a reused connection."},
    {F::upstream_first_byte_ms, "upstream.first_byte_ms", T::milliseconds, S::plain,
     "The last attempt's start to its response head."},
    {F::trace_id, "trace.id", T::text, S::plain, "W3C trace id, 32 hexadecimal digits."},
    {F::span_id, "span.id", T::text, S::plain, "The gateway's span, 16 hexadecimal digits."},
    {F::gateway_name, "gateway.name", T::text, S::plain, "metadata.name of the configuration."},
    {F::gateway_mode, "gateway.mode", T::text, S::plain, "local or connected."},
}};

constexpr bool catalogue_is_in_order() {
    for (std::size_t i = 0; i < kCatalogue.size(); ++i)
        if (static_cast<std::size_t>(kCatalogue[i].field) != i) return false;
    return true;
}
static_assert(catalogue_is_in_order());

}  // namespace

std::span<const FieldDescription> field_catalogue() noexcept { return kCatalogue; }

const FieldDescription& describe(Field field) noexcept {
    return kCatalogue[static_cast<std::size_t>(field)];
}

std::optional<FieldRef> FieldSelection::add(std::string_view name) {
    for (const FieldDescription& d : kCatalogue) {
        const bool parameterised = d.name.back() == '.';
        if (!parameterised) {
            if (d.name != name) continue;
            add(d.field);
            return FieldRef{d.field, kNoSlot, {}};
        }
        if (!name.starts_with(d.name) || name.size() == d.name.size()) continue;
        std::string parameter(name.substr(d.name.size()));
        if (d.field == Field::request_header)
            std::transform(parameter.begin(), parameter.end(), parameter.begin(), to_lower);
        for (const FieldRef& slot : slots_)
            if (slot.field == d.field && slot.parameter == parameter) return slot;
        if (slots_.size() == kMaxCaptures) return std::nullopt;
        add(d.field);
        slots_.push_back({d.field, static_cast<uint8_t>(slots_.size()), std::move(parameter)});
        return slots_.back();
    }
    return std::nullopt;
}

}  // namespace glassgate::model
