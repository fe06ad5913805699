// Terminal: the alternate screen, given back whatever happens; and waiting for the next second or a
// signal. Signals are taken by waiting for them, not by handlers: at a signal the demo ends in
// order.
#pragma once

#include <cstdint>
#include <string>

namespace glassgate::gateway::demo {

// Blocks SIGINT, SIGTERM, SIGHUP, SIGPIPE and SIGWINCH in this thread and all it starts later. The
// former mask comes back with the destructor.
class Signals {
public:
    enum class Wake : uint8_t { time, resized, stop };
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    // Until a signal or so long.
    [[nodiscard]] Wake wait_ns(uint64_t timeout_ns) const;

private:
    struct Masks;
    Masks* masks_;
};

struct TerminalSize {
    unsigned columns = 100, rows = 36;
};
// Of standard output; the environment's COLUMNS and LINES, else 100 x 36, when it is no terminal.
[[nodiscard]] TerminalSize terminal_size();

class Screen {
public:
    Screen();  // the alternate screen, no cursor
    ~Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;
    // Lines separated by '\n', from the upper left corner; the rest is cleared.
    void show(const std::string& text);
};

// Writes all of it to standard output; gives up when nobody reads.
void write_out(const std::string& text);

}  // namespace glassgate::gateway::demo
