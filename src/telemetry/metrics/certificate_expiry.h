// CertificateExpiry: when the certificates in use end (flex_certificate_expiry_timestamp_seconds).
// Kept by whoever loads configurations: set at the start and at each reload. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "telemetry/metrics/registry.h"

namespace glassgate::telemetry {

class CertificateExpiry {
public:
    struct Certificate {
        std::string listener;     // label; of a client certificate for an upstream, its name
        std::string name;         // label: the host it is for, or its subject
        int64_t not_after_s = 0;  // Unix time
    };

    CertificateExpiry();

    // Takes the place of all set before. Several with the same labels (an RSA and an EC certificate
    // for one host) are one series: the one that ends first.
    void set(const std::vector<Certificate>& certificates);

    // To be given to MetricsRegistry::add_external, once. May outlive this object.
    [[nodiscard]] External family() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace glassgate::telemetry
