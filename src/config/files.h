// Reading the configuration's files.
#pragma once

#include <string>
#include <vector>

#include "base/document.h"
#include "base/result.h"
#include "config/digest.h"
#include "config/load.h"

namespace glassgate::config {

// The whole of a regular file of at most `max_bytes`. Never blocks on a pipe or a device.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

// What a watched file held, or why it could not be read: equal as long as nothing changes.
inline constexpr std::size_t kMaxWatchedBytes = 8u << 20;
[[nodiscard]] Digest digest_of(const Result<std::string>& text);
// Of a folder: of the names in it.
[[nodiscard]] Digest content_of(const std::string& path);

// The files `paths` stand for, in order: a file is itself, a folder its *.yaml and *.yml in the
// order of their names (hidden ones left out, folders inside it not entered). A file that is
// reached twice is listed once.
[[nodiscard]] std::vector<std::string> list_files(const std::vector<std::string>& paths,
                                                  Diagnostics& diagnostics);

[[nodiscard]] std::vector<Source> read_sources(const std::vector<std::string>& files,
                                               Diagnostics& diagnostics);

}  // namespace glassgate::config
