#include "store/segment/disk.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "store/codec/bits.h"

namespace glassgate::store {
namespace {

constexpr mode_t kMode = 0640;
constexpr mode_t kDirectoryMode = 0750;

std::string directory_of(const std::string& path) {
    return std::filesystem::path(path).parent_path().string();
}

}  // namespace

ssize_t Disk::write(int fd, const char* bytes, std::size_t count) noexcept {
    return ::write(fd, bytes, count);
}
int Disk::sync(int fd) noexcept { return ::fsync(fd); }
Disk& Disk::real() noexcept {
    static Disk disk;
    return disk;
}

FileHandle::~FileHandle() {
    if (fd_ >= 0) ::close(fd_);
}

Result<OutFile> OutFile::create(Disk& disk, std::string path) {
    FileHandle file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode));
    if (!file.open()) return failure_errno("create " + path, errno);
    OutFile out;
    out.disk_ = &disk;
    out.path_ = std::move(path);
    out.file_ = std::move(file);
    return out;
}

Status OutFile::append(std::string_view bytes) {
    std::size_t written = 0;
    while (written < bytes.size()) {
        const ssize_t n = disk_->write(file_.get(), bytes.data() + written, bytes.size() - written);
        if (n > 0) {
            written += static_cast<std::size_t>(n);
            continue;
        }
        if (n < 0 && errno == EINTR) continue;
        const int error = n == 0 ? ENOSPC : errno;
        // A reader skips what cannot be taken back: it has no valid checksum.
        if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0 ||
            ::lseek(file_.get(), static_cast<off_t>(size_), SEEK_SET) < 0)
            size_ += written;
        return failure_errno("write " + path_, error);
    }
    size_ += bytes.size();
    return {};
}

Status OutFile::sync() {
    if (disk_->sync(file_.get()) != 0) return failure_errno("fsync " + path_, errno);
    return {};
}

Result<InFile> InFile::open(std::string path) {
    FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.open()) return failure_errno("open " + path, errno);
    struct stat about{};
    if (fstat(file.get(), &about) != 0) return failure_errno("stat " + path, errno);
    InFile in;
    in.path_ = std::move(path);
    in.file_ = std::move(file);
    in.size_ = static_cast<uint64_t>(about.st_size);
    return in;
}

Status InFile::read(uint64_t offset, std::size_t count, std::string& out) const {
    if (offset > size_ || count > size_ - offset)
        return failure("read " + path_ + ": " + std::to_string(count) + " bytes at " +
                       std::to_string(offset) + " of " + std::to_string(size_));
    out.resize(count + kPadding);
    std::size_t got = 0;
    while (got < count) {
        const ssize_t n =
            ::pread(file_.get(), out.data() + got, count - got, static_cast<off_t>(offset + got));
        if (n > 0) {
            got += static_cast<std::size_t>(n);
        } else if (n == 0) {
            return failure("read " + path_ + ": shorter than it was");
        } else if (errno != EINTR) {
            return failure_errno("read " + path_, errno);
        }
    }
    return {};
}

Status sync_directory(Disk& disk, const std::string& directory) {
    const FileHandle file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!file.open()) return failure_errno("open " + directory, errno);
    if (disk.sync(file.get()) != 0) return failure_errno("fsync " + directory, errno);
    return {};
}

Status publish(Disk& disk, const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) return failure_errno("rename to " + to, errno);
    return sync_directory(disk, directory_of(to));
}

Status make_directory(const std::string& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return failure("create " + path + ": " + error.message());
    ::chmod(path.c_str(), kDirectoryMode);
    return {};
}

void quarantine(const std::string& directory, const std::string& path) {
    const std::string aside = directory + "/quarantine";
    const std::string to = aside + "/" + std::filesystem::path(path).filename().string();
    if (make_directory(aside) && ::rename(path.c_str(), to.c_str()) == 0) return;
    ::unlink(path.c_str());
}

Result<DirectoryLock> DirectoryLock::take(const std::string& directory) {
    const std::string path = directory + "/LOCK";
    FileHandle file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode));
    if (!file.open()) return failure_errno("open " + path, errno);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return failure_errno("lock " + path, errno);
        char owner[32] = {};
        const ssize_t n = ::pread(file.get(), owner, sizeof owner - 1, 0);
        std::string who(owner, n > 0 ? static_cast<std::size_t>(n) : 0);
        while (!who.empty() && who.back() == '\n') who.pop_back();
        return failure("the store in " + directory + " is in use" +
                       (who.empty() ? "" : " by process " + who) +
                       "; each gateway needs a directory of its own");
    }
    // Only for the message above: the lock is the kernel's and ends with its holder.
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(file.get(), 0) == 0) (void)!::pwrite(file.get(), pid.data(), pid.size(), 0);
    return DirectoryLock(std::move(file));
}

}  // namespace glassgate::store
