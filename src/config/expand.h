// Values from outside: environment variables and files.
#pragma once

#include <string>
#include <vector>

#include "base/document.h"
#include "base/result.h"
#include "config/load.h"

namespace glassgate::config {

// What was read for `fromFile`, or could not be: for the digest and the watcher.
struct ReadFile {
    std::string path;
    Result<std::string> text;
};

// `environment`, or that of the process where it is empty.
[[nodiscard]] Environment or_process(const Environment& environment);

// In every scalar below `root` (not in keys): $NAME and ${NAME} become the variable's value,
// ${NAME:-text} the value or, if unset or empty, the text; $$ is a dollar sign; a dollar before
// anything else stays. An unset variable is a mistake that names it. What was put in is not
// looked at again; a quoted scalar with a variable in it may be read as a number or boolean.
//
// A map with the one key `fromFile` becomes the text of that file, without the line end at its
// end. A relative path starts at the folder of the file it is written in.
[[nodiscard]] std::vector<ReadFile> expand(Node& root, const Environment& environment,
                                           Diagnostics& diagnostics);

}  // namespace glassgate::config
