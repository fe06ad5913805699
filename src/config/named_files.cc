#include "config/named_files.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

#include "config/files.h"

namespace glassgate::config {

std::string sha256_of(std::string_view bytes) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
    return {reinterpret_cast<const char*>(digest), sizeof digest};
}

// A file named twice keeps what it held first: if it has changed in between, the watcher tells.
void NamedFiles::remember(const std::string& path, const Digest& content) {
    const bool known = std::any_of(seen_.begin(), seen_.end(),
                                   [&](const SeenFile& file) { return file.path == path; });
    if (!known) seen_.push_back({path, content});
}

std::string NamedFiles::read(const std::string& path) {
    Result<std::string> text = read_file(path, kMaxWatchedBytes);
    remember(path, digest_of(text));
    content_.add(sha256_of(text ? *text : text.error().message));
    return text ? std::move(*text) : std::string();
}

const std::string& NamedFiles::sha256(const std::string& path) {
    const auto known = sha256_.find(path);
    if (known != sha256_.end()) return known->second;
    return sha256_.emplace(path, sha256_of(read(path))).first->second;
}

void NamedFiles::note_secret(const std::string& path) {
    Result<std::string> text = read_file(path, kMaxWatchedBytes);
    remember(path, digest_of(text));
    if (text) OPENSSL_cleanse(text->data(), text->size());
}

void NamedFiles::note_folder(const std::string& path) { remember(path, content_of(path)); }

}  // namespace glassgate::config
