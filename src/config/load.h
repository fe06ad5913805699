// From files to a plan: read YAML documents, check everything, compile. All mistakes are reported
// at once; on any error there is no configuration, so nothing can be half-applied.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "alert/settings.h"
#include "base/document.h"
#include "config/console_settings.h"
#include "config/digest.h"
#include "config/store_settings.h"
#include "flight/settings.h"
#include "io/tls/ticket_keys.h"
#include "proxy/plan.h"
#include "telemetry/settings.h"

namespace glassgate::config {

// A limit in force, to tell what a reload changed (event rate_limit_config_updated).
struct RateLimitSetting {
    std::string route, state_key, summary;  // summary: PolicyPlan::summary(), "100/min"
};

// When a certificate of ours ends, for flex_certificate_expiry_timestamp_seconds. One of `listener`
// and `upstream` is empty: servers show theirs on a listener, clients to an upstream.
struct CertificateExpiry {
    std::string listener, upstream;
    std::string name;  // its first DNS name, else URI, else subject; of equal names the earliest
    int64_t not_after_s = 0;  // Unix time
};

// The probes Flex Gateway answers on a port of their own.
struct ProbeSetting {
    uint16_t port = 3000;
    bool operator==(const ProbeSetting&) const = default;
};

struct Configuration {
    std::shared_ptr<const proxy::Plan> plan;
    std::optional<ProbeSetting> probe;
    telemetry::Settings telemetry;
    flight::RecorderSettings flight;
    alert::Settings alerting;
    StoreSettings store;
    ConsoleSettings console;
    std::vector<RateLimitSetting> rate_limits;
    std::vector<CertificateExpiry> certificates;
    // Those that are made here, not read from a file: whoever holds the configuration calls
    // rotate() on each. They live on over reloads as long as their settings stay.
    std::vector<std::shared_ptr<io::tls::TicketKeys>> ticket_keys;
    // What the plan's TLS contexts and allow lists were made from, in words, for explain.
    std::map<const void*, std::string> tls_words;
    // Of all input bytes but the files of private keys and ticket keys: hexadecimal, short; for
    // events and logs.
    std::string digest;
};

struct Source {
    std::string name;  // as in diagnostics: the path as the user wrote it, or "<demo>"
    std::string text;
};

// A file and what it held when it was used; being unreadable is a content, too.
struct SeenFile {
    std::string path;
    Digest content;
};

struct Loaded {
    std::optional<Configuration> configuration;  // nothing if diagnostics.has_errors()
    Diagnostics diagnostics;
    std::vector<std::string> files;  // every file read, or tried
    std::vector<SeenFile> seen;      // the same, for Watcher::also_watch; each once
};

// Looks up an environment variable; nullopt when unset. Default: getenv.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

// `paths`: files, or folders whose *.yaml and *.yml are read in the order of their names. The text
// of the variable FLEX_CONFIG is read after them, where it is set.
// `generation` becomes Plan::generation and PlanNames::generation. Never throws. Control thread.
[[nodiscard]] Loaded load(const std::vector<std::string>& paths, uint64_t generation,
                          const Environment& environment = {});
[[nodiscard]] Loaded load_sources(const std::vector<Source>& sources, uint64_t generation,
                                  const Environment& environment = {});

}  // namespace glassgate::config
