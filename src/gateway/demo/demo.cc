#include "gateway/demo/demo.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "gateway/demo/clients.h"
#include "gateway/demo/demo_config.h"
#include "gateway/demo/figures.h"
#include "gateway/demo/panel_model.h"
#include "gateway/demo/panel_view.h"
#include "gateway/demo/scenario.h"
#include "gateway/demo/summary.h"
#include "gateway/demo/terminal.h"
#include "gateway/demo/upstreams.h"
#include "gateway/gateway.h"

namespace glassgate::gateway {
namespace demo {
namespace {

constexpr int kGood = 0, kInputWrong = 1, kEnvironmentFailed = 2;
constexpr double kDescriptorsAtFullScale = 9000;

// What the collector's thread writes and the panel reads.
struct Panel {
    explicit Panel(PanelModel::Setup setup) : model(std::move(setup)) {}
    std::mutex mutex;
    PanelModel model;
    std::vector<std::string> diagnostics;
};

PanelModel::Setup panel_setup(const Scenario& scenario) {
    PanelModel::Setup setup;
    setup.start_ns = mono_now_ns();
    setup.sale_s = scenario.sale_s;
    setup.window_s = scenario.window_s;
    setup.alert_divisor = scenario.alert_divisor;
    for (const EndpointRow& row : kEndpoints) setup.endpoints.emplace_back(row.label);
    return setup;
}

// Raises the limit of descriptors as far as it goes and returns it.
double raise_descriptors() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<double>(limit.rlim_cur);
}

// A request under way takes four: a client's, the gateway's two, a service's; and some are idle.
uint64_t most_under_way(double descriptors) {
    return static_cast<uint64_t>(std::clamp((descriptors - 500) / 5, 50.0, 4000.0));
}

bool wants_colour(const DemoOptions& options) {
    if (options.colour != Colour::automatic) return options.colour == Colour::always;
    const char* no = std::getenv("NO_COLOR");
    return (no == nullptr || *no == '\0') && isatty(STDOUT_FILENO) == 1;
}

class Demo {
public:
    explicit Demo(const DemoOptions& options)
        : options_(options),
          plain_(options.plain || isatty(STDOUT_FILENO) != 1),
          colour_(wants_colour(options)),
          scenario_(make_scenario(options.speed,
                                  std::min(options.scale, descriptors_ / kDescriptorsAtFullScale),
                                  options.seed)),
          panel_(panel_setup(scenario_)) {}

    int run() {
        if (const int status = start(); status != kGood) return status;
        play();
        return finish();
    }

private:
    int start();
    int start_gateway(const DemoPorts& ports);
    void play();
    void apply_hotfix();
    void draw(Screen* screen);
    [[nodiscard]] double elapsed_s() const {
        return static_cast<double>(mono_now_ns() - clients_->started_ns()) / 1e9;
    }
    [[nodiscard]] std::string note(double t_s);
    [[nodiscard]] std::string ports_text() const;
    int finish();

