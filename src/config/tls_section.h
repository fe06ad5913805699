// Reading a tls section: where each setting stands, what its files hold, and what is wrong with
// them, told at its place.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/draft.h"
#include "io/tls/certificate_facts.h"
#include "io/tls/crypto_policy.h"
#include "io/tls/pem.h"
#include "io/tls/problem.h"
#include "io/tls/trust.h"

namespace glassgate::config {

enum class Secrecy : uint8_t { open, secret };

class TlsSection {
public:
    TlsSection(const Position& at, Draft& draft) : at_(at), draft_(draft) {}

    // What io::tls says about `path` (as in io::tls::Problem::where) is told at the node.
    void note(const std::string& path, const Node* node);

    // PEM text, or the path of a file with it, from the folder of the document on. Nothing: absent,
    // or reported.
    std::optional<io::tls::PemSource> pem(Fields& fields, std::string_view key,
                                          const std::string& path, Secrecy secrecy);
    std::vector<io::tls::PemSource> pems(Fields& fields, std::string_view key,
                                         const std::string& path);
    // The path of a file that is not PEM; empty: absent, or reported.
    std::string file(Fields& fields, std::string_view key, const std::string& path,
                     Secrecy secrecy);
    // A list of names, each of which is looked at by io::tls.
    std::vector<std::string> names(Fields& fields, std::string_view key, const std::string& path);

    void read_crypto(Fields& fields, io::tls::CryptoSettings& crypto);
    void read_trust(Fields& fields, const std::string& prefix, io::tls::TrustSettings& trust);

    // `but`: left out, because what causes it has been reported.
    void report(const io::tls::Problems& problems, std::string_view but = {});
    // Warns of an end within 21 days; of one in the past io::tls warns itself.
    void warn_of_expiry(const io::tls::CertificateFacts& facts, const std::string& path);

    // Hexadecimal, of everything that was read, also what the files hold. Private keys are left
    // out: each belongs to one certificate.
    [[nodiscard]] std::string fingerprint() const;
    void mix(std::string_view part);

private:
    std::optional<io::tls::PemSource> source(const Node& node, std::string_view key,
                                             Secrecy secrecy);
    [[nodiscard]] const Position& place(std::string path) const;

    const Position at_;
    Draft& draft_;
    std::map<std::string, Position> places_;
    std::string mixed_;
};

}  // namespace glassgate::config
