// From files to a plan: read YAML documents, check everything, compile. All mistakes are reported
// at once; on any error there is no configuration, so nothing can be half-applied.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit/settings.h"
#include "base/document.h"
#include "proxy/plan.h"
#include "telemetry/settings.h"

namespace glassgate::config {

// A limit in force, to tell what a reload changed (event rate_limit_config_updated).
struct RateLimitSetting {
    std::string route, state_key, summary;  // summary: PolicyPlan::summary(), "100/min"
};

struct Configuration {
    std::shared_ptr<const proxy::Plan> plan;
    telemetry::Settings telemetry;
    audit::Settings audit;
    std::vector<RateLimitSetting> rate_limits;
    std::vector<std::string> files;  // read beside the documents: certificates, keys
    std::string digest;              // of all input bytes: hexadecimal, short; for events and logs
};

struct Source {
    std::string name;  // as in diagnostics: the path as the user wrote it, or "<demo>"
    std::string text;
};

struct Loaded {
    std::optional<Configuration> configuration;  // nothing if diagnostics.has_errors()
    Diagnostics diagnostics;
    std::vector<std::string> files;  // every file read, for the watcher
};

// Looks up an environment variable; nullopt when unset. Default: getenv.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

// `paths`: files, or folders whose *.yaml and *.yml are read in the order of their names.
// `generation` becomes Plan::generation and PlanNames::generation. Never throws. Control thread.
[[nodiscard]] Loaded load(const std::vector<std::string>& paths, uint64_t generation,
                          const Environment& environment = {});
[[nodiscard]] Loaded load_sources(const std::vector<Source>& sources, uint64_t generation,
                                  const Environment& environment = {});

}  // namespace glassgate::config
