#include "audit/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace glassgate::audit {
namespace {

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

File::~File() {
    if (fd_ >= 0) ::close(fd_);
}

Result<File> File::open(const std::string& path, int flags, mode_t mode) {
    int fd = -1;
    do {
        fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) return failure_errno("open " + path, errno);
    return File(fd);
}

Result<std::string> read_whole(const std::string& path, std::size_t max_bytes) {
    const File file = TRY(File::open(path, O_RDONLY | O_NONBLOCK));
    struct stat info{};
    if (::fstat(file.fd(), &info) != 0) return failure_errno("stat " + path, errno);
    if (!S_ISREG(info.st_mode)) return failure(path + " is not a regular file");
    std::string text;
    char buffer[65'536];
    while (true) {
        const ssize_t got = ::read(file.fd(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failure_errno("read " + path, errno);
        if (got == 0) return text;
        text.append(buffer, static_cast<std::size_t>(got));
        if (text.size() > max_bytes)
            return failure(path + " is larger than " + std::to_string(max_bytes) + " bytes");
    }
}

Status write_all(const File& file, const std::string& path, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::write(file.fd(), bytes.data(), bytes.size());
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return failure_errno("write " + path, errno);
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
}

Status sync_file(const File& file, const std::string& path) {
    if (::fdatasync(file.fd()) != 0) return failure_errno("sync " + path, errno);
    return {};
}

Status sync_folder(const std::string& folder) {
    const File file = TRY(File::open(folder, O_RDONLY | O_DIRECTORY));
    // Some file systems cannot sync a folder and need not.
    if (::fsync(file.fd()) != 0 && errno != EINVAL) return failure_errno("sync " + folder, errno);
    return {};
}

Status write_new_file(const std::string& path, std::string_view bytes, mode_t mode) {
    {
        const File file = TRY(File::open(path, O_WRONLY | O_CREAT | O_EXCL, mode));
        TRY_STATUS(write_all(file, path, bytes));
        TRY_STATUS(sync_file(file, path));
    }
    return sync_folder(folder_of(path));
}

Status replace_file(const std::string& path, std::string_view bytes, mode_t mode) {
    const std::string fresh = folder_of(path) + "/." + path.substr(path.rfind('/') + 1) + ".new";
    {
        const File file = TRY(File::open(fresh, O_WRONLY | O_CREAT | O_TRUNC, mode));
        TRY_STATUS(write_all(file, fresh, bytes));
        TRY_STATUS(sync_file(file, fresh));
    }
    if (::rename(fresh.c_str(), path.c_str()) != 0) return failure_errno("rename " + fresh, errno);
    return sync_folder(folder_of(path));
}

Result<uint64_t> size_of(const std::string& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return failure_errno("stat " + path, errno);
    return static_cast<uint64_t>(info.st_size);
}

bool exists(const std::string& path) noexcept { return ::access(path.c_str(), F_OK) == 0; }

Result<std::vector<std::string>> names_in(const std::string& folder) {
    DIR* const listing = ::opendir(folder.c_str());
    if (listing == nullptr) return failure_errno("open folder " + folder, errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* const entry = ::readdir(listing)) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(name);
        errno = 0;
    }
    const int problem = errno;
    ::closedir(listing);
    if (problem != 0) return failure_errno("read folder " + folder, problem);
    std::sort(names.begin(), names.end());
    return names;
}

Status make_folder(const std::string& path, mode_t mode) {
    if (exists(path)) return {};
    const std::string parent = folder_of(path);
    if (!exists(parent)) TRY_STATUS(make_folder(parent, 0755));
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
        return failure_errno("create folder " + path, errno);
    return sync_folder(parent);
}

}  // namespace glassgate::audit
