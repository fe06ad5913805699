// Deleting old segments (docs/formats/audit.md section 8): only from the oldest on, only when all
// of it is older than the retention, only with the signatures of two operators over the list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/key.h"
#include "base/result.h"

namespace glassgate::audit {

struct DeletionItem {
    uint64_t segment = 0, records = 0;
    std::string sha256;  // of the uncompressed segment, hexadecimal
    uint64_t newest_wall_ns = 0;
};
struct DeletionSignature {
    std::string key;  // its id, hexadecimal
    std::string signature;
};
struct DeletionOrder {
    std::string list;  // what is signed
    std::string log;
    std::vector<DeletionItem> items;
    std::vector<DeletionSignature> signatures;
};

// The list for the oldest segments whose newest record is older than `older_than_wall_ns`, of those
// up to number `up_to`. An Error when there is none.
[[nodiscard]] Result<std::string> propose_deletion(const std::string& folder, uint64_t up_to,
                                                   uint64_t older_than_wall_ns,
                                                   uint64_t now_wall_ns, std::string_view reason);
[[nodiscard]] DeletionSignature sign_deletion(std::string_view list, const SigningKey& key);

[[nodiscard]] std::string order_text(const DeletionOrder& order);
// Any text.
[[nodiscard]] std::optional<DeletionOrder> parse_order(std::string_view text);
[[nodiscard]] bool parse_list(std::string_view list, DeletionOrder& order);
// By two of them, at least.
[[nodiscard]] bool is_authorised(const DeletionOrder& order,
                                 const std::vector<PublicKey>& operators);

// Checks everything (authorised, the segments are the oldest and hold what the list says, nothing
// younger than the retention), leaves the order behind and deletes.
[[nodiscard]] Status execute_deletion(const std::string& folder, const DeletionOrder& order,
                                      const std::vector<PublicKey>& operators,
                                      uint64_t older_than_wall_ns);

}  // namespace glassgate::audit
