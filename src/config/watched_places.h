// Which folders to look at, and for which names in them, to see every way a path can change.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace glassgate::config {

struct WatchedNames {
    std::set<std::string> names;
    bool all_yaml = false;  // also every *.yaml and *.yml: a folder of the configuration

    [[nodiscard]] bool matters(const std::string& name) const;
};

// Folder -> names. A path is followed link by link: where a component is a symbolic link, its name
// in its folder matters (Kubernetes swaps `..data`, deployments swap `current`), and so does what
// it points to. Of a path that does not exist, the first missing component's name matters.
[[nodiscard]] std::map<std::string, WatchedNames> watched_places(
    const std::vector<std::string>& paths);

}  // namespace glassgate::config
