#include "telemetry/metrics/certificate_expiry.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "telemetry/metrics/catalogue.h"
#include "telemetry/metrics/number_text.h"

namespace glassgate::telemetry {
namespace {

// As the exposition shows it, so that labels that come out equal are equal here.
std::string shown(std::string_view text) {
    std::string out;
    append_utf8(out, text);
    return out;
}

}  // namespace

struct CertificateExpiry::State {
    std::mutex mutex;
    std::map<std::pair<std::string, std::string>, int64_t> ends;  // by listener and name
};

CertificateExpiry::CertificateExpiry() : state_(std::make_shared<State>()) {}

void CertificateExpiry::set(const std::vector<Certificate>& certificates) {
    std::map<std::pair<std::string, std::string>, int64_t> ends;
    for (const Certificate& c : certificates) {
        const auto [at, is_new] =
            ends.try_emplace({shown(c.listener), shown(c.name)}, c.not_after_s);
        if (!is_new) at->second = std::min(at->second, c.not_after_s);
    }
    const std::lock_guard lock(state_->mutex);
    state_->ends.swap(ends);
}

External CertificateExpiry::family() const {
    External external;
    external.name = "flex_certificate_expiry_timestamp_seconds";
    external.help = find_family(external.name)->help;
    external.type = MetricType::gauge;
    external.collect = [state = state_](std::vector<Sample>& samples) {
        const std::lock_guard lock(state->mutex);
        for (const auto& [labels, end_s] : state->ends)
            samples.push_back({{{"listener", labels.first}, {"name", labels.second}},
                               static_cast<double>(end_s)});
    };
    return external;
}

}  // namespace glassgate::telemetry
