// Checkpoints (docs/formats/audit.md section 5): the signed state of the log at one size.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/hash.h"
#include "audit/key.h"

namespace glassgate::audit {

struct Checkpoint {
    uint64_t number = 0;
    std::string log;  // 32 hexadecimal digits
    uint64_t size = 0;
    Hash root{};
    Hash hash{};  // of record `size`
    uint64_t segment = 0;
    uint64_t wall_ns = 0;
    Hash previous{};  // of the line of the one before; zeros in the first
    Hash key{};
    std::string signature;  // base64
};

// Signs and returns the line without LF; sets `key` and `signature`.
[[nodiscard]] std::string sign_checkpoint(Checkpoint& checkpoint, const SigningKey& key);

// A line without LF, any bytes. Only the form is checked.
[[nodiscard]] std::optional<Checkpoint> parse_checkpoint(std::string_view line);

enum class SignatureCheck : uint8_t { good, unknown_key, bad };
// `line`: what `checkpoint` was parsed from.
[[nodiscard]] SignatureCheck check_signature(std::string_view line, const Checkpoint& checkpoint,
                                             const std::vector<PublicKey>& keys);

[[nodiscard]] inline Hash checkpoint_hash(std::string_view line) noexcept { return sha256(line); }

// "0123abcd..." : 32 lower-case hexadecimal digits.
[[nodiscard]] bool is_log_id(std::string_view text) noexcept;

}  // namespace glassgate::audit
