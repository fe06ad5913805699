// The files a configuration names beside its own documents: certificates, keys, lists. Each is
// remembered with what it held just before it was used, so that a change after that is never
// missed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/digest.h"
#include "config/load.h"

namespace glassgate::config {

class NamedFiles {
public:
    // The content; empty when it cannot be read, which is for the reader of the setting to say.
    [[nodiscard]] std::string read(const std::string& path);
    // The same for a large file that many settings may name: SHA-256 of its content.
    [[nodiscard]] const std::string& sha256(const std::string& path);
    // Holds a secret: watched, but not part of content().
    void note_secret(const std::string& path);

    // Files may come and go there: its names are watched.
    void note_folder(const std::string& path);

    [[nodiscard]] const std::vector<SeenFile>& seen() const noexcept { return seen_; }
    // Of all that is no secret.
    [[nodiscard]] const Digest& content() const noexcept { return content_; }

private:
    void remember(const std::string& path, const Digest& content);

    std::vector<SeenFile> seen_;  // each once
    std::map<std::string, std::string> sha256_;
    Digest content_;
};

// 32 bytes.
[[nodiscard]] std::string sha256_of(std::string_view bytes);

}  // namespace glassgate::config
