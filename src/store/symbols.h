// Symbols: every label name and value once, counted by use. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/hash.h"

namespace glassgate::store {

using Symbol = uint32_t;

class Symbols {
public:
    explicit Symbols(uint64_t seed) : by_text_(16, Hash{seed}) {}

    Symbol use(std::string_view text) {
        if (const auto at = by_text_.find(text); at != by_text_.end()) {
            ++entries_[at->second].uses;
            return at->second;
        }
        Symbol symbol = 0;
        if (free_.empty()) {
            symbol = static_cast<Symbol>(entries_.size());
            entries_.emplace_back();
        } else {
            symbol = free_.back();
            free_.pop_back();
        }
        entries_[symbol] = {std::string(text), 1};
        by_text_.emplace(entries_[symbol].text, symbol);
        bytes_ += text.size() + kOverhead;
        return symbol;
    }
    void release(Symbol symbol) {
        Entry& entry = entries_[symbol];
        if (--entry.uses != 0) return;
        bytes_ -= entry.text.size() + kOverhead;
        by_text_.erase(entry.text);
        entry.text = {};
        free_.push_back(symbol);
    }
    [[nodiscard]] const Symbol* find(std::string_view text) const {
        const auto at = by_text_.find(text);
        return at == by_text_.end() ? nullptr : &at->second;
    }
    [[nodiscard]] const std::string& text(Symbol symbol) const { return entries_[symbol].text; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    static constexpr std::size_t kOverhead = 96;  // an entry here and one in the map
    struct Entry {
        std::string text;
        uint32_t uses = 0;
    };
    struct Hash {
        uint64_t seed;
        std::size_t operator()(std::string_view text) const noexcept {
            return hash_text(seed, text);
        }
    };
    std::deque<Entry> entries_;  // texts do not move: the map points at them
    std::vector<Symbol> free_;
    std::unordered_map<std::string_view, Symbol, Hash> by_text_;
    std::size_t bytes_ = 0;
};

}  // namespace glassgate::store
