#include "store/segment/journal.h"

#include <cstring>

#include "store/segment/crc32c.h"

namespace glassgate::store {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kMagic = "GGJRNL\0\1"sv;  // the last byte is the version
constexpr std::string_view kMark = "\xf5GGr"sv;
constexpr std::size_t kRecordHead = 12;  // mark, length, checksum
constexpr std::size_t kRecordBytes = 64u << 10;
constexpr std::size_t kMaxRecordBytes = 64u << 20;

enum Item : uint8_t { define_item = 1, samples_item = 2 };

void set_u32(std::string& out, std::size_t at, uint32_t v) {
    std::memcpy(out.data() + at, &v, sizeof v);
}

}  // namespace

std::string journal_path(const std::string& directory, uint64_t number) {
    std::string digits = std::to_string(number);
    digits.insert(0, digits.size() < 10 ? 10 - digits.size() : 0, '0');
    return directory + "/" + digits + ".journal";
}

Result<JournalFile> JournalFile::create(Disk& disk, const std::string& directory, uint64_t number) {
    JournalFile journal;
    journal.file_ = TRY(OutFile::create(disk, journal_path(directory, number)));
    journal.number_ = number;
    TRY_STATUS(journal.file_.append(kMagic));
    TRY_STATUS(sync_directory(disk, directory));
    return journal;
}

void JournalFile::begin_item() {
    if (in_record_ && out_.size() - record_start_ >= kRecordBytes) end_record();
    if (in_record_) return;
    in_record_ = true;
    record_start_ = out_.size();
    out_.append(kMark).append(kRecordHead - kMark.size(), '\0');
}

void JournalFile::end_record() {
    if (!in_record_) return;
    in_record_ = false;
    const std::string_view payload = std::string_view(out_).substr(record_start_ + kRecordHead);
    const uint32_t crc = crc32c(payload);
    set_u32(out_, record_start_ + 4, static_cast<uint32_t>(payload.size()));
    set_u32(out_, record_start_ + 8, crc);
}

void JournalFile::define(uint32_t id, SeriesKind kind, const Labels& labels) {
    begin_item();
    put_u8(out_, define_item);
    put_varint(out_, id);
    put_u8(out_, static_cast<uint8_t>(kind));
    put_labels(out_, labels);
}

void JournalFile::samples(uint32_t id, const ChunkView& chunk) {
    begin_item();
    put_u8(out_, samples_item);
    put_varint(out_, id);
    TimeMs before = 0;
    put_chunk(out_, before, chunk);
}

Status JournalFile::write(bool sync) {
    end_record();
    const std::string out = std::exchange(out_, {});
    if (out.empty()) return {};
    TRY_STATUS(file_.append(out));
    return sync ? file_.sync() : Status{};
}

namespace {

// One record's items. False: they do not add up to the record.
bool read_items(std::string_view payload, const JournalReader& reader, JournalFault& fault) {
    ByteReader in(payload);
    while (in.ok() && !in.at_end()) {
        const uint8_t item = in.u8();
        const auto id = static_cast<uint32_t>(in.varint_up_to(UINT32_MAX));
        if (item == define_item) {
            const uint8_t kind = in.u8();
            Labels labels;
            if (kind > static_cast<uint8_t>(SeriesKind::counter) || !read_labels(in, labels))
                return false;
            reader.define(id, static_cast<SeriesKind>(kind), std::move(labels));
        } else if (item == samples_item) {
            TimeMs before = 0;
            ChunkView chunk;
            if (!read_chunk(in, before, chunk)) return false;
            if (!reader.samples(id, chunk)) ++fault.lost_items;
        } else {
            return false;
        }
    }
    return in.ok();
}

}  // namespace

JournalFault read_journal(std::string_view bytes, const JournalReader& reader) {
    JournalFault fault;
    std::size_t at = 0;
    if (bytes.starts_with(kMagic)) at = kMagic.size();
    while (at < bytes.size()) {
        const std::size_t mark = bytes.find(kMark, at);
        if (mark == std::string_view::npos || bytes.size() - mark < kRecordHead) {
            fault.torn_end = true;
            fault.skipped_bytes += bytes.size() - at;
            break;
        }
        fault.skipped_bytes += mark - at;
        ByteReader head(bytes.substr(mark + kMark.size(), kRecordHead - kMark.size()));
        const uint32_t length = head.u32();
        const uint32_t crc = head.u32();
        const std::size_t left = bytes.size() - mark - kRecordHead;
        const bool whole = length <= left && length <= kMaxRecordBytes;
        const std::string_view payload =
            whole ? bytes.substr(mark + kRecordHead, length) : std::string_view{};
        if (!whole || crc32c(payload) != crc) {
            ++fault.skipped_bytes;
            at = mark + 1;
            continue;
        }
        if (!read_items(payload, reader, fault)) ++fault.lost_items;
        at = mark + kRecordHead + length;
    }
    return fault;
}

}  // namespace glassgate::store
