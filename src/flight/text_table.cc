#include "flight/text_table.h"

#include "flight/record.h"
#include "store/codec/bits.h"

namespace glassgate::flight {

using store::ByteReader;
using store::put_varint;

void TextTable::clear() {
    numbers_.clear();
    bytes_.clear();
    offsets_.assign(1, 0);
}

uint16_t TextTable::number(std::string_view text) {
    if (text.empty() || offsets_.size() >= kNone16) return 0;
    const auto [it, added] =
        numbers_.try_emplace(std::string(text), static_cast<uint16_t>(offsets_.size()));
    if (added) {
        bytes_ += text;
        offsets_.push_back(static_cast<uint32_t>(bytes_.size()));
    }
    return it->second;
}

void TextTable::write(std::string& out) const {
    put_varint(out, offsets_.size());
    for (std::size_t i = 1; i < offsets_.size(); ++i)
        put_varint(out, offsets_[i] - offsets_[i - 1]);
    out += bytes_;
}

bool TextView::read(std::string_view bytes) {
    ends_.clear();
    ByteReader in(bytes);
    const uint64_t count = in.varint_up_to(kNone16);
    if (count == 0 || count > bytes.size()) return false;
    ends_.reserve(count);
    ends_.push_back(0);
    uint64_t end = 0;
    for (uint64_t i = 1; i < count && in.ok(); ++i) {
        end += in.varint_up_to(bytes.size());
        ends_.push_back(static_cast<uint32_t>(end));
        if (end > bytes.size()) return false;
    }
    if (!in.ok() || end != in.left()) return false;
    bytes_ = {in.position(), in.left()};
    return true;
}

}  // namespace glassgate::flight
