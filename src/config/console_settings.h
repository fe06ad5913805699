// What the configuration says about the console and its API (port 9900), compiled and checked.
// Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace glassgate::config {

// What somebody may do: look, or also act (silence an alert, write samples).
enum class ConsoleRole : uint8_t { anyone, viewer, operator_ };

struct ConsoleCredential {
    std::string name;
    ConsoleRole role = ConsoleRole::viewer;
    // As `glassgate password` prints it. One of the two is empty.
    std::string password;  // scrypt:LOG2N:R:P:SALT:HASH, for HTTP Basic
    std::string token;     // sha256:HEX, for Bearer
    bool operator==(const ConsoleCredential&) const = default;
};

struct ConsoleSettings {
    bool enabled = true;
    std::string address = "127.0.0.1";  // numeric; beyond loopback only with credentials
    uint16_t port = 9900;               // 0: any free port (tests)
    std::vector<ConsoleCredential> credentials;
    // Names the console is reached by, besides localhost and addresses; only looked at while there
    // are no credentials.
    std::vector<std::string> hosts;
    std::string cors_origin = ".*";  // RE2, anchored; as Prometheus' --web.cors.origin
    bool required = false;           // written down: not to be able to listen is an error
    bool operator==(const ConsoleSettings&) const = default;
};

// Whether an address is the machine's own: 127.0.0.0/8 or ::1.
[[nodiscard]] bool is_loopback(std::string_view address) noexcept;
// Empty: good; else why these settings must not be listened with.
[[nodiscard]] std::string_view problem_with_exposure(const ConsoleSettings& settings);

}  // namespace glassgate::config
