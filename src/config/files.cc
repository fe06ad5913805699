#include "config/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>
#include <unordered_set>

#include "config/yaml.h"

namespace glassgate::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFiles = 1000;

Position whole_file(const std::string& path) {
    return {std::make_shared<const std::string>(path), 0, 0};
}

class OpenFile {
public:
    explicit OpenFile(const std::string& path)
        : fd_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) {}
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int fd() const { return fd_; }

private:
    int fd_;
};

bool is_yaml_name(const std::string& name) {
    return !name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml"));
}

std::vector<std::string> list_folder(const std::string& folder, Diagnostics& diagnostics) {
    std::vector<std::string> names;
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
        const std::string name = entries->path().filename().string();
        std::error_code ignored;  // a dangling link is met when it is read
        if (is_yaml_name(name) && !entries->is_directory(ignored)) names.push_back(name);
    }
    if (error) diagnostics.error(whole_file(folder), "cannot list the folder: " + error.message());
    if (!error && names.empty())
        diagnostics.error(whole_file(folder), "no configuration in this folder",
                          "files named *.yaml or *.yml");
    std::sort(names.begin(), names.end());
    for (std::string& name : names) name = (fs::path(folder) / name).string();
    return names;
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
    const OpenFile file(path);
    if (file.fd() < 0) return failure_errno("cannot read", errno);
    struct stat status{};
    if (::fstat(file.fd(), &status) != 0) return failure_errno("cannot read", errno);
    if (!S_ISREG(status.st_mode)) return failure("cannot read: not a regular file");
    std::string text;
    char block[16 * 1024];
    while (true) {
        const ssize_t got = ::read(file.fd(), block, sizeof block);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failure_errno("cannot read", errno);
        if (got == 0) return text;
        text.append(block, static_cast<std::size_t>(got));
        if (text.size() > max_bytes)
            return failure("the file is larger than " + std::to_string(max_bytes) + " bytes");
    }
}

Digest digest_of(const Result<std::string>& text) {
    Digest digest;
    digest.add(text ? "content" : "unreadable");
    digest.add(text ? *text : text.error().message);
    return digest;
}

Digest content_of(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error))
        return digest_of(read_file(path, kMaxWatchedBytes));
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator at(path, error), end; !error && at != end;
         at.increment(error))
        names.push_back(at->path().filename().string());
    std::sort(names.begin(), names.end());
    Digest digest;
    for (const std::string& name : names) digest.add(name);
    return digest;
}

std::vector<std::string> list_files(const std::vector<std::string>& paths,
                                    Diagnostics& diagnostics) {
    std::vector<std::string> files;
    std::unordered_set<std::string> seen;
    const auto add = [&](const std::string& path) {
        std::error_code error;
        const fs::path real = fs::canonical(path, error);
        if (seen.insert(error ? path : real.string()).second) files.push_back(path);
    };
    for (const std::string& path : paths) {
        std::error_code ignored;  // whatever is wrong with it shows when it is read
        if (fs::is_directory(path, ignored))
            for (const std::string& file : list_folder(path, diagnostics)) add(file);
        else
            add(path);
    }
    if (files.size() > kMaxFiles) {
        diagnostics.error(whole_file(files[kMaxFiles]), "too many configuration files",
                          "at most " + std::to_string(kMaxFiles));
        files.resize(kMaxFiles);
    }
    return files;
}

std::vector<Source> read_sources(const std::vector<std::string>& files, Diagnostics& diagnostics) {
    std::vector<Source> sources;
    for (const std::string& file : files) {
        Result<std::string> text = read_file(file, kMaxSourceBytes);
        if (text)
            sources.push_back({file, std::move(*text)});
        else
            diagnostics.error(whole_file(file), text.error().message);
    }
    return sources;
}

}  // namespace glassgate::config
