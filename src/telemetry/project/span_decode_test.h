// For tests: OTLP spans as text, decoded with protozero's reader. (The official decoder reads them
// in tests/e2e/otlp/.)
#pragma once

#include <cstdio>
#include <protozero/pbf_reader.hpp>
#include <string>

namespace glassgate::telemetry::testing {

inline std::string decode_hex(const std::string& bytes) {
    std::string out;
    for (const char c : bytes) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x",
                      static_cast<unsigned>(static_cast<uint8_t>(c)));
        out += digits;
    }
    return out;
}

inline std::string decode_attribute(protozero::pbf_reader pair) {
    std::string out;
    while (pair.next()) {
        if (pair.tag() == 1) {
            out += pair.get_string() + "=";
            continue;
        }
        protozero::pbf_reader any = pair.get_message();
        if (!any.next()) continue;
        switch (any.tag()) {
            case 1:
                out += "\"" + any.get_string() + "\"";
                break;
            case 2:
                out += any.get_bool() ? "true" : "false";
                break;
            case 3:
                out += std::to_string(any.get_int64());
                break;
            case 4:
                out += std::to_string(any.get_double());
                break;
            default:
                out += "?";
                any.skip();
        }
    }
    return out;
}

inline std::string decode_event(protozero::pbf_reader event) {
    std::string name, attributes;
    uint64_t time = 0;
    while (event.next()) {
        switch (event.tag()) {
            case 1:
                time = event.get_fixed64();
                break;
            case 2:
                name = event.get_string();
                break;
            case 3:
                attributes += " " + decode_attribute(event.get_message());
                break;
            default:
                event.skip();
        }
    }
    return "  event " + std::to_string(time) + " " + name + attributes + "\n";
}

inline std::string decode_status(protozero::pbf_reader status) {
    std::string message, code;
    while (status.next()) {
        if (status.tag() == 2)
            message = status.get_string();
        else if (status.tag() == 3)
            code = std::to_string(status.get_enum());
        else
            status.skip();
    }
    return "  status " + code + (message.empty() ? "" : " " + message) + "\n";
}

inline std::string decode_span(protozero::pbf_reader span) {
    std::string out = "span\n";
    while (span.next()) {
        switch (span.tag()) {
            case 1:
                out += "  trace_id " + decode_hex(span.get_bytes()) + "\n";
                break;
            case 2:
                out += "  span_id " + decode_hex(span.get_bytes()) + "\n";
                break;
            case 3:
                out += "  trace_state " + span.get_string() + "\n";
                break;
            case 4:
                out += "  parent " + decode_hex(span.get_bytes()) + "\n";
                break;
            case 5:
                out += "  name " + span.get_string() + "\n";
                break;
            case 6:
                out += "  kind " + std::to_string(span.get_enum()) + "\n";
                break;
            case 7:
                out += "  start " + std::to_string(span.get_fixed64()) + "\n";
                break;
            case 8:
                out += "  end " + std::to_string(span.get_fixed64()) + "\n";
                break;
            case 9:
                out += "  " + decode_attribute(span.get_message()) + "\n";
                break;
            case 11:
                out += decode_event(span.get_message());
                break;
            case 15:
                out += decode_status(span.get_message());
                break;
            case 16:
                out += "  flags " + std::to_string(span.get_fixed32()) + "\n";
                break;
            default:
                out += "  unknown field\n";
                span.skip();
        }
    }
    return out;
}

// Of a run of ScopeSpans.spans fields.
inline std::string decode_unit(std::string_view unit) {
    std::string out;
    protozero::pbf_reader reader(unit.data(), unit.size());
    while (reader.next()) {
        if (reader.tag() == 2)
            out += decode_span(reader.get_message());
        else {
            out += "unknown field\n";
            reader.skip();
        }
    }
    return out;
}

}  // namespace glassgate::telemetry::testing
