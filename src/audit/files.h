// The file system calls the audit log needs, with errors in words. All block.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace glassgate::audit {

class File {
public:
    File() = default;
    explicit File(int fd) noexcept : fd_(fd) {}
    File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    File& operator=(File&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~File();
    static Result<File> open(const std::string& path, int flags, mode_t mode = 0);
    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

// The whole of a regular file; fails above `max_bytes`.
[[nodiscard]] Result<std::string> read_whole(const std::string& path, std::size_t max_bytes);
// All of it, at the file's position (or its end, with O_APPEND).
[[nodiscard]] Status write_all(const File& file, const std::string& path, std::string_view bytes);
[[nodiscard]] Status sync_file(const File& file, const std::string& path);  // fdatasync
[[nodiscard]] Status sync_folder(const std::string& folder);
// A file that must not exist yet: written, synced, and its folder synced.
[[nodiscard]] Status write_new_file(const std::string& path, std::string_view bytes, mode_t mode);
// Replaces the file or leaves it as it was; synced.
[[nodiscard]] Status replace_file(const std::string& path, std::string_view bytes, mode_t mode);
[[nodiscard]] Result<uint64_t> size_of(const std::string& path);
[[nodiscard]] bool exists(const std::string& path) noexcept;
[[nodiscard]] Result<std::vector<std::string>> names_in(const std::string& folder);  // sorted
[[nodiscard]] Status make_folder(const std::string& path, mode_t mode);  // with its parents

}  // namespace glassgate::audit
