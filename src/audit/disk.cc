#include "audit/disk.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

namespace glassgate::audit {

Status Disk::write(const File& file, const std::string& path, std::string_view bytes,
                   uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t sent =
            ::pwrite(file.fd(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return failure_errno("write " + path, errno);
        bytes.remove_prefix(static_cast<std::size_t>(sent));
        offset += static_cast<uint64_t>(sent);
    }
    return {};
}

Status Disk::sync(const File& file, const std::string& path) { return sync_file(file, path); }

Status Disk::allocate(const File& file, const std::string& path, uint64_t offset, uint64_t bytes) {
    while (::fallocate(file.fd(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                       static_cast<off_t>(bytes)) != 0) {
        if (errno == EINTR) continue;
        if (errno != EOPNOTSUPP) return failure_errno("reserve space for " + path, errno);
        struct statvfs info{};
        if (::fstatvfs(file.fd(), &info) != 0) return failure_errno("free space of " + path, errno);
        if (uint64_t{info.f_bavail} * info.f_frsize < 2 * bytes)
            return failure("reserve space for " + path + ": the disk is full");
        return {};
    }
    return {};
}

Status Disk::truncate(const File& file, const std::string& path, uint64_t size) {
    if (::ftruncate(file.fd(), static_cast<off_t>(size)) != 0)
        return failure_errno("truncate " + path, errno);
    return {};
}

Disk& real_disk() noexcept {
    static Disk disk;
    return disk;
}

}  // namespace glassgate::audit
