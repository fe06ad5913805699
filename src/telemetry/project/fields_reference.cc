#include "telemetry/project/fields_reference.h"

#include <array>
#include <string_view>

#include "model/ending.h"
#include "model/event.h"
#include "model/field.h"

namespace glassgate::telemetry {
namespace {

using model::EventKind;

// What an event says and which attributes its line has, in their order.
struct EventDoc {
    EventKind kind;
    std::string_view attributes, doc;
};
constexpr std::array<EventDoc, model::kEventKindCount> kEvents{{
    {EventKind::rate_limit_exceeded, "client_id, path, limit, current, route",
     "A request was refused by a rate limit. Coalesced by route and client."},
    {EventKind::upstream_timeout, "path, upstream, duration_ms, request_id, route",
     "The upstream did not connect, answer or go on in time. Coalesced by route."},
    {EventKind::upstream_failed, "path, upstream, duration_ms, request_id, reason, route",
     "The upstream failed in another way; `reason` is the ending. Coalesced by route."},
    {EventKind::auth_failed, "route, reason, client_address, client_id",
     "Who asked is unknown, unproven or not allowed. Coalesced by route and address."},
    {EventKind::circuit_breaker_open, "route, upstream, consecutive_failures, open_ms",
     "Requests of the route are refused without asking the upstream."},
    {EventKind::circuit_breaker_half_open, "route, upstream", "A probe is let through."},
    {EventKind::circuit_breaker_closed, "route, upstream", "The upstream answers again."},
    {EventKind::target_unhealthy, "upstream, target, reason", "Active health checks have failed."},
    {EventKind::target_healthy, "upstream, target", "Active health checks succeed again."},
    {EventKind::target_ejected, "upstream, target, consecutive_failures, eject_ms",
     "Too many failures in a row: the target is left out for a while."},
    {EventKind::target_returned, "upstream, target", "An ejected target takes part again."},
    {EventKind::dns_failed, "host, reason, addresses_kept",
     "A name does not resolve; the last addresses stay in use. Once until it does."},
    {EventKind::dns_changed, "host, addresses", "A name resolves to other addresses."},
    {EventKind::rate_limit_config_updated, "new_limit, old_limit, route",
     "A reload changed a limit."},
    {EventKind::config_applied, "generation, digest, routes, took_ms",
     "A configuration took effect."},
    {EventKind::config_rejected, "reason, errors, generation_in_force",
     "A configuration has mistakes; the one before stays."},
    {EventKind::error_rate_recovering, "route, error_rate, target, p99_ms",
     "The error rate over 15 s has come under half of its peak, after it had been above 5 %. Once "
     "an episode."},
    {EventKind::tls_handshake_failed, "listener, client_address, reason, detail",
     "A TLS handshake failed; `reason` is the label of flex_tls_handshake_failures_total. "
     "Coalesced by listener and address."},
    {EventKind::connection_refused, "listener, client_address, reason, detail",
     "A connection was turned away or given up: the listener's limit, a bad PROXY header, or one "
     "of "
     "the defences of HTTP/2; `reason` is the ending label of flex_connection_endings_total. "
     "Coalesced by listener, reason and address."},
    {EventKind::telemetry_lost, "sink, records, events, reason",
     "Records could not be kept or delivered; `sink` is `all` when a worker's ring was full. Once "
     "a second."},
    {EventKind::audit_unavailable, "", "What must be recorded cannot be; audited routes refuse."},
    {EventKind::gateway_started, "version, gateway, workers, digest", "The gateway serves."},
    {EventKind::gateway_draining, "", "No new connections; open requests finish."},
    {EventKind::gateway_stopped, "", "All has ended."},
    {EventKind::log_write_failed, "sink, error",
     "A log cannot be written, rotated or reopened. At first, then every 30 s as long as it goes "
     "on."},
}};

constexpr std::string_view kInterimText =
    "\n### Long streams\n\n"
    "WebSocket, server-sent events and gRPC streams may live for hours. While one does, it has an "
    "interim line\n"
    "from time to time: the same fields as far as they are known, `response.bytes`, "
    "`request.bytes` and\n"
    "`response.duration_ms` so far, `response.ending` and `response.origin` null, and "
    "`\"interim\":true`\n"
    "(`interim=true` in the text format) behind them. Its level is `info`. Exactly one line "
    "without that key\n"
    "follows at the end. Interim lines are no requests: metrics and `flex_telemetry_records_total` "
    "do not count\n"
    "them, `flex_telemetry_events_total` does. Where a queue is more than half full they are the "
    "first to be lost.\n";

constexpr bool events_are_in_order() {
    for (std::size_t i = 0; i < kEvents.size(); ++i)
        if (static_cast<std::size_t>(kEvents[i].kind) != i) return false;
    return true;
}
static_assert(events_are_in_order());

std::string_view type_text(model::FieldType type) noexcept {
    constexpr std::string_view kTypes[] = {"text", "integer", "milliseconds", "timestamp", "list"};
    return kTypes[static_cast<std::size_t>(type)];
}

std::string_view redaction_text(model::Sensitivity sensitivity) noexcept {
    constexpr std::string_view kTexts[] = {"", "cards and tokens masked",
                                           "secrets removed, cards and tokens masked"};
    return kTexts[static_cast<std::size_t>(sensitivity)];
}

void append_row(std::string& out, std::initializer_list<std::string_view> cells) {
    for (const std::string_view cell : cells) {
        out += "| ";
        out += cell;
        out += ' ';
    }
    out += "|\n";
}

std::string code(std::string_view text) { return "`" + std::string(text) + "`"; }

void append_fields(std::string& out) {
    append_row(out, {"field", "type", "redaction", "meaning"});
    append_row(out, {"---", "---", "---", "---"});
    for (const model::FieldDescription& field : model::field_catalogue()) {
        std::string name(field.name);
        if (name.back() == '.')
            name += field.field == model::Field::jwt_claim ? "<claim>" : "<name>";
        append_row(
            out, {code(name), type_text(field.type), redaction_text(field.sensitivity), field.doc});
    }
}

void append_events(std::string& out) {
    append_row(out, {"event", "level", "attributes", "meaning"});
    append_row(out, {"---", "---", "---", "---"});
    for (const EventDoc& event : kEvents)
        append_row(out, {code(to_text(event.kind)), to_text(default_level(event.kind)),
                         event.attributes, event.doc});
}

void append_endings(std::string& out) {
    append_row(out, {"ending", "origin", "status", "meaning"});
    append_row(out, {"---", "---", "---", "---"});
    for (std::size_t i = 0; i < model::kEndingCount; ++i) {
        const model::EndingInfo& ending = info(static_cast<model::Ending>(i));
        append_row(
            out, {code(ending.slug), to_text(ending.origin),
                  ending.status == 0 ? std::string() : std::to_string(ending.status), ending.doc});
    }
}

}  // namespace

std::string fields_reference_markdown() {
    std::string out =
        "# Log fields and events\n\n"
        "Generated from src/model/field.cc, src/model/event.cc and src/model/ending.cc.\n\n"
        "## Fields\n\n"
        "`spec.telemetry.logging.fields` selects the keys of an access line and their order. A "
        "line is one\n"
        "JSON object; keys are flat and dotted. What a request does not have is `null`. A field "
        "that no part\n"
        "of a configuration asks for is not captured at all.\n\n"
        "`policy.outcomes` is a list of `{\"policy\", \"verdict\", \"reason\", \"ms\"}` in chain "
        "order; the verdict\n"
        "is `pass` or `reply`. Milliseconds have three decimals.\n\n";
    append_fields(out);
    out += kInterimText;
    out +=
        "\n### Redaction\n\n"
        "Card numbers (13 to 19 digits that pass the Luhn check, with blanks or dashes between "
        "them, also\n"
        "percent-encoded) keep their last four digits. JSON Web Tokens and what follows `Bearer` "
        "become `***`.\n"
        "Of `request.query` every value becomes `***`; with `redactQuery: false` those of names "
        "that say they\n"
        "are secret (token, password, api_key, code, signature, ...). Headers that are "
        "credentials\n"
        "(Authorization, Cookie, Proxy-Authorization, Set-Cookie, x-api-key, ...) are `***` "
        "whatever they hold.\n\n"
        "## Endings\n\n`response.ending` says how an exchange ended, `response.origin` whose doing "
        "it was.\n\n";
    append_endings(out);
    out +=
        "\n## Events\n\n"
        "Lines with the key `event` tell what happened apart from single requests:\n"
        "`timestamp`, `level`, `event`, the attributes below as far as they are known, and `count` "
        "when the line\n"
        "stands for more than one. In a flood the first comes at once, then one line a second with "
        "the count.\n"
        "Access lines are written from the level `info` on; at `warn` those with a status of 400 "
        "and more, at\n"
        "`error` only failures. Events are written from their own level on.\n\n";
    append_events(out);
    return out;
}

}  // namespace glassgate::telemetry
