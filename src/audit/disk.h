// Disk: the four calls by which records get onto disk, so that tests can let them fail.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "audit/files.h"
#include "base/result.h"

namespace glassgate::audit {

class Disk {
public:
    virtual ~Disk() = default;
    virtual Status write(const File& file, const std::string& path, std::string_view bytes,
                         uint64_t offset);
    virtual Status sync(const File& file, const std::string& path);
    // Makes sure that the bytes [offset, offset + bytes) can be written later without needing new
    // space, and does not change the file's size. Where a file system cannot promise that, its free
    // space is looked at instead.
    virtual Status allocate(const File& file, const std::string& path, uint64_t offset,
                            uint64_t bytes);
    virtual Status truncate(const File& file, const std::string& path, uint64_t size);
};

[[nodiscard]] Disk& real_disk() noexcept;

}  // namespace glassgate::audit
