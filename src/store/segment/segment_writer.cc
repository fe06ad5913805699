#include <algorithm>

#include "store/segment/crc32c.h"
#include "store/segment/segment.h"
#include "store/segment/segment_format.h"

namespace glassgate::store {

std::string segment_path(const std::string& directory, const SegmentHead& head) {
    return directory + "/" + std::to_string(head.step_ms) + "ms-" + std::to_string(head.from_ms) +
           "-" + std::to_string(head.sequence) + ".segment";
}

Result<SegmentWriter> SegmentWriter::create(Disk& disk, std::string path, const SegmentHead& head) {
    SegmentWriter writer;
    writer.file_ = TRY(OutFile::create(disk, std::move(path)));
    writer.head_ = head;
    std::string& out = writer.buffer_;
    out.append(kSegmentMagic);
    put_u64(out, static_cast<uint64_t>(head.step_ms));
    put_u64(out, static_cast<uint64_t>(head.from_ms));
    put_u64(out, static_cast<uint64_t>(head.to_ms));
    put_u64(out, head.sequence);
    put_u32(out, 0);
    put_u32(out, crc32c(out));
    return writer;
}

Symbol SegmentWriter::symbol(const std::string& text) {
    const auto [at, is_new] = symbols_.try_emplace(text, static_cast<Symbol>(symbols_.size()));
    if (is_new) put_text(symbol_bytes_, text);
    return at->second;
}

Status SegmentWriter::add(const Labels& labels, SeriesKind kind,
                          std::span<const ChunkView> chunks) {
    if (chunks.empty()) return {};
    extent_.clear();
    TimeMs before = 0;
    SegmentEntry entry;
    entry.kind = kind;
    entry.first_ms = chunks.front().first_ms;
    entry.last_ms = chunks.back().last_ms;
    for (const ChunkView& chunk : chunks) {
        put_chunk(extent_, before, chunk);
        entry.samples += chunk.samples;
    }
    entry.length = extent_.size();
    entry.crc = crc32c(extent_);
    return put_extent(labels, entry, extent_);
}

Status SegmentWriter::copy(const Labels& labels, const SegmentEntry& entry,
                           std::string_view extent) {
    return put_extent(labels, entry, extent);
}

Status SegmentWriter::put_extent(const Labels& labels, SegmentEntry entry,
                                 std::string_view extent) {
    put_varint(entry_bytes_, labels.size());
    for (const Label& label : labels) {
        put_varint(entry_bytes_, symbol(label.name));
        put_varint(entry_bytes_, symbol(label.value));
    }
    put_u8(entry_bytes_, static_cast<uint8_t>(entry.kind));
    put_varint(entry_bytes_, entry.length);
    put_u32(entry_bytes_, entry.crc);
    put_zigzag(entry_bytes_, static_cast<int64_t>(static_cast<uint64_t>(entry.first_ms) -
                                                  static_cast<uint64_t>(head_.from_ms)));
    put_varint(entry_bytes_,
               static_cast<uint64_t>(entry.last_ms) - static_cast<uint64_t>(entry.first_ms));
    put_varint(entry_bytes_, entry.samples);
    ++series_;
    samples_ += entry.samples;
    data_bytes_ += extent.size();
    first_ms_ = std::min(first_ms_, entry.first_ms);
    last_ms_ = std::max(last_ms_, entry.last_ms);
    buffer_.append(extent);
    if (buffer_.size() < kWriteBytes) return {};
    const Status status = file_.append(buffer_);
    buffer_.clear();
    return status;
}

Status SegmentWriter::finish(bool sync) {
    std::string index;
    put_varint(index, symbols_.size());
    index.append(symbol_bytes_);
    put_varint(index, series_);
    index.append(entry_bytes_);

    std::string foot;
    put_u64(foot, kSegmentHeadBytes + data_bytes_);
    put_u64(foot, index.size());
    put_u64(foot, static_cast<uint64_t>(first_ms_));
    put_u64(foot, static_cast<uint64_t>(last_ms_));
    put_u32(foot, crc32c(index));
    put_u32(foot, crc32c(foot));
    foot.append(kSegmentEnd);

    buffer_.append(index).append(foot);
    TRY_STATUS(file_.append(buffer_));
    buffer_.clear();
    return sync ? file_.sync() : Status{};
}

}  // namespace glassgate::store
