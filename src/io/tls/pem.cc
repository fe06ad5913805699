#include "io/tls/pem.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <cerrno>

namespace glassgate::io::tls {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";

std::size_t count(std::string_view text, std::string_view part) noexcept {
    std::size_t n = 0;
    for (std::size_t at = text.find(part); at != std::string_view::npos;
         at = text.find(part, at + part.size()))
        ++n;
    return n;
}

// The text of a source; nothing after a report.
Result<std::string> text_of(const PemSource& source) {
    if (!source.text.empty()) return source.text;
    return read_small_file(source.path);
}

bool is_der(std::string_view text) noexcept { return text.starts_with("\x30\x82"); }

// Why a text has none of the blocks looked for.
void report_none(const PemSource& source, std::string_view text, std::string_view label,
                 std::string_view command, const std::string& where, Problems& problems) {
    const std::string expected = "a block " + std::string(kBegin) + std::string(label) + "-----";
    if (is_der(text)) {
        problems.error(where, source.name() + " is DER, not PEM",
                       "PEM; openssl " + std::string(command) + " -inform der converts it");
    } else if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        problems.error(where, source.name() + " is empty", expected);
    } else if (const auto at = text.find(kBegin); at != std::string_view::npos) {
        const auto end = text.find("-----", at + kBegin.size());
        const auto found = text.substr(at + kBegin.size(), end - at - kBegin.size());
        problems.error(where,
                       source.name() + " has a block " +
                           std::string(found.substr(0, std::min<std::size_t>(found.size(), 40))) +
                           " but none " + std::string(label),
                       expected);
    } else {
        problems.error(where, source.name() + " holds no PEM", expected);
    }
}

// Reads block after block with `read` (PEM_read_bio_X509 and its kind).
template <typename Ptr, typename Read>
std::vector<Ptr> load_blocks(const PemSource& source, std::string_view label,
                             std::string_view command, Read read, const std::string& where,
                             Problems& problems) {
    std::vector<Ptr> found;
    const auto text = text_of(source);
    if (!text) {
        problems.error(where, text.error().message, "a readable file with PEM text");
        return found;
    }
    const std::string begin = std::string(kBegin) + std::string(label) + "-----";
    if (count(*text, begin) == 0) {
        report_none(source, *text, label, command, where, problems);
        return found;
    }
    std::string_view rest = *text;
    for (std::size_t number = 1;; ++number) {
        const auto at = rest.find(begin);
        if (at == std::string_view::npos) break;
        rest.remove_prefix(at);
        auto stop = rest.find(begin, begin.size());
        if (stop == std::string_view::npos) stop = rest.size();
        const auto block = rest.substr(0, stop);
        rest.remove_prefix(stop);
        ERR_clear_error();
        Ptr item(read(bio_over(block).get()));
        if (item != nullptr) {
            found.push_back(std::move(item));
            continue;
        }
        const bool cut = block.find(kEnd) == std::string_view::npos;
        problems.error(
            where,
            "block " + std::to_string(number) + " (" + std::string(label) + ") of " +
                source.name() +
                (cut ? " is cut short: it has no END line" : " is damaged: " + take_error_text()),
            "the whole block from BEGIN to END");
        ERR_clear_error();
    }
    return found;
}

// OpenSSL asks for the pass phrase of an encrypted key: none here, and no prompt on the terminal.
int no_pass_phrase(char*, int, int, void*) noexcept { return -1; }

bool is_encrypted(std::string_view text) noexcept {
    return text.find("BEGIN ENCRYPTED PRIVATE KEY") != std::string_view::npos ||
           text.find("Proc-Type: 4,ENCRYPTED") != std::string_view::npos;
}

void report_key(const PemSource& source, std::string_view text, const std::string& where,
                Problems& problems) {
    if (is_encrypted(text)) {
        problems.error(where, "the private key in " + source.name() + " is encrypted",
                       "a key without a pass phrase (openssl pkey -in KEY -out PLAIN), in a file "
                       "only the gateway can read");
    } else if (text.find("PRIVATE KEY-----") == std::string_view::npos) {
        report_none(source, text, "PRIVATE KEY", "pkey", where, problems);
    } else if (count(text, kBegin) > count(text, kEnd)) {
        problems.error(where,
                       "the private key in " + source.name() + " is cut short: it has no END line",
                       "the whole block from BEGIN to END");
    } else {
        problems.error(where,
                       "the private key in " + source.name() + " is damaged: " + take_error_text(),
                       "a private key in PEM");
    }
}

}  // namespace

PemSource PemSource::of(std::string text_or_path) {
    PemSource source;
    const bool is_text = text_or_path.find("-----BEGIN") != std::string::npos ||
                         text_or_path.find('\n') != std::string::npos;
    (is_text ? source.text : source.path) = std::move(text_or_path);
    return source;
}

std::string PemSource::name() const { return path.empty() ? "the PEM text" : "file " + path; }

Result<std::string> read_small_file(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return failure_errno("cannot read file " + path, errno);
    std::string bytes;
    char block[16 * 1024];
    for (;;) {
        const ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            const int error = errno;
            close(fd);
            return failure_errno("cannot read file " + path, error);
        }
        bytes.append(block, static_cast<std::size_t>(n));
        if (n == 0 || bytes.size() > kPemBytesMax) break;
    }
    close(fd);
    OPENSSL_cleanse(block, sizeof block);
    if (bytes.size() > kPemBytesMax) return failure("file " + path + " has more than 8 MiB");
    return bytes;
}

std::vector<CertificatePtr> load_certificates(const PemSource& source, const std::string& where,
                                              Problems& problems) {
    // Bundles made by `openssl x509 -trustout` are not looked for: what they add is lost on others.
    return load_blocks<CertificatePtr>(
        source, "CERTIFICATE", "x509",
        [](BIO* bio) { return PEM_read_bio_X509(bio, nullptr, no_pass_phrase, nullptr); }, where,
        problems);
}

std::vector<CrlPtr> load_crls(const PemSource& source, const std::string& where,
                              Problems& problems) {
    return load_blocks<CrlPtr>(
        source, "X509 CRL", "crl",
        [](BIO* bio) { return PEM_read_bio_X509_CRL(bio, nullptr, no_pass_phrase, nullptr); },
        where, problems);
}

KeyPtr load_key(const PemSource& source, const std::string& where, Problems& problems) {
    auto text = text_of(source);
    if (!text) {
        problems.error(where, text.error().message, "a readable file with a private key in PEM");
        return nullptr;
    }
    ERR_clear_error();
    KeyPtr key(PEM_read_bio_PrivateKey(bio_over(*text).get(), nullptr, no_pass_phrase, nullptr));
    if (key == nullptr) report_key(source, *text, where, problems);
    ERR_clear_error();
    OPENSSL_cleanse(text->data(), text->size());
    return key;
}

}  // namespace glassgate::io::tls
