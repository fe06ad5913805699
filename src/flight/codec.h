// A record as bytes. There are two forms, of one layout: an entry, which stands alone (in the queue
// of the sink and in the journal), and the detail of a block, whose texts are numbers of the
// block's table and whose most wanted facts lie in its row.
//
// Reading is for foreign bytes: whatever they are, it ends, stays inside them, and gives a record
// whose enumerations and counts are in range, or false.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "flight/record.h"

namespace glassgate::flight {

// Texts of a block, each once. Number 0 is the empty text.
class TextTable {
public:
    TextTable() { clear(); }
    void clear();
    // Beyond 65535 different texts it is number 0: a block is written long before.
    [[nodiscard]] uint16_t number(std::string_view text);
    [[nodiscard]] bool full() const noexcept { return offsets_.size() > 60'000; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.size(); }
    // A count, the lengths, the bytes.
    void write(std::string& out) const;

private:
    std::unordered_map<std::string, uint16_t> numbers_;
    std::string bytes_;
    std::vector<uint32_t> offsets_;  // the end of each
};

// The same as it lies in a block that has been read.
class TextView {
public:
    [[nodiscard]] bool read(std::string_view bytes);  // which must outlive it
    [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
    [[nodiscard]] std::string_view operator[](uint16_t number) const noexcept {
        if (number >= ends_.size()) return {};
        const uint32_t begin = number == 0 ? 0 : ends_[number - 1];
        return bytes_.substr(begin, ends_[number] - begin);
    }

private:
    std::string_view bytes_;
    std::vector<uint32_t> ends_;
};

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
