#include "gateway/demo/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>

namespace glassgate::gateway::demo {

struct Signals::Masks {
    sigset_t ours, before;
};

Signals::Signals() : masks_(new Masks) {
    sigemptyset(&masks_->ours);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGWINCH})
        sigaddset(&masks_->ours, signal);
    pthread_sigmask(SIG_BLOCK, &masks_->ours, &masks_->before);
}

Signals::~Signals() {
    // A second Ctrl-C while we were ending is not for the shell to see as our death.
    const timespec now{};
    while (sigtimedwait(&masks_->ours, nullptr, &now) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &masks_->before, nullptr);
    delete masks_;
}

Signals::Wake Signals::wait_ns(uint64_t timeout_ns) const {
    timespec timeout{};
    timeout.tv_sec = static_cast<time_t>(timeout_ns / 1'000'000'000);
    timeout.tv_nsec = static_cast<long>(timeout_ns % 1'000'000'000);
    const int signal = sigtimedwait(&masks_->ours, nullptr, &timeout);
    if (signal < 0) return Wake::time;
    return signal == SIGWINCH ? Wake::resized : Wake::stop;
}

TerminalSize terminal_size() {
    TerminalSize size;
    winsize window{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0)
        return {window.ws_col, window.ws_row};
    const auto from = [](const char* name, unsigned& value) {
        const char* text = std::getenv(name);
        const int number = text == nullptr ? 0 : std::atoi(text);
        if (number > 0 && number < 1000) value = static_cast<unsigned>(number);
    };
    from("COLUMNS", size.columns);
    from("LINES", size.rows);
    return size;
}

void write_out(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t n = ::write(STDOUT_FILENO, text.data() + at, text.size() - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        at += static_cast<std::size_t>(n);
    }
}

Screen::Screen() { write_out("\x1b[?1049h\x1b[?25l\x1b[2J"); }
Screen::~Screen() { write_out("\x1b[?25h\x1b[?1049l"); }

void Screen::show(const std::string& text) {
    std::string out = "\x1b[H";
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        out.append(text, at, end - at).append("\x1b[0m\x1b[K");
        if (end < text.size()) out += "\r\n";
        at = end + 1;
    }
    out += "\x1b[J";
    write_out(out);
}

}  // namespace glassgate::gateway::demo
