// FLEX_* environment variables, as Flex Gateway documents them.
#include <algorithm>

#include "base/text.h"
#include "config/duration.h"
#include "config/flex/settings.h"

namespace glassgate::config::flex {
namespace {

constexpr uint64_t kDayMs = 24 * kHourMs;

class Variables {
public:
    Variables(const Environment& environment, Diagnostics& diagnostics)
        : environment_(environment), diagnostics_(diagnostics) {}

    // A number is seconds; 5s, 500ms and 1m are understood as well.
    void duration(const std::string& name, uint64_t& ms) {
        const auto text = environment_(name);
        if (!text || text->empty()) return;
        std::optional<uint64_t> value = parse_u64(*text);
        value = value && *value <= kDayMs / 1000 ? std::optional(*value * 1000)
                                                 : parse_duration_ms(*text);
        if (value && *value >= 1 && *value <= kDayMs)
            ms = *value;
        else
            wrong(name, *text, "seconds, up to 86400");
    }
    void duration(const std::string& name, std::optional<uint64_t>& ms) {
        uint64_t value = 0;
        duration(name, value);
        if (value != 0) ms = value;
    }
    void boolean(const std::string& name, bool& value) {
        const auto text = environment_(name);
        if (!text || text->empty()) return;
        if (*text != "true" && *text != "false") wrong(name, *text, "true or false");
        value = *text == "true";
    }
    void choice(const std::string& name,
                const std::vector<std::pair<std::string_view, std::string_view>>& meanings,
                std::string& value) {
        const auto text = environment_(name);
        if (!text || text->empty()) return;
        std::string expected;
        for (const auto& [word, meaning] : meanings) {
            expected += (expected.empty() ? "" : ", ") + std::string(word);
            if (*text != word) continue;
            value = meaning;
            return;
        }
        wrong(name, *text, "one of " + expected);
    }
    void without_meaning(const std::string& name, const std::string& why) {
        if (environment_(name))
            diagnostics_.warning(place_, "variable " + name + " has no effect: " + why);
    }

private:
    void wrong(const std::string& name, const std::string& text, const std::string& expected) {
        diagnostics_.error(place_, "variable " + name + " is " + quote(text), expected);
    }
    const Environment& environment_;
    Diagnostics& diagnostics_;
    const Position place_{std::make_shared<const std::string>("<environment>"), 0, 0};
};

}  // namespace

void read_variables(const Environment& environment, Settings& settings, Diagnostics& diagnostics) {
    Variables variables(environment, diagnostics);
    variables.duration("FLEX_CONNECTION_IDLE_TIMEOUT_SECONDS", settings.client_idle_ms);
    variables.duration("FLEX_STREAM_IDLE_TIMEOUT_SECONDS", settings.stream_idle_ms);
    variables.duration("FLEX_UPSTREAM_CONNECTION_IDLE_TIMEOUT_SECONDS", settings.pool_idle_ms);
    variables.duration("FLEX_UPSTREAM_RESPONSE_TIMEOUT_SECONDS", settings.response_ms);
    variables.duration("FLEX_DNS_REFRESH_RATE", settings.dns_refresh_ms);
    variables.duration("FLEX_SERVICE_ENVOY_DRAIN_TIME", settings.drain_ms);
    uint64_t debounce_ms = 0;  // see debounce_ms()
    variables.duration("FLEX_SYNC_DEBOUNCE_TIME", debounce_ms);
    variables.boolean("FLEX_REWRITE_HOST_HEADER", settings.rewrite_host);
    variables.choice("FLEX_FORWARD_CLIENT_CERT_DETAILS",
                     {{"SANITIZE", "sanitize"},
                      {"FORWARD_ONLY", "forward"},
                      {"APPEND_FORWARD", "append"},
                      {"SANITIZE_SET", "set"},
                      {"ALWAYS_FORWARD_ONLY", "always-forward"}},
                     settings.forward_client_cert);
    variables.choice("FLEX_LOG_LEVEL",
                     {{"0", "error"},
                      {"1", "error"},
                      {"2", "warn"},
                      {"4", "info"},
                      {"8", "debug"},
                      {"16", "debug"}},
                     settings.log_level);
    const std::string ours = "there is no Envoy here";
    variables.without_meaning("FLEX_ENVOY_HEADERS_ENABLED", ours);
    variables.without_meaning("FLEX_REMOVE_SERVER_HEADER",
                              "the header Server is the upstream's, and none is added");
    variables.without_meaning("FLEX_HEADER_RAW_VALUE_ENABLE", ours);
    variables.without_meaning("FLEX_DOWNSTREAM_CONNECTION_BUFFER_LIMIT_BYTES",
                              "bodies are streamed, not buffered");
    variables.without_meaning("FLEX_FLUENTBIT_OUTPUT_STORAGE_TOTAL_LIMIT_SIZE",
                              "there is no Fluent Bit here; see logging.queueBytes");
    variables.without_meaning("FLEX_DATASOURCE_CONTROL_NODE_ENABLED",
                              "there is no control plane to ask");
    variables.without_meaning("FLEX_DATASOURCE_K8S_ENABLED",
                              "Kubernetes resources are read from mounted files only");
}

}  // namespace glassgate::config::flex
