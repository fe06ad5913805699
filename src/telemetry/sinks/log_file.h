// LogFile: where lines are written: a file that rotates, or standard output. Lives on a lane.
//
// Rotation renames: access.log becomes access.log.1, that becomes access.log.2, and so on up to
// rotate_keep; what would come after is deleted. A file rotates before the batch that would make it
// larger than rotate_max_bytes, and when a multiple of rotate_interval_s since 1970 (UTC) has
// passed since it was written to last. An external logrotate needs neither: it renames, and sends
// SIGUSR1.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "telemetry/settings.h"

namespace glassgate::telemetry {

class LogFile {
public:
    // Appends to what is there. A last line that a crash has torn is ended first.
    static Result<LogFile> open(const LogOutput& output);
    LogFile(LogFile&& other) noexcept;
    LogFile& operator=(LogFile&&) = delete;
    ~LogFile();

    // Writes whole lines. `lines` of them, from the front, are in the file; `error` says why not
    // all (an errno). A line that was torn meanwhile is ended before anything else is written.
    struct Written {
        std::size_t lines = 0;
        int error = 0;
    };
    Written write(std::span<const std::string_view> lines) noexcept;

    // Before a write of so many bytes. On failure writing goes on in the old file, and the next
    // attempt is a minute away.
    Status rotate_if_due(std::size_t bytes, uint64_t wall_ns);

    // Opens the path anew. On failure the old file stays. Nothing to do for standard output.
    Status reopen();

    [[nodiscard]] std::string name() const;  // for messages

private:
    LogFile(const LogOutput& output, int fd) : output_(output), fd_(fd) {}
    void look_at_file() noexcept;
    [[nodiscard]] Status rotate();
    [[nodiscard]] int write_bytes(std::string_view bytes, std::size_t& written) noexcept;
    [[nodiscard]] std::string numbered(uint32_t number) const;

    LogOutput output_;
    int fd_;  // owned unless it is standard output
    uint64_t size_ = 0;
    uint64_t last_write_s_ = 0;  // wall clock; of an empty file: when it was opened
    uint64_t no_rotation_before_ns_ = 0;
    bool torn_ = false;  // the file does not end with a newline
};

}  // namespace glassgate::telemetry
