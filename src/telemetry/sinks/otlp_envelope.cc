#include "telemetry/sinks/otlp_envelope.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>

#include "telemetry/project/span_writer.h"

namespace glassgate::telemetry {
namespace {

// The version of the build, where the build tells it; an empty one is left out.
#ifdef GLASSGATE_VERSION
constexpr std::string_view kVersion = GLASSGATE_VERSION;
#else
constexpr std::string_view kVersion = "";
#endif

// The semantic conventions the span attributes follow.
constexpr std::string_view kSchemaUrl = "https://opentelemetry.io/schemas/1.37.0";

// opentelemetry/proto/trace/v1/trace.proto and collector/trace/v1/trace_service.proto
constexpr protozero::pbf_tag_type kRequestResourceSpans = 1;
constexpr protozero::pbf_tag_type kResourceSpansResource = 1, kResourceSpansScopeSpans = 2;
constexpr protozero::pbf_tag_type kScopeSpansScope = 1, kScopeSpansSchemaUrl = 3;
constexpr protozero::pbf_tag_type kResourceAttributes = 1;  // resource/v1/resource.proto
constexpr protozero::pbf_tag_type kScopeName = 1, kScopeVersion = 2;

std::string host_name() {
    char name[256] = {};
    if (gethostname(name, sizeof name - 1) != 0) return {};
    return name;
}

constexpr std::size_t varint_size(uint64_t value) noexcept {
    std::size_t size = 1;
    for (; value >= 0x80; value >>= 7) ++size;
    return size;
}

// A length-delimited field of this content length; all tags here are below 16, one byte.
constexpr std::size_t field_size(std::size_t content) noexcept {
    return 1 + varint_size(content) + content;
}

void append_field_head(std::string& out, protozero::pbf_tag_type tag, std::size_t content) {
    constexpr unsigned kLengthDelimited = 2;
    out += static_cast<char>(tag << 3 | kLengthDelimited);
    protozero::write_varint(std::back_inserter(out), content);
}

void append_grpc_prefix(std::string& out, std::size_t length) {
    out += '\0';  // not compressed
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(length >> shift & 0xff);
}

}  // namespace

ResourceAttributes resource_attributes(std::string_view service_name, std::string_view gateway_name,
                                       const ResourceAttributes& users) {
    ResourceAttributes all{{"service.name", std::string(service_name)},
                           {"service.version", std::string(kVersion)},
                           {"telemetry.sdk.name", "glassgate"},
                           {"telemetry.sdk.language", "cpp"},
                           {"telemetry.sdk.version", std::string(kVersion)},
                           {"host.name", host_name()},
                           {"flex.gateway.name", std::string(gateway_name)}};
    for (const auto& [key, value] : users) {
        const auto same = std::find_if(all.begin(), all.end(),
                                       [&key](const auto& known) { return known.first == key; });
        if (same != all.end())
            same->second = value;
        else
            all.emplace_back(key, value);
    }
    std::erase_if(all, [](const auto& attribute) { return attribute.second.empty(); });
    return all;
}

OtlpEnvelope::OtlpEnvelope(const ResourceAttributes& resource) {
    std::string key_scratch, value_scratch;
    {
        protozero::pbf_writer field(resource_field_);
        protozero::pbf_writer message(field, kResourceSpansResource);
        AttributeWriter attributes(message, kResourceAttributes);
        for (const auto& [key, value] : resource)
            attributes.text(as_attribute_text(key, key_scratch),
                            as_attribute_text(value, value_scratch));
    }
    {
        protozero::pbf_writer field(scope_field_);
        protozero::pbf_writer scope(field, kScopeSpansScope);
        scope.add_string(kScopeName, "glassgate");
        if (!kVersion.empty()) scope.add_string(kScopeVersion, kVersion.data(), kVersion.size());
    }
    protozero::pbf_writer schema(schema_field_);
    schema.add_string(kScopeSpansSchemaUrl, kSchemaUrl.data(), kSchemaUrl.size());
}

void OtlpEnvelope::append(std::span<const std::string_view> units, bool grpc_framed,
                          std::string& out) const {
    std::size_t scope_spans = scope_field_.size() + schema_field_.size();
    for (const std::string_view unit : units) scope_spans += unit.size();
    const std::size_t resource_spans = resource_field_.size() + field_size(scope_spans);
    const std::size_t request = field_size(resource_spans);
    out.reserve(out.size() + request + 5);
    if (grpc_framed) append_grpc_prefix(out, request);
    append_field_head(out, kRequestResourceSpans, resource_spans);
    out += resource_field_;
    append_field_head(out, kResourceSpansScopeSpans, scope_spans);
    out += scope_field_;
    for (const std::string_view unit : units) out += unit;
    out += schema_field_;
}

}  // namespace glassgate::telemetry
