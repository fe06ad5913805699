#include "http/h2/field_block.h"

namespace glassgate::http::h2 {
namespace {

constexpr std::size_t kFieldOverhead = 32;     // RFC 9113 §6.5.2
constexpr std::size_t kUsualTextBytes = 1024;  // also: never in the string itself, so that a swap
                                               // moves no byte of it

}  // namespace

void FieldBlock::begin(const Limits& limits) noexcept {
    text_.clear();
    text_.reserve(kUsualTextBytes);
    fields_.clear();
    error_ = ParseError::none;
    list_bytes_ = 0;
    plain_fields_ = 0;
    most_bytes_ = limits.head.head_bytes;
    most_fields_ = limits.head.header_count;
    bomb_bytes_ =
        limits.header_bomb_factor == 0 ? SIZE_MAX : limits.header_bomb_factor * most_bytes_;
}

bool FieldBlock::add(std::string_view name, std::string_view value) {
    list_bytes_ += name.size() + value.size() + kFieldOverhead;
    if (list_bytes_ > most_bytes_) {
        error_ = ParseError::head_too_large;
        return list_bytes_ <= bomb_bytes_;
    }
    const KnownHeader known = known_header(name);
    const bool pseudo = !name.empty() && name[0] == ':';
    // Cookie comes in crumbs (RFC 9113 §8.2.3), which are one field.
    if (!pseudo && known != KnownHeader::cookie && ++plain_fields_ > most_fields_)
        error_ = ParseError::too_many_headers;
    if (error_ != ParseError::none) return true;
    const auto at = static_cast<uint32_t>(text_.size());
    text_.append(name).append(value);
    fields_.push_back({at, static_cast<uint32_t>(name.size()), static_cast<uint32_t>(value.size()),
                       known, pseudo});
    return true;
}

unsigned FieldBlock::status() const noexcept {
    if (fields_.empty() || name(fields_[0]) != ":status") return 0;
    const std::string_view digits = value(fields_[0]);
    if (digits.size() != 3) return 0;
    unsigned status = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9') return 0;
        status = status * 10 + static_cast<unsigned>(c - '0');
    }
    return status;
}

}  // namespace glassgate::http::h2
