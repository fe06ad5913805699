// What the configuration says about the audit log, compiled and checked. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace glassgate::audit {

// For syslog+tls and relp+tls.
struct TlsSettings {
    std::string authorities;       // PEM file; empty: the system's
    std::string certificate, key;  // ours, PEM files; empty: none
    std::string server_name;       // to find in the certificate instead of the URL's host
    bool operator==(const TlsSettings&) const = default;
};

struct Settings {
    bool enabled = false;
    std::string folder = "/var/lib/glassgate/audit";
    std::string key;  // empty: signing-key.pem in the folder's parent
    uint64_t checkpoint_records = 1000;
    uint32_t checkpoint_ms = 10'000;
    uint64_t segment_bytes = 256u << 20;
    uint32_t segment_hours = 24;
    uint64_t room_bytes = 32u << 20;
    uint32_t group_ms = 2;
    bool compress = true;
    std::vector<std::string> destinations;  // URLs
    TlsSettings tls;
    uint32_t send_timeout_ms = 5000;  // of a destination; then it counts as unreachable
};

}  // namespace glassgate::audit
