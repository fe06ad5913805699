// The store's files: written at the end only, read anywhere, published by renaming. Every error
// names the file.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace glassgate::store {

// The system calls that may fail when a disk does; tests put a failing one in their place.
class Disk {
public:
    virtual ~Disk() = default;
    virtual ssize_t write(int fd, const char* bytes, std::size_t count) noexcept;
    virtual int sync(int fd) noexcept;
    static Disk& real() noexcept;
};

class FileHandle {
public:
    FileHandle() = default;
    explicit FileHandle(int fd) noexcept : fd_(fd) {}
    FileHandle(FileHandle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileHandle& operator=(FileHandle&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~FileHandle();
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] bool open() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

class OutFile {
public:
    OutFile() = default;
    // A new file; one of that name is overwritten.
    [[nodiscard]] static Result<OutFile> create(Disk& disk, std::string path);
    // All of it, or (on failure) none of it as far as the disk can still be told so.
    [[nodiscard]] Status append(std::string_view bytes);
    [[nodiscard]] Status sync();
    [[nodiscard]] uint64_t size() const noexcept { return size_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] bool open() const noexcept { return file_.open(); }

private:
    Disk* disk_ = nullptr;
    std::string path_;
    FileHandle file_;
    uint64_t size_ = 0;
};

class InFile {
public:
    [[nodiscard]] static Result<InFile> open(std::string path);
    // Exactly so many bytes into `out`, which gets kPadding more after them.
    [[nodiscard]] Status read(uint64_t offset, std::size_t count, std::string& out) const;
    [[nodiscard]] uint64_t size() const noexcept { return size_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
    FileHandle file_;
    uint64_t size_ = 0;
};

// Gives a finished file its name, so that it is there whole or not at all, also after a power cut.
[[nodiscard]] Status publish(Disk& disk, const std::string& from, const std::string& to);
[[nodiscard]] Status sync_directory(Disk& disk, const std::string& directory);
[[nodiscard]] Status make_directory(const std::string& path);
// Moves into directory/quarantine/; where that fails, deletes.
void quarantine(const std::string& directory, const std::string& path);

// Held as long as it lives, and by one process at a time.
class DirectoryLock {
public:
    [[nodiscard]] static Result<DirectoryLock> take(const std::string& directory);

private:
    explicit DirectoryLock(FileHandle file) noexcept : file_(std::move(file)) {}
    FileHandle file_;
};

}  // namespace glassgate::store
