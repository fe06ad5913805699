// The texts of a block: each once, records refer to them by number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

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

}  // namespace glassgate::flight
