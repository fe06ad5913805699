// `glassgate demo`: the incident, live: built-in upstreams and clients around a real gateway, and a
// panel in the terminal. Needs nothing else; leaves nothing behind.
#pragma once

#include <cstdint>
#include <string>

namespace CLI {
class App;
}

namespace glassgate::gateway {

enum class Colour : uint8_t { automatic, always, never };

struct DemoOptions {
    double speed = 1;     // 1 to 10: phases, timeouts and pauses are shorter by it
    double scale = 1;     // share of the real request rates; above 0, at most 1
    bool listen = false;  // goes on with baseline traffic after the incident
    bool plain = false;   // a picture of the panel every few seconds, no cursor control
    Colour colour = Colour::automatic;
    unsigned width = 0, height = 0;  // of the panel; 0: the terminal's
    std::string json_path;           // the summary as JSON; empty: none
    std::string keep_config;         // a directory in which configuration and log stay; empty: none
    int port = -1;                   // traffic; -1: 8080 if free, else any; 0: any
    int metrics_port = -1;           // -1: 9090 if free, else any; 0: any
    uint64_t seed = 42;
};

// Returns the exit status: 0 good (also when interrupted), 1 an option is wrong, 2 the environment
// failed. SIGINT, SIGTERM, SIGHUP and SIGPIPE end it in order.
int run_demo(const DemoOptions& options);

// The command `demo` of the command line.
void add_demo(CLI::App& app, int& status);

}  // namespace glassgate::gateway
