#include "flight/select.h"

#include <cstring>

#include "flight/format.h"
#include "telemetry/project/field_value.h"
#include "telemetry/project/redact.h"

namespace glassgate::flight {
namespace {

using model::Exchange;
using model::Field;
using model::TextRef;

bool is_sampled(const Exchange& x, double rate) noexcept {
    if (rate >= 1) return true;
    if (rate <= 0) return false;
    const std::string_view id(reinterpret_cast<const char*>(x.trace_id.bytes.data()),
                              x.trace_id.bytes.size());
    // The upper half mixes worst in FNV: fold it.
    const uint64_t hash = fnv1a(id);
    const auto part = static_cast<uint32_t>(hash ^ hash >> 32);
    return part < rate * 4294967296.0;
}

class Copying {
public:
    Copying(const Exchange& x, const telemetry::LineFormat& line, std::string& text,
            std::string& scratch)
        : x_(x), line_(line), text_(text), scratch_(scratch) {}

    [[nodiscard]] TextRef keep(std::string_view value) {
        const TextRef ref{static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(value.size())};
        text_ += value;
        return ref;
    }
    // As the line shows it.
    [[nodiscard]] TextRef field(const telemetry::LineElement& element) {
        const auto value = telemetry::field_value(x_, element, line_.redact_query, scratch_);
        return value.kind == telemetry::FieldValue::Kind::text ? keep(value.text) : TextRef{};
    }
    [[nodiscard]] TextRef field(Field field) {
        telemetry::LineElement element;
        element.field = field;
        return this->field(element);
    }
    [[nodiscard]] TextRef scanned(TextRef ref) {
        return keep(telemetry::redacted(x_.str(ref), scratch_));
    }

private:
    const Exchange& x_;
    const telemetry::LineFormat& line_;
    std::string& text_;
    std::string& scratch_;
};

}  // namespace

std::optional<Kept> select(const Exchange& x, const Selection& selection) noexcept {
    if (x.failed()) return Kept::error;
    const bool through =
        x.ending == model::Ending::completed || x.ending == model::Ending::upgraded;
    if (!through || x.status >= 400) return Kept::refused;
    if (selection.slower_than_ns != 0 && x.latency_ns() > selection.slower_than_ns)
        return Kept::slow;
    if (is_sampled(x, selection.sample_rate)) return Kept::sampled;
    return std::nullopt;
}

void redact_into(const Exchange& x, const telemetry::LineFormat& line, Exchange& copy,
                 std::string& text, std::string& scratch) {
    copy = x;
    text.clear();
    Copying copying(x, line, text, scratch);
    copy.request_id = x.request_id_is_trace_id ? TextRef{} : copying.scanned(x.request_id);
    copy.trace_state = {};
    copy.method_text = x.method == Method::other ? copying.field(Field::request_method) : TextRef{};
    copy.path = copying.field(Field::request_path);
    copy.query = copying.field(Field::request_query);
    copy.host = copying.field(Field::request_host);
    copy.user_agent = copying.field(Field::request_user_agent);
    copy.remote_address = copying.field(Field::request_remote_address);
    copy.client_id = copying.field(Field::client_id);
    copy.client_name = copying.field(Field::client_name);
    copy.tls_version = copying.field(Field::tls_version);
    copy.tls_cipher = copying.field(Field::tls_cipher);
    copy.tls_client_cert_subject = copying.field(Field::tls_client_cert_subject);
    copy.tls_client_cert_serial = copying.field(Field::tls_client_cert_serial);
    copy.tls_client_cert_san = copying.field(Field::tls_client_cert_san);
    copy.tls_client_cert_fingerprint = copying.field(Field::tls_client_cert_fingerprint);
    copy.tls_server_name = copying.field(Field::tls_server_name);
    copy.detail = copying.scanned(x.detail);
    const auto& slots = x.names->captured.slots();
    for (std::size_t i = 0; i < model::kMaxCaptures; ++i) {
        copy.captures[i] = {};
        if (i >= slots.size() || x.captures[i].empty()) continue;
        telemetry::LineElement element;
        element.field = slots[i].field;
        element.slot = static_cast<uint8_t>(i);
        element.withheld = slots[i].field == Field::request_header &&
                           telemetry::is_secret_header(slots[i].parameter);
        copy.captures[i] = copying.field(element);
    }
    for (std::size_t i = 0; i < x.attempts.size(); ++i)
        copy.attempts[i].address = copying.keep(x.str(x.attempts[i].address));
    copy.text = text.data();
    copy.text_size = static_cast<uint32_t>(text.size());
}

model::Event redacted_event(const model::Event& event, std::string& scratch) {
    model::Event copy(event.kind, event.wall_ns);
    copy.level = event.level;
    copy.count = event.count;
    for (const model::EventAttribute& attribute : event.attributes) {
        if (attribute.is_number)
            copy.with(attribute.key, attribute.number);
        else
            copy.with(attribute.key, telemetry::redacted(event.str(attribute), scratch));
    }
    return copy;
}

model::Connection redacted_connection(const model::Connection& connection, std::string& scratch) {
    model::Connection copy = connection;
    const std::string_view detail =
        telemetry::redacted(std::string_view(connection.detail), scratch);
    const std::size_t size = std::min(detail.size(), sizeof copy.detail - 1);
    std::memcpy(copy.detail, detail.data(), size);
    copy.detail[size] = '\0';
    return copy;
}

void select_flight_fields(model::FieldSelection& captured) {
    using enum Field;
    for (const Field field : {request_id,
                              request_path,
                              request_query,
                              request_method,
                              request_host,
                              request_scheme,
                              request_protocol,
                              request_bytes,
                              request_remote_address,
                              request_user_agent,
                              response_status,
                              response_bytes,
                              response_duration_ms,
                              response_ending,
                              response_origin,
                              route_id,
                              route_path,
                              api_name,
                              client_id,
                              client_name,
                              tls_version,
                              tls_cipher,
                              tls_client_cert_subject,
                              tls_client_cert_serial,
                              tls_server_name,
                              grpc_status,
                              policy_outcomes,
                              upstream_name,
                              upstream_address,
                              upstream_attempts,
                              upstream_connect_ms,
                              upstream_first_byte_ms})
        captured.add(field);
}

}  // namespace glassgate::flight
