#include "gateway/flight_commands.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "base/clock.h"
#include "flight/api.h"
#include "gateway/api_client.h"
#include "gateway/demo/panel_view.h"
#include "gateway/demo/terminal.h"
#include "gateway/overview.h"

namespace glassgate::gateway {
namespace {

constexpr int kGood = 0, kInputWrong = 1, kEnvironmentFailed = 2;

struct TailOptions {
    ApiTarget target;
    std::string dir, where, last;
    std::size_t limit = 100;
    bool follow = false, json = false;
};
struct ShowOptions {
    ApiTarget target;
    std::string dir, id;
    bool json = false;
};
struct TopOptions {
    ApiTarget target;
    bool once = false, colour = false;
    unsigned width = 0, height = 0;
};

int complain(const char* command, const std::string& message, int status) {
    std::fprintf(stderr, "glassgate %s: %s\n", command, message.c_str());
    return status;
}

int no_gateway(const char* command, const Error& error, bool has_dir) {
    return complain(command,
                    error.message +
                        "\n  Is one running, with spec.console enabled? --url names "
                        "another one's address" +
                        (has_dir ? "; --dir reads the files of one that is gone." : "."),
                    kEnvironmentFailed);
}

// What the API or the files answered, printed.
int print_answer(const char* command, long status, const std::string& body) {
    if (status == 200) {
        demo::write_out(body);
        return kGood;
    }
    const bool asked_wrongly = status == 400 || status == 404;
    return complain(command, error_text({status, body}),
                    asked_wrongly ? kInputWrong : kEnvironmentFailed);
}

// Files of a dead gateway; what is damaged in them is said.
Result<std::shared_ptr<flight::Ring>> open_files(const char* command, const std::string& dir) {
    auto ring = flight::Ring::open_read_only(dir);
    if (!ring) return ring;
    const flight::RingStats stats = (*ring)->stats();
    if (stats.damage.torn_bytes != 0)
        std::fprintf(stderr, "glassgate %s: the last %llu bytes were torn by a crash\n", command,
                     static_cast<unsigned long long>(stats.damage.torn_bytes));
    if (stats.damage.frames != 0)
        std::fprintf(stderr, "glassgate %s: %llu damaged places, %llu bytes skipped\n", command,
                     static_cast<unsigned long long>(stats.damage.frames),
                     static_cast<unsigned long long>(stats.damage.skipped_bytes));
    for (const std::string& file : stats.quarantined)
        std::fprintf(stderr, "glassgate %s: not read: %s\n", command, file.c_str());
    return ring;
}

int show(const ShowOptions& options) {
    const unsigned width = demo::terminal_size().columns;
    if (!options.dir.empty()) {
        const auto ring = open_files("show", options.dir);
        if (!ring) return complain("show", ring.error().message, kEnvironmentFailed);
        const auto answer = flight::show(
            **ring, options.id, options.json ? flight::View::json : flight::View::text, width);
        return print_answer("show", answer.status, answer.body);
    }
    ApiClient client(options.target);
    std::string path = "/api/exchanges/";
    for (const char c : options.id) {  // one segment, whatever it holds
        char escaped[4];
        std::snprintf(escaped, sizeof escaped, "%%%02X", static_cast<unsigned char>(c));
        path += escaped;
    }
    const auto reply = client.get(
        path, {{"format", options.json ? "json" : "text"}, {"width", std::to_string(width)}});
    if (!reply) return no_gateway("show", reply.error(), true);
    return print_answer("show", reply->status, reply->body);
}

// The records of a list as lines of JSON, the oldest first.
std::string lines_of(const std::string& body) {
    const std::size_t begin = body.find('[');
    std::string lines;
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = begin + 1; begin != std::string::npos && i < body.size(); ++i) {
        const char c = body[i];
        if (depth == 0 && c == ']') break;
        if (depth > 0 || c == '{') lines += c;
        if (quoted) {
            if (c == '\\') lines += body[++i];
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{') {
            ++depth;
        } else if (c == '}' && --depth == 0) {
            lines += '\n';
        }
    }
    return lines;
}

int tail_once(const TailOptions& options) {
    if (!options.dir.empty()) {
        const auto ring = open_files("tail", options.dir);
        if (!ring) return complain("tail", ring.error().message, kEnvironmentFailed);
        flight::Question question;
        question.where = options.where;
        question.last = options.last;
        question.limit = options.limit;
        question.oldest_first = true;
        question.view = options.json ? flight::View::json : flight::View::text;
        const auto answer = flight::list(**ring, question, wall_now_ns(), 600'000);
        const bool lines = options.json && answer.status == 200;
        return print_answer("tail", answer.status, lines ? lines_of(answer.body) : answer.body);
    }
    ApiClient client(options.target);
    ApiClient::Parameters parameters{{"limit", std::to_string(options.limit)},
                                     {"order", "oldest"},
                                     {"format", options.json ? "json" : "text"}};
    if (!options.where.empty()) parameters.emplace_back("where", options.where);
    if (!options.last.empty()) parameters.emplace_back("last", options.last);
    const auto reply = client.get("/api/exchanges", parameters);
    if (!reply) return no_gateway("tail", reply.error(), true);
    const bool lines = options.json && reply->status == 200;
    return print_answer("tail", reply->status, lines ? lines_of(reply->body) : reply->body);
}

volatile std::sig_atomic_t interrupted = 0;
void on_interrupt(int) { interrupted = 1; }

int follow(const TailOptions& options) {
    std::signal(SIGINT, on_interrupt);
    std::signal(SIGTERM, on_interrupt);
    std::signal(SIGPIPE, on_interrupt);
    ApiClient client(options.target);
    ApiClient::Parameters parameters{{"limit", std::to_string(options.limit)},
                                     {"format", options.json ? "json" : "text"}};
    if (!options.where.empty()) parameters.emplace_back("where", options.where);
    if (!options.last.empty()) parameters.emplace_back("last", options.last);
    const auto on_event = [&](std::string_view event, std::string_view data) {
        if (event == "dropped")
            std::fprintf(stderr, "glassgate tail: too many to show: %s\n",
                         std::string(data).c_str());
        else if (event != "ready")
            demo::write_out(std::string(data) + "\n");
        return interrupted == 0;
    };
    const auto reply =
        client.stream("/api/tail", parameters, on_event, [] { return interrupted == 0; });
    if (interrupted != 0) return kGood;
    if (!reply) return no_gateway("tail", reply.error(), false);
    if (reply->status != 200) return print_answer("tail", reply->status, reply->body);
    return complain("tail", "the gateway has ended the stream", kEnvironmentFailed);
}

int tail(const TailOptions& options) {
    if (options.follow && !options.dir.empty())
        return complain("tail", "--follow needs a gateway that runs, --dir is for one that is gone",
                        kInputWrong);
    // A filter that is wrong is said before anybody is asked.
    if (!options.where.empty())
        if (const auto filter = flight::Filter::parse(options.where); !filter)
            return complain("tail", explain(filter.error(), options.where), kInputWrong);
    if (!options.last.empty() && !flight::read_duration_ns(options.last))
        return complain("tail", "--last is a duration such as 10m or 1h30m", kInputWrong);
    return options.follow ? follow(options) : tail_once(options);
}

// --- top -----------------------------------------------------------------------------------------

std::string picture(const demo::PanelSnapshot& snapshot, const TopOptions& options, bool colour) {
    const demo::TerminalSize size = demo::terminal_size();
    demo::ViewSettings view;
    view.width = options.width != 0 ? options.width : size.columns;
    view.height = options.height != 0 ? options.height : size.rows;
    view.colour = colour;
    return demo::render_panel(snapshot, view);
}

int top(const TopOptions& options) {
    const bool terminal = isatty(STDOUT_FILENO) == 1;
    const char* const no_colour = std::getenv("NO_COLOR");
    const bool colour =
        options.colour || (terminal && (no_colour == nullptr || *no_colour == '\0'));
    ApiClient client(options.target);
    std::string problem;
    const auto draw = [&](std::string_view data, demo::Screen* screen) {
        auto snapshot = read_overview(data);
        if (!snapshot) {
            problem = snapshot.error().message;
            return false;
        }
        snapshot->footer = options.target.url + "   Ctrl-C ends";
        if (screen != nullptr)
            screen->show(picture(*snapshot, options, colour));
        else
            demo::write_out(picture(*snapshot, options, colour) + "\n");
        return true;
    };
    const auto first = client.get("/api/overview");
    if (!first) return no_gateway("top", first.error(), false);
    if (first->status != 200) return print_answer("top", first->status, first->body);
    if (options.once || !terminal)
        return draw(first->body, nullptr) ? kGood : complain("top", problem, kEnvironmentFailed);
    std::string ended;
    {
        const demo::Signals signals;
        demo::Screen screen;
        bool stop = !draw(first->body, &screen);
        const auto wait = [&] {
            if (!stop && signals.wait_ns(1000) == demo::Signals::Wake::stop) stop = true;
            return !stop;
        };
        const auto reply = client.stream(
            "/api/overview/stream", {},
            [&](std::string_view, std::string_view data) { return draw(data, &screen) && wait(); },
            wait);
        if (!stop && !reply)
            ended = reply.error().message;
        else if (!stop)
            ended = "the gateway has ended the stream";
    }
    if (!problem.empty()) ended = problem;
    return ended.empty() ? kGood : complain("top", ended, kEnvironmentFailed);
}

void add_target(CLI::App* command, ApiTarget& target) {
    command->add_option("--url", target.url, "The gateway's console")->capture_default_str();
    auto* user = command->add_option("--user", target.user, "NAME:PASSWORD, where it asks for one")
                     ->envname("GLASSGATE_USER");
    command->add_option("--token", target.token, "A token instead")
        ->envname("GLASSGATE_TOKEN")
        ->excludes(user);
}

}  // namespace

void add_flight_commands(CLI::App& app, int& status) {
    static ShowOptions show_options;
    auto* show_command = app.add_subcommand(
        "show", "One request by its id: phases, attempts, policy verdicts, its log line.");
    show_command->add_option("id", show_options.id, "X-Request-Id of the response, or a trace id")
        ->required();
    add_target(show_command, show_options.target);
    show_command->add_option("--dir", show_options.dir,
                             "Read these files of a flight recorder instead of asking a gateway");
    show_command->add_flag("--json", show_options.json, "As JSON");
    show_command->callback([&status] { status = show(show_options); });

    static TailOptions tail_options;
    auto* tail_command =
        app.add_subcommand("tail", "Requests and events, the newest last, filtered.");
    tail_command->add_option("--where", tail_options.where,
                             "A filter: response.status>=500 and client.id=mob-4f7a");
    tail_command->add_option("--last", tail_options.last, "Not older than this: 10m, 1h30m");
    tail_command->add_flag("--follow,-f", tail_options.follow, "Go on with what happens");
    tail_command->add_option("--limit,-n", tail_options.limit, "How many of what is past")
        ->check(CLI::Range(std::size_t{1}, flight::kQuestionLimitMax))
        ->capture_default_str();
    tail_command->add_flag("--json", tail_options.json, "A JSON object a line");
    add_target(tail_command, tail_options.target);
    tail_command->add_option("--dir", tail_options.dir,
                             "Read these files of a flight recorder instead of asking a gateway");
    tail_command->callback([&status] { status = tail(tail_options); });

    static TopOptions top_options;
    auto* top_command = app.add_subcommand("top", "The panel of a running gateway, live.");
    add_target(top_command, top_options.target);
    top_command->add_flag("--once", top_options.once, "Print one picture and end");
    top_command->add_flag("--color", top_options.colour,
                          "Colours also where the output is not a terminal");
    top_command->add_option("--width", top_options.width, "Columns (80 to 140)");
    top_command->add_option("--height", top_options.height, "Lines (at least 24)");
    top_command->callback([&status] { status = top(top_options); });
}

}  // namespace glassgate::gateway
