// Certificates, keys and revocation lists from PEM text (RFC 7468), with mistakes in words a person
// can act on. For the configuration's thread: reads files, allocates.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/tls/openssl.h"
#include "io/tls/problem.h"

namespace glassgate::io::tls {

// A file that holds PEM text, or the text itself. With both the file has been read already: the
// text counts, messages name the file. Empty: not given.
struct PemSource {
    std::string path;
    std::string text;

    // The text if it holds a BEGIN line, otherwise a path.
    static PemSource of(std::string text_or_path);
    [[nodiscard]] bool empty() const noexcept { return path.empty() && text.empty(); }
    // "file /etc/x.pem" or "the PEM text", for messages.
    [[nodiscard]] std::string name() const;
};

constexpr std::size_t kPemBytesMax = 8u << 20;  // a system's bundle has some 250 kB

// The whole file, or why not. Larger than kPemBytesMax is a mistake.
[[nodiscard]] Result<std::string> read_small_file(const std::string& path);

// Each reports what is wrong under `where` and returns what could be read. Nothing at all is a
// mistake, too.
[[nodiscard]] std::vector<CertificatePtr> load_certificates(const PemSource& source,
                                                            const std::string& where,
                                                            Problems& problems);
[[nodiscard]] std::vector<CrlPtr> load_crls(const PemSource& source, const std::string& where,
                                            Problems& problems);
// Null when it cannot be used; an encrypted key cannot.
[[nodiscard]] KeyPtr load_key(const PemSource& source, const std::string& where,
                              Problems& problems);

}  // namespace glassgate::io::tls
