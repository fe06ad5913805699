// `glassgate audit`: the names of its commands and their arguments.
#pragma once

namespace CLI {
class App;
}

namespace glassgate::gateway {

void add_audit(CLI::App& app, int& status);

}  // namespace glassgate::gateway
