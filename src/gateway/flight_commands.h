// `glassgate show`, `tail` and `top`: terminal views of a running gateway, over its API; show and
// tail read the files of one that is gone, too.
#pragma once

namespace CLI {
class App;
}

namespace glassgate::gateway {

// Exit status: 0 good, 1 the user's input is wrong (also: no such record), 2 no gateway or no
// files.
void add_flight_commands(CLI::App& app, int& status);

}  // namespace glassgate::gateway
