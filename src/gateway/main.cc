// glassgate: the command line. What each command does is elsewhere; here it is only named.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "alert/rules/cli.h"
#include "gateway/commands.h"
#include "gateway/demo/demo.h"
#include "gateway/flight_commands.h"
#include "gateway/version.h"
#include "store/query/cli.h"

namespace glassgate::gateway {
namespace {

void add_run(CLI::App& app, int& status) {
    auto* run = app.add_subcommand(
        "run", "Serve. SIGHUP or a changed file reloads, SIGTERM drains, SIGUSR1 reopens logs.");
    static std::vector<std::string> paths;
    static bool no_watch = false;
    run->add_option("-c,--config,paths", paths,
                    "Configuration files and folders (*.yaml, *.yml); without any: FLEX_CONFIG and "
                    "the folders of Flex Gateway that exist");
    run->add_flag("--no-watch", no_watch, "Reload on SIGHUP only");
    static std::string state_dir;
    run->add_option("--state-dir", state_dir,
                    "Keep state here across restarts; without it in $STATE_DIRECTORY, else in "
                    "memory only");
    run->callback([&status] { status = run_command(paths, !no_watch, state_dir); });
}

void add_check(CLI::App& app, int& status) {
    auto* check = app.add_subcommand("check", "Validate configuration and print every diagnostic.");
    static std::vector<std::string> paths;
    static CheckOptions options;
    check->add_option("-c,--config,paths", paths, "Configuration files and folders; as for run");
    check->add_flag("--explain", options.explain,
                    "Print the compiled plan: listener, route, policies in order, upstream");
    auto* request = check->add_option(
        "--request", options.request,
        "Say what would happen to a request, such as 'GET http://localhost:8080/api/x': its route, "
        "the policies that run and what goes upstream");
    check->add_option("-H,--header", options.headers, "A header of that request: 'name: value'")
        ->needs(request)
        ->allow_extra_args(false);
    check->callback([&status] { status = check_command(paths, options); });
}

void add_query(CLI::App& app, int& status) {
    auto* query = app.add_subcommand(
        "query", "Ask a running gateway, or a file of samples, a PromQL expression.");
    static store::query::CliOptions options;
    auto& parameters = options.parameters;
    auto* expression = query->add_option("expression", parameters.query, "A PromQL expression");
    static QueryTarget target;
    auto* file = query->add_option(
        "--file", options.file, "Samples with timestamps: OpenMetrics or Prometheus' text format");
    query->add_option("--url", target.url, "The gateway's console")
        ->capture_default_str()
        ->excludes(file);
    auto* user = query->add_option("--user", target.user, "NAME:PASSWORD, where it asks for one")
                     ->envname("GLASSGATE_USER");
    query->add_option("--token", target.token, "A token instead")
        ->envname("GLASSGATE_TOKEN")
        ->excludes(user);
    query->add_option("--time", parameters.time,
                      "When: seconds or RFC 3339; without it now, or at a file's newest sample");
    auto* start = query->add_option("--start", parameters.start, "First step of a range");
    auto* end = query->add_option("--end", parameters.end, "Last step of a range")->needs(start);
    auto* step = query->add_option("--step", parameters.step, "Seconds or a duration: 15s");
    start->needs(end)->needs(step);
    step->needs(start);
    query->add_flag("--json", options.json, "Print what the HTTP API would answer");
    query
        ->add_option("--batch", options.batch,
                     "Answer a file of requests, a JSON object a line ({\"query\",\"time\"} or "
                     "{\"query\",\"start\",\"end\",\"step\"}); -: standard input")
        ->excludes(expression);
    query->callback([&status] { status = query_command(options, target); });
}

void add_password(CLI::App& app, int& status) {
    auto* password = app.add_subcommand(
        "password",
        "Print what spec.console.credentials holds of a password (read from standard input).");
    static bool token = false;
    password->add_flag("--token", token, "Make a token instead, and print it and its hash");
    password->callback([&status] { status = password_command(token); });
}

void add_rules(CLI::App& app, int& status) {
    auto* rules = app.add_subcommand("rules", "Check and test Prometheus rule files.");
    rules->require_subcommand(1);
    static std::vector<std::string> check_files, test_files;
    auto* check = rules->add_subcommand("check", "Validate rule files and print every mistake.");
    check->add_option("files", check_files, "Rule files")->required();
    check->callback([&status] { status = alert::check_rules(check_files, std::cout, std::cerr); });
    auto* test = rules->add_subcommand("test", "Run rule tests written for promtool.");
    test->add_option("files", test_files, "Rule test files")->required();
    test->callback([&status] { status = alert::test_rules(test_files, std::cout, std::cerr); });
}

// The program's help and that of each command, as they are printed.
std::string help_of_all(const CLI::App& app) {
    std::string text =
        app.get_formatter()->make_help(&app, "glassgate", CLI::AppFormatMode::Normal);
    for (const CLI::App* command : app.get_subcommands({}))
        text += "\n" + app.get_formatter()->make_help(command, "glassgate " + command->get_name(),
                                                      CLI::AppFormatMode::Normal);
    return text;
}

void add_reference(CLI::App& app, int& status) {
    auto* reference = app.add_subcommand("reference", "Print a reference page in Markdown.");
    static std::string page;
    reference->add_option("page", page, "metrics, policies, fields or cli")
        ->required()
        ->check(CLI::IsMember({"metrics", "policies", "fields", "cli"}));
    reference->callback([&status, &app] { status = reference_command(page, help_of_all(app)); });
}

int run_main(int argc, char** argv) {
    CLI::App app{"Glassgate: an API gateway you can see through."};
    app.name("glassgate");
    app.require_subcommand(1);
    int status = 0;
    add_run(app, status);
    add_check(app, status);
    add_demo(app, status);
    add_query(app, status);
    add_flight_commands(app, status);
    add_rules(app, status);
    add_password(app, status);
    add_reference(app, status);
    auto* version_command = app.add_subcommand("version", "Print the version.");
    version_command->callback(
        [] { std::printf("glassgate %s (%s)\n", version().data(), commit().data()); });
    // Exit status: 0 good, 1 the user's input is wrong, 2 the environment failed.
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;
    }
    return status;
}

}  // namespace
}  // namespace glassgate::gateway

int main(int argc, char** argv) { return glassgate::gateway::run_main(argc, argv); }
