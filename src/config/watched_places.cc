#include "config/watched_places.h"

#include <filesystem>
#include <system_error>

#include "config/files.h"

namespace glassgate::config {
namespace {

namespace fs = std::filesystem;
using Places = std::map<std::string, WatchedNames>;

constexpr int kMaxLinks = 40;  // as the kernel follows

// Walks `path` from the root. Every link and the last component are noted with their folders.
void follow(const fs::path& path, int links_left, Places& places) {
    fs::path at = "/";
    for (auto component = path.begin(); component != path.end(); ++component) {
        if (component->empty() || *component == "/" || *component == ".") continue;
        const fs::path here = at / *component;
        const bool last = std::next(component) == path.end();
        std::error_code error;
        const fs::file_status status = fs::symlink_status(here, error);
        const bool missing = error || !fs::exists(status);
        const bool link = !missing && fs::is_symlink(status);
        if (last || missing || link) places[at.string()].names.insert(component->string());
        if (missing) return;
        if (link) {
            if (links_left == 0) return;
            fs::path target = fs::read_symlink(here, error);
            if (error) return;
            if (target.is_relative()) target = at / target;
            for (auto rest = std::next(component); rest != path.end(); ++rest) target /= *rest;
            follow(target, links_left - 1, places);
            return;
        }
        at = here;
    }
}

}  // namespace

bool WatchedNames::matters(const std::string& name) const {
    if (names.contains(name)) return true;
    return all_yaml && !name.starts_with('.') &&
           (name.ends_with(".yaml") || name.ends_with(".yml"));
}

std::map<std::string, WatchedNames> watched_places(const std::vector<std::string>& paths) {
    Places places;
    std::error_code error;
    const auto follow_one = [&](const std::string& path) {
        const fs::path absolute = fs::absolute(path, error);
        if (!error) follow(absolute, kMaxLinks, places);
    };
    for (const std::string& path : paths) {
        follow_one(path);
        if (!fs::is_directory(path, error)) continue;
        const fs::path real = fs::canonical(path, error);
        if (!error) places[real.string()].all_yaml = true;
    }
    Diagnostics ignored;  // what cannot be read is reported by the load
    for (const std::string& file : list_files(paths, ignored)) follow_one(file);
    return places;
}

}  // namespace glassgate::config
