#include <CLI/CLI.hpp>

#include "gateway/demo/demo.h"

namespace glassgate::gateway {

void add_demo(CLI::App& app, int& status) {
    auto* demo = app.add_subcommand(
        "demo", "The flash-sale incident, live: gateway, upstreams and clients in one process.");
    static DemoOptions options;
    static bool colour = false;
    demo->add_option("--speed", options.speed, "How many times faster than two minutes (1 to 10)")
        ->check(CLI::Range(1.0, 10.0));
    demo->add_option("--scale", options.scale, "Share of the real request rates (0.01 to 1)")
        ->check(CLI::Range(0.01, 1.0));
    demo->add_flag("--listen", options.listen,
                   "Keep running after the incident, for a real Prometheus");
    demo->add_flag("--plain", options.plain,
                   "Print the panel every few seconds, without cursor control");
    demo->add_flag("--color", colour, "Colours also where the output is not a terminal");
    demo->add_option("--width", options.width, "Columns (80 to 140; default: the terminal's)");
    demo->add_option("--height", options.height, "Lines (at least 24; default: the terminal's)");
    demo->add_option("--json", options.json_path, "Write the summary as JSON to this file");
    demo->add_option("--keep-config", options.keep_config,
                     "Keep configuration and log in this directory");
    demo->add_option("--port", options.port, "Port of the traffic (default: 8080 if free; 0: any)")
        ->check(CLI::Range(0, 65535));
    demo->add_option("--metrics-port", options.metrics_port,
                     "Port of /metrics (default: 9090 if free; 0: any)")
        ->check(CLI::Range(0, 65535));
    demo->add_option("--seed", options.seed, "Seed of all that is random in clients and upstreams");
    demo->callback([&status] {
        if (colour) options.colour = Colour::always;
        status = run_demo(options);
    });
}

}  // namespace glassgate::gateway
