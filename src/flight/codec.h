// A record as bytes. There are two forms, of one layout: an entry, which stands alone (in the queue
// of the sink and in the journal), and the detail of a block, whose texts are numbers of the
// block's table and whose most wanted facts lie in its row.
//
// Reading is for foreign bytes: whatever they are, it ends, stays inside them, and gives a record
// whose enumerations and counts are in range, or false.
#pragma once

#include <string>
#include <string_view>

#include "flight/record.h"
#include "flight/text_table.h"

namespace glassgate::flight {

// `exchange` has been redacted.
void encode_entry(const model::Exchange& exchange, Kept kept, uint64_t plan_key, std::string& out);
void encode_entry(const model::Event& event, uint64_t plan_key, std::string& out);
void encode_entry(const model::Connection& connection, uint64_t plan_key, std::string& out);

// All of the record but its plan, which is `plan_key`'s.
[[nodiscard]] bool decode_entry(std::string_view bytes, Record& record, uint64_t& plan_key);

// Appends the detail; completes the row's texts and `detail`.
void encode_detail(const Record& record, TextTable& texts, Row& row, std::string& out);
// `details` of the whole block.
[[nodiscard]] bool decode_detail(const Row& row, std::string_view details, const TextView& texts,
                                 Record& record);

// Whether the enumerations of a row read from a file are in range.
[[nodiscard]] bool sound(const Row& row) noexcept;

}  // namespace glassgate::flight
