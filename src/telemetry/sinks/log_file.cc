#include "telemetry/sinks/log_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/clock.h"

namespace glassgate::telemetry {
namespace {

constexpr uint64_t kRotationRetryNs = 60 * kNsPerSecond;
constexpr mode_t kMode = 0640;  // logs are for the operator's group, not for everybody
constexpr int kPollMs = 1000;   // for a standard output that is set to non-blocking

Result<int> open_for_append(const std::string& path) {
    const int fd =
        ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, kMode);
    if (fd < 0) return failure_errno("open " + path, errno);
    return fd;
}

bool ends_without_newline(const std::string& path, uint64_t size) noexcept {
    if (size == 0) return false;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return false;
    char last = '\n';
    const ssize_t got = ::pread(fd, &last, 1, static_cast<off_t>(size - 1));
    ::close(fd);
    return got == 1 && last != '\n';
}

}  // namespace

Result<LogFile> LogFile::open(const LogOutput& output) {
    if (output.kind == LogOutputKind::out) return LogFile(output, STDOUT_FILENO);
    LogFile file(output, TRY(open_for_append(output.path)));
    file.look_at_file();
    return file;
}

LogFile::LogFile(LogFile&& other) noexcept
    : output_(std::move(other.output_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      last_write_s_(other.last_write_s_),
      no_rotation_before_ns_(other.no_rotation_before_ns_),
      torn_(other.torn_) {}

LogFile::~LogFile() {
    if (output_.kind == LogOutputKind::file && fd_ >= 0) ::close(fd_);
}

std::string LogFile::name() const {
    return output_.kind == LogOutputKind::out ? "standard output" : output_.path;
}

std::string LogFile::numbered(uint32_t number) const {
    return output_.path + "." + std::to_string(number);
}

void LogFile::look_at_file() noexcept {
    struct stat about{};
    size_ = 0;
    torn_ = false;
    last_write_s_ = wall_now_ns() / kNsPerSecond;
    if (fstat(fd_, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size == 0) return;
    size_ = static_cast<uint64_t>(about.st_size);
    last_write_s_ = static_cast<uint64_t>(about.st_mtime);
    torn_ = ends_without_newline(output_.path, size_);
}

Status LogFile::reopen() {
    if (output_.kind == LogOutputKind::out) return {};
    const int fd = TRY(open_for_append(output_.path));
    ::close(std::exchange(fd_, fd));
    look_at_file();
    return {};
}

Status LogFile::rotate_if_due(std::size_t bytes, uint64_t wall_ns) {
    if (output_.kind == LogOutputKind::out || size_ == 0 || wall_ns < no_rotation_before_ns_)
        return {};
    const uint64_t now_s = wall_ns / kNsPerSecond;
    const bool full = output_.rotate_max_bytes != 0 && size_ + bytes > output_.rotate_max_bytes;
    const bool old = output_.rotate_interval_s != 0 &&
                     now_s / output_.rotate_interval_s > last_write_s_ / output_.rotate_interval_s;
    if (!full && !old) return {};
    Status rotated = rotate();
    if (!rotated) no_rotation_before_ns_ = wall_ns + kRotationRetryNs;
    return rotated;
}

Status LogFile::rotate() {
    const auto move = [](const std::string& from, const std::string& to) -> Status {
        if (::rename(from.c_str(), to.c_str()) == 0 || errno == ENOENT) return {};
        return failure_errno("rename " + from + " to " + to, errno);
    };
    if (output_.rotate_keep == 0) {
        if (::unlink(output_.path.c_str()) != 0 && errno != ENOENT)
            return failure_errno("unlink " + output_.path, errno);
        return reopen();
    }
    for (uint32_t number = output_.rotate_keep - 1; number >= 1; --number)
        TRY_STATUS(move(numbered(number), numbered(number + 1)));
    TRY_STATUS(move(output_.path, numbered(1)));
    return reopen();
}

// 0 when all is written, else an errno.
int LogFile::write_bytes(std::string_view bytes, std::size_t& written) noexcept {
    written = 0;
    while (written < bytes.size()) {
        const ssize_t n = ::write(fd_, bytes.data() + written, bytes.size() - written);
        if (n > 0) {
            written += static_cast<std::size_t>(n);
            continue;
        }
        if (n == 0) return ENOSPC;  // never seen; but no progress must not be an endless loop
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return errno;
        pollfd ready{fd_, POLLOUT, 0};
        if (::poll(&ready, 1, kPollMs) <= 0) return EAGAIN;
    }
    return 0;
}

LogFile::Written LogFile::write(std::span<const std::string_view> lines) noexcept {
    Written result;
    std::size_t written = 0;
    if (torn_) {
        result.error = write_bytes("\n", written);
        if (result.error != 0) return result;
        torn_ = false;
        ++size_;
    }
    while (result.lines < lines.size() && result.error == 0) {
        // Lines of a batch mostly lie behind one another: one write for all of them.
        std::string_view run = lines[result.lines];
        std::size_t end = result.lines + 1;
        for (; end < lines.size() && lines[end].data() == run.data() + run.size(); ++end)
            run = {run.data(), run.size() + lines[end].size()};
        result.error = write_bytes(run, written);
        size_ += written;
        for (; result.lines < end && written >= lines[result.lines].size(); ++result.lines)
            written -= lines[result.lines].size();
        if (written == 0) continue;
        torn_ = true;
        // All but the newline of it is there: the newline that ends a torn line completes it.
        if (written + 1 == lines[result.lines].size()) ++result.lines;
    }
    if (result.lines != 0) last_write_s_ = wall_now_ns() / kNsPerSecond;
    return result;
}

}  // namespace glassgate::telemetry
