#include "gateway/commands.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <iostream>
#include <optional>

#include "config/explain.h"
#include "config/explain_request.h"
#include "config/load.h"
#include "config/usual_places.h"
#include "console/credentials.h"
#include "console/query_client.h"
#include "gateway/gateway.h"
#include "policy/reference.h"
#include "telemetry/metrics/catalogue.h"
#include "telemetry/project/fields_reference.h"

namespace glassgate::gateway {
namespace {

void print(const Diagnostics& diagnostics) {
    for (const Diagnostic& d : diagnostics.all()) std::fprintf(stderr, "%s\n", to_text(d).c_str());
}

// Blocked before any thread starts, so that they all inherit it and only serve_until_stopped sees
// the signals.
sigset_t block_signals() {
    std::signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&set, s);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    return set;
}

// Until the first SIGINT or SIGTERM.
void serve_until_stopped(Gateway& gateway, const sigset_t& set) {
    while (true) {
        int received = 0;
        if (sigwait(&set, &received) != 0) continue;
        if (received == SIGHUP)
            gateway.reload();
        else if (received == SIGUSR1)
            gateway.reopen_logs();
        else
            break;
    }
    // Whoever asks twice does not want to wait for the drain.
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace

int run_command(std::vector<std::string> paths, bool watch, const std::string& state_dir) {
    const sigset_t signals = block_signals();
    if (paths.empty()) paths = config::usual_places();
    Options options;
    options.watch_debounce_ms = config::debounce_ms(options.watch_debounce_ms);
    options.paths = std::move(paths);
    options.watch = watch;
    options.state_dir = state_dir;
    options.report = print;
    auto gateway = Gateway::start(std::move(options));
    if (!gateway) {
        const StartError& error = gateway.error();
        if (!error.message.empty()) std::fprintf(stderr, "glassgate: %s\n", error.message.c_str());
        return error.fault == StartFault::input ? 1 : 2;
    }
    serve_until_stopped(**gateway, signals);
    (*gateway)->drain_and_stop();
    return 0;
}

// What would happen to a request.
int explain_request_command(const config::Configuration& configuration,
                            const CheckOptions& options) {
    const auto text = config::explain_request(configuration, options.request, options.headers);
    if (!text) {
        std::fprintf(stderr, "glassgate: %s\n", text.error().message.c_str());
        return 1;
    }
    std::fputs(text->c_str(), stdout);
    return 0;
}

int check_command(std::vector<std::string> paths, const CheckOptions& options) {
    if (paths.empty()) paths = config::usual_places();
    const config::Loaded loaded = config::load(paths, 1);
    print(loaded.diagnostics);
    if (!loaded.configuration) return 1;
    if (!options.request.empty()) return explain_request_command(*loaded.configuration, options);
    if (options.explain) {
        std::fputs(config::explain(*loaded.configuration).c_str(), stdout);
    } else {
        const proxy::Plan& plan = *loaded.configuration->plan;
        std::printf("good: %zu listeners, %zu routes, %zu upstreams\n", plan.listeners.size(),
                    plan.routes.size(), plan.upstreams.size());
    }
    return 0;
}

int query_command(store::query::CliOptions options, const QueryTarget& target) {
    if (options.parameters.query.empty() && options.batch.empty()) {
        std::fputs("glassgate: query needs an expression or --batch\n", stderr);
        return 1;
    }
    std::optional<console::QueryClient> client;
    if (options.file.empty()) {
        client.emplace(target.url, target.user, target.token);
        options.ask = [&client](const store::query::QueryParameters& parameters) {
            return client->ask(parameters);
        };
    }
    return store::query::run_cli(options, std::cin, std::cout, std::cerr);
}

int password_command(bool token) {
    if (token) {
        const auto made = console::make_token();
        if (!made) return 2;
        std::printf("token: %s\nhash:  %s\n", made->token.c_str(), made->hash.c_str());
        return 0;
    }
    std::string password;
    if (isatty(STDIN_FILENO) == 1) std::fputs("password: ", stderr);
    std::getline(std::cin, password);
    const auto hash = console::hash_password(password);
    if (!hash) {
        std::fprintf(stderr, "glassgate: %s\n", hash.error().message.c_str());
        return 1;
    }
    std::printf("%s\n", hash->c_str());
    return 0;
}

int reference_command(const std::string& page, const std::string& cli_help) {
    std::string text;
    if (page == "metrics") text = telemetry::metrics_reference_markdown();
    if (page == "policies") text = policy::policies_reference_markdown();
    if (page == "fields") text = telemetry::fields_reference_markdown();
    if (page == "cli") text = "# Command line\n\n```\n" + cli_help + "```\n";
    std::fputs(text.c_str(), stdout);
    return 0;
}

}  // namespace glassgate::gateway
