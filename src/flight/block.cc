#include "flight/block.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "flight/frame.h"
#include "store/codec/bits.h"

namespace glassgate::flight {
namespace {

using store::ByteReader;
using store::put_u32;
using store::put_u64;

constexpr int kLevel = 3;

}  // namespace

void BlockHead::write(std::string& out) const {
    put_u64(out, first_sequence);
    put_u64(out, first_at_ns);
    put_u64(out, last_at_ns);
    for (const Part& part : parts) {
        put_u32(out, part.raw);
        put_u32(out, part.packed);
    }
    put_u32(out, static_cast<uint32_t>(plans.size()));
    put_u32(out, static_cast<uint32_t>(fingerprints.size()));
    for (const uint64_t plan : plans) put_u64(out, plan);
    for (const uint32_t print : fingerprints) put_u32(out, print);
}

bool BlockHead::read(std::string_view bytes) {
    ByteReader in(bytes);
    first_sequence = in.u64();
    first_at_ns = in.u64();
    last_at_ns = in.u64();
    for (Part& part : parts) {
        part.raw = in.u32();
        part.packed = in.u32();
        if (part.raw > kPartBytesMax) return false;
    }
    const uint32_t plan_count = in.u32(), count = in.u32();
    if (!in.ok() || count > kBlockRecords || plan_count > kBlockRecords ||
        in.left() != plan_count * sizeof(uint64_t) + count * sizeof(uint32_t) ||
        parts[kRows].raw != count * sizeof(Row) || last_at_ns < first_at_ns)
        return false;
    plans.resize(plan_count);
    for (uint64_t& plan : plans) plan = in.u64();
    fingerprints.resize(count);
    for (uint32_t& print : fingerprints) print = in.u32();
    return in.ok() && count > 0;
}

// --- writing -------------------------------------------------------------------------------------

BlockWriter::BlockWriter() : context_(ZSTD_createCCtx()) {
    GW_CHECK(context_ != nullptr);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kLevel);
}
BlockWriter::~BlockWriter() { ZSTD_freeCCtx(context_); }

void BlockWriter::pack(std::string_view raw, BlockHead::Part& part, std::string& out) {
    const std::size_t start = out.size();
    const std::size_t bound = ZSTD_compressBound(raw.size());
    out.resize(start + bound);
    const std::size_t size =
        ZSTD_compress2(context_, out.data() + start, bound, raw.data(), raw.size());
    GW_CHECK(ZSTD_isError(size) == 0);
    out.resize(start + size);
    part = {static_cast<uint32_t>(raw.size()), static_cast<uint32_t>(size)};
}

void BlockWriter::write(uint64_t first_sequence, std::span<const std::string_view> entries,
                        const std::function<std::shared_ptr<const StoredPlan>(uint64_t)>& plan_of,
                        BlockHead& head, std::string& out) {
    head = BlockHead{};
    head.first_sequence = first_sequence;
    head.first_at_ns = UINT64_MAX;
    texts_.clear();
    rows_.clear(), table_.clear(), details_.clear(), body_.clear(), head_.clear();
    Record record;
    std::string scratch;
    for (const std::string_view entry : entries) {
        uint64_t key = 0;
        // Entries are our own, or came through a checksum: this is a matter of form.
        if (!decode_entry(entry, record, key)) continue;
        record.plan = plan_of(key);
        record.attach();
        const auto known = std::find(head.plans.begin(), head.plans.end(), key);
        record.row.plan = static_cast<uint16_t>(known - head.plans.begin());
        if (known == head.plans.end()) head.plans.push_back(key);
        Row row;
        encode_detail(record, texts_, row, details_);
        rows_.append(reinterpret_cast<const char*>(&row), sizeof row);
        const std::string_view id = request_id_of(record, scratch);
        head.fingerprints.push_back(id.empty() ? 0 : fingerprint(id));
        head.first_at_ns = std::min(head.first_at_ns, row.at_ns);
        head.last_at_ns = std::max(head.last_at_ns, row.at_ns);
    }
    if (head.fingerprints.empty()) return;
    texts_.write(table_);
    pack(rows_, head.parts[kRows], body_);
    pack(table_, head.parts[kTexts], body_);
    pack(details_, head.parts[kDetails], body_);
    head.write(head_);
    put_frame(out, FrameKind::block, head_, body_);
}

// --- reading -------------------------------------------------------------------------------------

Block::Block() : context_(ZSTD_createDCtx()) { GW_CHECK(context_ != nullptr); }
Block::~Block() { ZSTD_freeDCtx(context_); }

void Block::open(const BlockHead& head, std::string_view body,
                 std::vector<std::shared_ptr<const StoredPlan>> plans) {
    first_sequence_ = head.first_sequence;
    count_ = head.count();
    plans_ = std::move(plans);
    for (std::size_t i = 0; i < kPartCount; ++i) {
        parts_[i] = head.parts[i];
        packed_[i] = body.substr(0, std::min<std::size_t>(parts_[i].packed, body.size()));
        body.remove_prefix(packed_[i].size());
        unpacked_[i] = false;
    }
}

bool Block::unpack(BlockPart part, std::string& out) {
    out.resize(parts_[part].raw);
    const std::size_t size = ZSTD_decompressDCtx(context_, out.data(), out.size(),
                                                 packed_[part].data(), packed_[part].size());
    unpacked_[part] = ZSTD_isError(size) == 0 && size == out.size();
    return unpacked_[part];
}

bool Block::rows(std::span<const Row>& rows) {
    if (!unpacked_[kRows]) {
        if (!unpack(kRows, row_bytes_)) return false;
        rows_.resize(count_);
        std::memcpy(rows_.data(), row_bytes_.data(), count_ * sizeof(Row));
        if (!std::all_of(rows_.begin(), rows_.end(), sound)) {
            unpacked_[kRows] = false;
            return false;
        }
    }
    rows = rows_;
    return true;
}

bool Block::texts() {
    if (unpacked_[kTexts]) return true;
    if (unpack(kTexts, text_bytes_) && texts_.read(text_bytes_)) return true;
    unpacked_[kTexts] = false;
    return false;
}

bool Block::record(std::size_t index, Record& record) {
    std::span<const Row> all;
    if (!rows(all) || index >= all.size() || !texts()) return false;
    if (!unpacked_[kDetails] && !unpack(kDetails, details_)) return false;
    if (!decode_detail(all[index], details_, texts_, record)) return false;
    record.sequence = sequence(index);
    record.plan = plan(all[index]);
    record.attach();
    return true;
}

const std::shared_ptr<const StoredPlan>& Block::plan(const Row& row) const noexcept {
    return row.plan < plans_.size() && plans_[row.plan] != nullptr ? plans_[row.plan]
                                                                   : unknown_plan();
}

}  // namespace glassgate::flight
