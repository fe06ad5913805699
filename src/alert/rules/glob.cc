#include "alert/rules/glob.h"

#include <glob.h>

#include <filesystem>

namespace glassgate::alert {

std::vector<std::string> expand_glob(const std::string& pattern, const std::string& folder) {
    const bool relative = !std::filesystem::path(pattern).is_absolute();
    const std::string whole =
        relative && !folder.empty() ? (std::filesystem::path(folder) / pattern).string() : pattern;
    if (whole.find_first_of("*?[") == std::string::npos) return {whole};
    glob_t found{};
    std::vector<std::string> files;
    if (::glob(whole.c_str(), 0, nullptr, &found) == 0)
        files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    globfree(&found);
    return files;
}

}  // namespace glassgate::alert
