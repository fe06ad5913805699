// spec.telemetry.flightRecorder -> flight::RecorderSettings, and the fields its records show.
#include "config/draft.h"
#include "flight/select.h"

namespace glassgate::config {

void compile_flight(const Node* node, Draft& draft) {
    flight::RecorderSettings& flight = draft.flight;
    Fields fields(or_empty(node), draft.diagnostics, "flightRecorder");
    flight.enabled = fields.boolean("enabled", flight.enabled);
    flight.directory = fields.text("path", "");
    if (const Node* const path = fields.child("path");
        path != nullptr && path->kind == Node::Kind::scalar && path->scalar.empty())
        fields.mistake(path->position, "path is empty", "the path of a directory");
    flight.limits.max_bytes = read_unsigned(fields, "maxBytes", flight.limits.max_bytes,
                                            flight::kMinRingBytes, uint64_t{1} << 40);
    flight.limits.max_records =
        read_unsigned(fields, "maxRecords", flight.limits.max_records, 1000, 1'000'000'000);
    flight.selection.sample_rate = fields.number("sampleRate", flight.selection.sample_rate, 0, 1);
    flight.selection.slower_than_ns =
        read_unsigned<uint64_t>(fields, "slowerThanMs",
                                flight.selection.slower_than_ns / 1'000'000u, 0, kHourMs) *
        1'000'000u;
    flight.flush_ms = read_ms(fields, "flushMs", flight.flush_ms, 60'000);
    if (flight.enabled) flight::select_flight_fields(draft.names.captured);
}

}  // namespace glassgate::config
