#include "store/segment/segment.h"

#include <algorithm>
#include <optional>

#include "base/clock.h"
#include "store/hash.h"
#include "store/segment/crc32c.h"
#include "store/segment/segment_format.h"

namespace glassgate::store {

// --- the index -----------------------------------------------------------------------------------

bool SegmentIndex::read_symbols(ByteReader& in) {
    const uint64_t count = in.varint_up_to(in.left());  // each takes a byte at least
    symbols_.reserve(count);
    for (uint64_t i = 0; i < count && in.ok(); ++i) {
        symbols_.push_back(in.text());
        if (symbols_.back().empty()) return in.fail();
    }
    return in.ok();
}

bool SegmentIndex::read_entry(ByteReader& in, const SegmentHead& head, SegmentEntry& entry) {
    entry.labels_begin = static_cast<uint32_t>(pairs_.size());
    entry.labels_count = static_cast<uint32_t>(in.varint_up_to(kMaxLabelCount));
    for (uint32_t i = 0; i < entry.labels_count; ++i) {
        const uint64_t name = in.varint(), value = in.varint();
        if (!in.ok() || name >= symbols_.size() || value >= symbols_.size()) return in.fail();
        if (i > 0 && symbols_[pairs_.back().name] >= symbols_[name]) return in.fail();
        pairs_.push_back({static_cast<Symbol>(name), static_cast<Symbol>(value)});
    }
    const uint8_t kind = in.u8();
    if (kind > static_cast<uint8_t>(SeriesKind::counter)) return in.fail();
    entry.kind = static_cast<SeriesKind>(kind);
    entry.length = in.varint();
    entry.crc = in.u32();
    entry.first_ms = static_cast<TimeMs>(static_cast<uint64_t>(head.from_ms) +
                                         static_cast<uint64_t>(in.zigzag()));
    const uint64_t span = in.varint();
    if (span > static_cast<uint64_t>(INT64_MAX) - static_cast<uint64_t>(entry.first_ms))
        return in.fail();
    entry.last_ms = static_cast<TimeMs>(static_cast<uint64_t>(entry.first_ms) + span);
    entry.samples = in.varint();
    return in.ok();
}

bool SegmentIndex::in_order(const SegmentEntry& a, const SegmentEntry& b) const noexcept {
    const uint32_t common = std::min(a.labels_count, b.labels_count);
    for (uint32_t i = 0; i < common; ++i) {
        const Pair x = pairs_[a.labels_begin + i], y = pairs_[b.labels_begin + i];
        if (x.name != y.name) return symbols_[x.name] < symbols_[y.name];
        if (x.value != y.value) return symbols_[x.value] < symbols_[y.value];
    }
    return a.labels_count < b.labels_count;
}

std::shared_ptr<const SegmentIndex> SegmentIndex::parse(std::string bytes, const SegmentHead& head,
                                                        uint64_t data_end, uint64_t hash_seed) {
    auto index = std::make_shared<SegmentIndex>();
    index->bytes_ = std::move(bytes);
    ByteReader in(index->bytes_);
    if (!index->read_symbols(in)) return nullptr;
    const uint64_t count = in.varint_up_to(in.left());
    uint64_t offset = kSegmentHeadBytes;
    for (uint64_t i = 0; i < count; ++i) {
        SegmentEntry entry;
        if (!index->read_entry(in, head, entry)) return nullptr;
        entry.offset = offset;
        if (entry.length > data_end - offset) return nullptr;
        offset += entry.length;
        entry.hash = hash_seed;
        for (uint32_t k = 0; k < entry.labels_count; ++k) {
            const Pair pair = index->pairs_[entry.labels_begin + k];
            entry.hash = hash_text(hash_text(entry.hash, index->symbols_[pair.name]),
                                   index->symbols_[pair.value]);
        }
        if (i > 0 && !index->in_order(index->entries_.back(), entry)) return nullptr;
        index->entries_.push_back(entry);
    }
    if (!in.ok() || !in.at_end() || offset != data_end) return nullptr;
    index->pairs_.shrink_to_fit();
    index->entries_.shrink_to_fit();
    return index;
}

Labels SegmentIndex::labels(const SegmentEntry& entry) const {
    Labels labels;
    labels.reserve(entry.labels_count);
    for (uint32_t i = 0; i < entry.labels_count; ++i) {
        const Pair pair = pairs_[entry.labels_begin + i];
        labels.push_back({std::string(symbols_[pair.name]), std::string(symbols_[pair.value])});
    }
    return labels;
}

bool SegmentIndex::has_labels(const SegmentEntry& entry, const Labels& labels) const noexcept {
    if (entry.labels_count != labels.size()) return false;
    for (uint32_t i = 0; i < entry.labels_count; ++i) {
        const Pair pair = pairs_[entry.labels_begin + i];
        if (symbols_[pair.name] != labels[i].name || symbols_[pair.value] != labels[i].value)
            return false;
    }
    return true;
}

std::size_t SegmentIndex::footprint() const noexcept {
    return sizeof *this + bytes_.capacity() + symbols_.capacity() * sizeof symbols_[0] +
           pairs_.capacity() * sizeof(Pair) + entries_.capacity() * sizeof(SegmentEntry);
}

// Each matcher is asked once for each value it meets.
std::vector<uint32_t> SegmentIndex::select(const MatcherSet& matchers) const {
    struct Asked {
        const CompiledMatcher* matcher;
        std::optional<Symbol> name;
        std::vector<int8_t> answers;  // by value; -1: not asked yet
    };
    std::vector<Asked> asked;
    for (const CompiledMatcher& matcher : matchers) {
        Asked& a = asked.emplace_back();
        a.matcher = &matcher;
        const auto at = std::find(symbols_.begin(), symbols_.end(), matcher.name());
        if (at != symbols_.end()) a.name = static_cast<Symbol>(at - symbols_.begin());
        a.answers.assign(symbols_.size(), -1);
    }
    const auto fits = [&](const SegmentEntry& entry, Asked& a) {
        for (uint32_t i = 0; a.name && i < entry.labels_count; ++i) {
            const Pair pair = pairs_[entry.labels_begin + i];
            if (pair.name != *a.name) continue;
            int8_t& answer = a.answers[pair.value];
            if (answer < 0) answer = a.matcher->matches(symbols_[pair.value]) ? 1 : 0;
            return answer == 1;
        }
        return a.matcher->matches_missing();
    };
    std::vector<uint32_t> found;
    for (uint32_t i = 0; i < entries_.size(); ++i)
        if (std::all_of(asked.begin(), asked.end(), [&](Asked& a) { return fits(entries_[i], a); }))
            found.push_back(i);
    return found;
}

// --- the file ------------------------------------------------------------------------------------

Status Segment::read_head() {
    std::string bytes;
    TRY_STATUS(file_.read(0, kSegmentHeadBytes, bytes));
    ByteReader in({bytes.data(), kSegmentHeadBytes});
    const bool magic = in.bytes(kSegmentMagic.size()) == kSegmentMagic;
    head_.step_ms = static_cast<int64_t>(in.u64());
    head_.from_ms = static_cast<TimeMs>(in.u64());
    head_.to_ms = static_cast<TimeMs>(in.u64());
    head_.sequence = in.u64();
    const uint32_t reserved = in.u32();
    const std::size_t covered = kSegmentHeadBytes - 4;
    if (!magic || reserved != 0 || in.u32() != crc32c({bytes.data(), covered}) ||
        head_.step_ms <= 0 || head_.from_ms >= head_.to_ms)
        return failure(file_.path() + ": the head is damaged, or it is no segment");
    return {};
}

Status Segment::read_foot() {
    const uint64_t foot_offset = file_.size() - kSegmentFootBytes;
    std::string bytes;
    TRY_STATUS(file_.read(foot_offset, kSegmentFootBytes, bytes));
    ByteReader in({bytes.data(), kSegmentFootBytes});
    index_offset_ = in.u64();
    index_length_ = in.u64();
    first_ms_ = static_cast<TimeMs>(in.u64());
    last_ms_ = static_cast<TimeMs>(in.u64());
    index_crc_ = in.u32();
    const std::size_t covered = kSegmentFootBytes - 4 - kSegmentEnd.size();
    if (in.u32() != crc32c({bytes.data(), covered}) || in.bytes(8) != kSegmentEnd ||
        index_offset_ < kSegmentHeadBytes || index_offset_ > foot_offset ||
        index_length_ != foot_offset - index_offset_)
        return failure(file_.path() + ": the foot is damaged, or the file is not whole");
    return {};
}

Result<std::shared_ptr<Segment>> Segment::open(const std::string& path, uint64_t hash_seed) {
    std::shared_ptr<Segment> segment(new Segment(TRY(InFile::open(path)), hash_seed));
    if (segment->bytes() < kSegmentHeadBytes + kSegmentFootBytes)
        return failure(path + ": too short for a segment");
    TRY_STATUS(segment->read_head());
    TRY_STATUS(segment->read_foot());
    return segment;
}

Result<std::shared_ptr<const SegmentIndex>> Segment::index() const {
    used_ns_.store(mono_now_ns(), std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    if (index_ != nullptr) return index_;
    std::string bytes;
    TRY_STATUS(file_.read(index_offset_, index_length_, bytes));
    bytes.resize(index_length_);
    if (crc32c(bytes) != index_crc_) return failure(path() + ": the index is damaged");
    auto index = SegmentIndex::parse(std::move(bytes), head_, index_offset_, hash_seed_);
    if (index == nullptr) return failure(path() + ": the index makes no sense");
    index_ = std::move(index);
    return index_;
}

void Segment::forget_index() const {
    const std::lock_guard lock(mutex_);
    index_ = nullptr;
}

std::size_t Segment::index_bytes() const {
    const std::lock_guard lock(mutex_);
    return index_ == nullptr ? 0 : index_->footprint();
}

Result<std::string_view> Segment::read(const SegmentEntry& entry, std::string& buffer) const {
    TRY_STATUS(file_.read(entry.offset, entry.length, buffer));
    const std::string_view bytes(buffer.data(), entry.length);
    if (crc32c(bytes) != entry.crc)
        return failure(path() + ": damaged at " + std::to_string(entry.offset));
    return bytes;
}

}  // namespace glassgate::store
