// What a batch of encoded spans is wrapped in: ExportTraceServiceRequest > ResourceSpans >
// ScopeSpans, and for gRPC the length prefix. Immutable: the resource is encoded once.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace glassgate::telemetry {

using ResourceAttributes = std::vector<std::pair<std::string, std::string>>;

// service.name, service.version, telemetry.sdk.*, host.name, flex.gateway.name, then the user's;
// where both name a key the user's value holds, because keys must be unique.
[[nodiscard]] ResourceAttributes resource_attributes(std::string_view service_name,
                                                     std::string_view gateway_name,
                                                     const ResourceAttributes& users);

class OtlpEnvelope {
public:
    explicit OtlpEnvelope(const ResourceAttributes& resource);

    // Appends the whole request; `units` are runs of ScopeSpans.spans fields (project/span.h).
    // `grpc_framed`: with the 5-byte prefix of a gRPC message in front.
    void append(std::span<const std::string_view> units, bool grpc_framed, std::string& out) const;

private:
    std::string resource_field_;  // ResourceSpans.resource, with tag and length
    std::string scope_field_;     // ScopeSpans.scope, with tag and length
    std::string schema_field_;    // ScopeSpans.schema_url, with tag and length
};

}  // namespace glassgate::telemetry
