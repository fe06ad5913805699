// Who may use the console: names with passwords (HTTP Basic, RFC 7617) and tokens (Bearer, RFC
// 6750), of which only hashes are known.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/console_settings.h"

namespace glassgate::console {

// scrypt:LOG2N:R:P:SALT:HASH with a fresh salt (RFC 7914; N = 2^14, r = 8, p = 1: 16 MiB and some
// tens of milliseconds), base 64.
[[nodiscard]] Result<std::string> hash_password(std::string_view password);
// A token of 256 random bits, and what the configuration holds of it: sha256:HEX. Without
// stretching, since there is nothing to guess.
struct NewToken {
    std::string token, hash;
};
[[nodiscard]] Result<NewToken> make_token();

class Credentials {
public:
    struct User {
        std::string name;
        config::ConsoleRole role = config::ConsoleRole::viewer;
    };

    explicit Credentials(std::vector<config::ConsoleCredential> all);

    [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
    // What is known of an Authorization header without hashing a password: any thread, at once.
    // Nothing: not known, ask check().
    [[nodiscard]] std::optional<User> recall(std::string_view authorization) const;
    // Nothing: refused. Takes as long for an unknown name as for a wrong password. Not for a thread
    // that others wait for.
    [[nodiscard]] std::optional<User> check(std::string_view authorization);

private:
    [[nodiscard]] std::string digest(std::string_view authorization) const;
    [[nodiscard]] std::optional<User> check_basic(std::string_view encoded) const;
    [[nodiscard]] std::optional<User> check_bearer(std::string_view token) const;

    const std::vector<config::ConsoleCredential> all_;
    std::string key_;  // random: what is remembered is worth nothing elsewhere
    mutable std::mutex mutex_;
    std::map<std::string, User> known_;  // by the digest of the header; successes only
};

}  // namespace glassgate::console
