// The few shapes of OTLP that a span is made of, on top of protozero. Field numbers:
// open-telemetry/opentelemetry-proto, opentelemetry/proto/{trace,common}/v1/*.proto.
#pragma once

#include <cstdint>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <string_view>

namespace glassgate::telemetry {

// Attribute values longer than this are cut: a header section may be 60 KiB, a span should not.
inline constexpr std::size_t kAttributeBytesMax = 4096;

// Adds KeyValue attributes to the message behind `message`: `field` is 9 in Span, 3 in Span.Event,
// 1 in Resource. Keys and values must be UTF-8.
class AttributeWriter {
public:
    AttributeWriter(protozero::pbf_writer& message, protozero::pbf_tag_type field)
        : message_(message), field_(field) {}

    void text(std::string_view key, std::string_view value);
    void text_unless_empty(std::string_view key, std::string_view value) {
        if (!value.empty()) text(key, value);
    }
    void integer(std::string_view key, uint64_t value);
    void boolean(std::string_view key, bool value);
    void number(std::string_view key, double value);

private:
    protozero::pbf_writer& message_;
    protozero::pbf_tag_type field_;
};

// `text` itself when it is UTF-8, otherwise `scratch`, filled with a copy in which every maximal
// ill-formed part is U+FFFD (Unicode 15, §3.9, "substitution of maximal subparts"). At most
// kAttributeBytesMax bytes, cut between characters.
[[nodiscard]] std::string_view as_attribute_text(std::string_view text, std::string& scratch);

// "host:port", "[v6]:port" or either without port. `port` is 0 when absent or not a number.
struct HostPort {
    std::string_view host;
    uint16_t port = 0;
};
[[nodiscard]] HostPort split_host_port(std::string_view text) noexcept;

}  // namespace glassgate::telemetry