    const DemoOptions& options_;
    const double descriptors_ = raise_descriptors();
    const bool plain_, colour_;
    const Scenario scenario_;
    Panel panel_;
    Signals signals_;
    std::optional<Workplace> workplace_;
    std::unique_ptr<Upstreams> upstreams_;
    std::unique_ptr<Gateway> gateway_;
    std::unique_ptr<Clients> clients_;
    bool hotfix_written_ = false, interrupted_ = false;
    std::string problem_;  // of the hotfix; shown and said at the end
};

int environment_failed(const std::string& message) {
    std::fprintf(stderr, "glassgate demo: %s\n", message.c_str());
    return kEnvironmentFailed;
}

int Demo::start() {
    auto workplace = Workplace::make(options_.keep_config);
    if (!workplace) return environment_failed(workplace.error().message);
    workplace_.emplace(std::move(*workplace));
    auto upstreams = Upstreams::start(scenario_.product_service, options_.seed);
    if (!upstreams) return environment_failed(upstreams.error().message);
    upstreams_ = std::move(*upstreams);
    DemoPorts ports;
    ports.traffic = options_.port < 0 ? free_or_any(8080) : static_cast<uint16_t>(options_.port);
    ports.metrics = options_.metrics_port < 0 ? free_or_any(9090)
                                              : static_cast<uint16_t>(options_.metrics_port);
    ports.console = options_.metrics_port < 0 ? free_or_any(9900) : 0;
    for (std::size_t i = 0; i < kServiceCount; ++i)
        ports.services[i] = upstreams_->port(static_cast<Service>(i));
    if (const int status = start_gateway(ports); status != kGood) return status;
    {
        const std::lock_guard lock(panel_.mutex);
        panel_.model.begin(mono_now_ns(), wall_now_ns());
    }
    auto clients = Clients::start(scenario_, gateway_->port("public"), options_.seed + 1,
                                  most_under_way(descriptors_));
    if (!clients) return environment_failed(clients.error().message);
    clients_ = std::move(*clients);
    if (plain_) write_out(ports_text() + "\n");
    return kGood;
}

int Demo::start_gateway(const DemoPorts& ports) {
    const std::string yaml = demo_yaml(scenario_, ports, workplace_->log_path(), options_.listen);
    if (auto written = replace_file(workplace_->config_path(), yaml); !written)
        return environment_failed(written.error().message);
    Options options;
    options.in_memory = true;  // a demo leaves nothing behind
    options.paths = {workplace_->config_path()};
    options.report = [this](const Diagnostics& diagnostics) {
        const std::lock_guard lock(panel_.mutex);
        for (const Diagnostic& d : diagnostics.all()) panel_.diagnostics.push_back(to_text(d));
    };
    options.tap.exchange = [this](const model::Exchange& exchange) {
        const std::lock_guard lock(panel_.mutex);
        panel_.model.exchange(exchange);
    };
    options.tap.event = [this](const model::Event& event) {
        const std::lock_guard lock(panel_.mutex);
        panel_.model.event(event);
    };
    auto started = Gateway::start(std::move(options));
    for (const std::string& line : panel_.diagnostics) std::fprintf(stderr, "%s\n", line.c_str());
    if (!started) {
        // The configuration is ours: what is wrong with it is not the user's doing.
        return environment_failed(started.error().message.empty() ? "the gateway did not start"
                                                                  : started.error().message);
    }
    gateway_ = std::move(*started);
    return kGood;
}

std::string Demo::ports_text() const {
    std::string text =
        "traffic http://127.0.0.1:" + std::to_string(gateway_->port("public")) +
        "  metrics http://127.0.0.1:" + std::to_string(gateway_->metrics_port()) +
        "/metrics  console http://127.0.0.1:" + std::to_string(gateway_->console_port());
    if (options_.port < 0 && gateway_->port("public") != 8080) text += "  (8080 is taken)";
    if (options_.metrics_port < 0 && gateway_->metrics_port() != 9090) text += "  (9090 is taken)";
    if (!options_.keep_config.empty()) text += "  config " + workplace_->config_path();
    return text;
}

std::string Demo::note(double t_s) {
    if (!problem_.empty()) return problem_;
    if (const uint64_t held = clients_->totals().held_back; held > 0)
        return "this machine is too busy: " + with_thousands(held) + " requests could not be sent";
    const bool slow = upstreams_->pressure() > 0.5;
    switch (scenario_.phase(t_s)) {
        case Phase::baseline:
            return "ordinary traffic";
        case Phase::flash_sale:
            return slow ? "product-service is overloaded: slow, and some requests never get an "
                          "answer"
                        : "mob-4f7a polls without a pause";
        case Phase::hotfix:
            return std::string("gateway.yaml now says 50/min: ") +
                   (slow ? "fewer requests reach product-service"
                         : "product-service has recovered");
        case Phase::afterwards:
            return "baseline traffic goes on until Ctrl-C";
    }
    return {};
}

void Demo::draw(Screen* screen) {
    const double t_s = elapsed_s();
    PanelSnapshot snapshot;
    {
        const std::lock_guard lock(panel_.mutex);
        panel_.model.tick(mono_now_ns(), wall_now_ns());
        snapshot = panel_.model.snapshot(mono_now_ns());
    }
    snapshot.total_s = scenario_.end_s;
    snapshot.hotfix_s = scenario_.hotfix_s;
    snapshot.speed = scenario_.speed;
    snapshot.scale = scenario_.scale;
    snapshot.phase = to_text(scenario_.phase(t_s));
    snapshot.note = note(t_s);
    snapshot.footer = ports_text() + (screen != nullptr ? "  Ctrl-C ends" : "");
    const TerminalSize size = terminal_size();
    ViewSettings view{options_.width != 0 ? options_.width : size.columns,
                      options_.height != 0 ? options_.height : size.rows, colour_};
    if (screen != nullptr)
        screen->show(render_panel(snapshot, view));
    else
        write_out("\n" + render_panel(snapshot, view) + "\n");
}

void Demo::apply_hotfix() {
    hotfix_written_ = true;
    auto yaml = read_file(workplace_->config_path());
    if (yaml) yaml = with_hotfix(scenario_, std::move(*yaml));
    if (!yaml) {
        problem_ = yaml.error().message;
        return;
    }
    if (auto written = replace_file(workplace_->config_path(), *yaml); !written)
        problem_ = written.error().message;
}

void Demo::play() {
    std::optional<Screen> screen;
    if (!plain_) screen.emplace();
    // A picture when a second has just been completed; in plain mode 24 times a run.
    const double every_s = plain_ ? std::max(1.0, scenario_.end_s / 24) : 1;
    double next_s = 0.4;
    while (true) {
        const double t_s = elapsed_s();
        if (!hotfix_written_ && t_s >= scenario_.hotfix_s) apply_hotfix();
        if (t_s >= scenario_.end_s && !options_.listen) break;
        if (t_s >= next_s) {
            draw(screen ? &*screen : nullptr);
            const double step_s = plain_ && t_s > scenario_.end_s ? 60 : every_s;
            while (next_s <= t_s) next_s += step_s;
        }
        const double wake_s = hotfix_written_ ? next_s : std::min(next_s, scenario_.hotfix_s);
        const double until_s = options_.listen ? wake_s : std::min(wake_s, scenario_.end_s);
        const auto pause_ns = static_cast<uint64_t>(std::max(0.001, until_s - elapsed_s()) * 1e9);
        const Signals::Wake wake = signals_.wait_ns(pause_ns);
        if (wake == Signals::Wake::resized && screen) draw(&*screen);
        if (wake == Signals::Wake::stop) {
            interrupted_ = elapsed_s() < scenario_.end_s;
            break;
        }
    }
    draw(screen ? &*screen : nullptr);
}

int Demo::finish() {
    const double ran_s = elapsed_s();
    clients_->stop_sending();
    // Those that wait for a timeout get it; who interrupts does not want to wait.
    (void)clients_->wait_idle(interrupted_ ? 300 : scenario_.upstream_timeout_ms + 3000);
    Summary summary{scenario_, {}, {}, clients_->totals(), ran_s, interrupted_, upstreams_->hung()};
    clients_.reset();
    gateway_->drain_and_stop(interrupted_ ? 500 : 2000);
    {
        const std::lock_guard lock(panel_.mutex);
        panel_.model.tick(mono_now_ns(), wall_now_ns());
        summary.measured = panel_.model.highlights();
    }
    summary.counts = reconcile(gateway_->metrics());
    summary.counts.panel = summary.measured.exchanges;
    summary.counts.clients_answered = summary.clients.answered;
    if (!options_.listen)
        if (const auto lines = count_log_lines(workplace_->log_path()))
            summary.counts.log_lines = lines->requests;
    write_out(summary_text(summary, colour_));
    if (!problem_.empty()) std::fprintf(stderr, "glassgate demo: hotfix: %s\n", problem_.c_str());
    if (!options_.json_path.empty())
        if (auto written = write_file(options_.json_path, summary_json(summary)); !written)
            return environment_failed(written.error().message);
    if (!options_.keep_config.empty()) write_out("\nkept: " + workplace_->path() + "\n");
    return summary.counts.holds() && problem_.empty() ? kGood : kEnvironmentFailed;
}

}  // namespace
}  // namespace demo

int run_demo(const DemoOptions& options) {
    if (options.speed < 1 || options.speed > 10 || options.scale <= 0 || options.scale > 1) {
        std::fprintf(stderr, "glassgate demo: --speed is from 1 to 10, --scale above 0 up to 1\n");
        return demo::kInputWrong;
    }
    return demo::Demo(options).run();
}

}  // namespace glassgate::gateway
