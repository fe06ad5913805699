// A block: up to 512 records in one frame. Its head is an index (which records, when, fingerprints
// of their ids, which plans); its body is three compressed parts: the rows, the texts, the details.
// A scan reads rows, the texts if its filter asks for texts, and details of what matches.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flight/codec.h"
#include "flight/record.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace glassgate::flight {

enum BlockPart : std::size_t { kRows, kTexts, kDetails, kPartCount };

struct BlockHead {
    uint64_t first_sequence = 0;
    uint64_t first_at_ns = 0, last_at_ns = 0;  // the least and the greatest
    struct Part {
        uint32_t raw = 0, packed = 0;
    } parts[kPartCount];
    std::vector<uint64_t> plans;
    std::vector<uint32_t> fingerprints;  // one a record; 0 for those without an id

    [[nodiscard]] std::size_t count() const noexcept { return fingerprints.size(); }
    void write(std::string& out) const;
    [[nodiscard]] bool read(std::string_view bytes);
};

// Makes frames. One thread.
class BlockWriter {
public:
    BlockWriter();
    ~BlockWriter();
    BlockWriter(const BlockWriter&) = delete;
    BlockWriter& operator=(const BlockWriter&) = delete;

    // Appends the frame of these entries (at least one, at most kBlockRecords), the first of which
    // is `first_sequence`. An entry that is none is left out: `head` says which there are.
    void write(uint64_t first_sequence, std::span<const std::string_view> entries,
               const std::function<std::shared_ptr<const StoredPlan>(uint64_t)>& plan_of,
               BlockHead& head, std::string& out);

private:
    void pack(std::string_view raw, BlockHead::Part& part, std::string& out);
    ZSTD_CCtx_s* context_;
    TextTable texts_;
    std::string rows_, table_, details_, body_, head_;
};

// A block as it is read: parts are unpacked when they are asked for. One thread.
class Block {
public:
    Block();
    ~Block();
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

    // `body` must outlive its use; `plans` are those of the head, in its order.
    void open(const BlockHead& head, std::string_view body,
              std::vector<std::shared_ptr<const StoredPlan>> plans);
    // False: it is damaged.
    [[nodiscard]] bool rows(std::span<const Row>& rows);
    [[nodiscard]] bool texts();
    [[nodiscard]] std::string_view text(uint16_t number) const noexcept { return texts_[number]; }
    [[nodiscard]] std::size_t text_count() const noexcept { return texts_.size(); }
    [[nodiscard]] bool record(std::size_t index, Record& record);
    [[nodiscard]] const std::shared_ptr<const StoredPlan>& plan(const Row& row) const noexcept;
    [[nodiscard]] uint64_t sequence(std::size_t index) const noexcept {
        return first_sequence_ + index;
    }

private:
    [[nodiscard]] bool unpack(BlockPart part, std::string& out);
    ZSTD_DCtx_s* context_;
    BlockHead::Part parts_[kPartCount];
    std::string_view packed_[kPartCount];
    bool unpacked_[kPartCount] = {};
    uint64_t first_sequence_ = 0;
    std::size_t count_ = 0;
    std::vector<std::shared_ptr<const StoredPlan>> plans_;
    std::string row_bytes_, text_bytes_, details_;
    std::vector<Row> rows_;
    TextView texts_;
};

}  // namespace glassgate::flight
