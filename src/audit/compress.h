// Sealed segments compressed with zstd, and moved to an archive.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace glassgate::audit {

// Compresses the records of a sealed segment, reads them back, compares, and only then removes the
// plain file. Does nothing when that has been done.
[[nodiscard]] Status compress_segment(const std::string& folder, uint64_t segment);

// The segments that are sealed, followed by another one and still plain, the oldest first.
// Returns how many there were.
[[nodiscard]] Result<uint64_t> compress_sealed(const std::string& folder);

// Copies the files of all sealed segments, compressed, to another folder (a mounted archive), where
// they verify like the log itself, and leaves a symbolic link behind for the records. Returns how
// many segments were moved.
[[nodiscard]] Result<uint64_t> archive_sealed(const std::string& folder,
                                              const std::string& archive);

}  // namespace glassgate::audit
