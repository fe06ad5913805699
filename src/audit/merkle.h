// The Merkle tree of RFC 6962 section 2.1 (the same as RFC 9162's): leaves, nodes, proofs. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "audit/hash.h"

namespace glassgate::audit {

[[nodiscard]] Hash leaf_hash(std::string_view leaf) noexcept;
[[nodiscard]] Hash node_hash(const Hash& left, const Hash& right) noexcept;

// A tree that only grows, kept as its peaks: the roots of the perfect subtrees its size divides
// into, the largest first. 32 bytes per 1 of the size.
class Peaks {
public:
    Peaks() = default;
    // Nothing when the number of hashes does not go with the size.
    static std::optional<Peaks> restore(uint64_t size, std::vector<Hash> peaks);

    // Calls `node(hash)` for the leaf and for each node it completes, from small to large.
    template <typename Use>
    void append(const Hash& leaf, Use&& node) {
        node(leaf);
        peaks_.push_back(leaf);
        for (uint64_t n = size_++; (n & 1) != 0; n >>= 1) {
            const Hash right = peaks_.back();
            peaks_.pop_back();
            peaks_.back() = node_hash(peaks_.back(), right);
            node(peaks_.back());
        }
    }
    void append(const Hash& leaf) {
        append(leaf, [](const Hash&) {});
    }
    [[nodiscard]] uint64_t size() const noexcept { return size_; }
    [[nodiscard]] Hash root() const noexcept;
    [[nodiscard]] const std::vector<Hash>& peaks() const noexcept { return peaks_; }

private:
    uint64_t size_ = 0;
    std::vector<Hash> peaks_;
};

// Nodes are numbered in the order in which appending completes them (formats/audit.md section 4).
[[nodiscard]] uint64_t nodes_of(uint64_t leaves) noexcept;  // how many `leaves` leaves complete
// The number of the root of the perfect subtree of 2^height leaves that begins at leaf `first`
// (a multiple of 2^height).
[[nodiscard]] uint64_t node_number(uint64_t first, unsigned height) noexcept;

// Where proofs take nodes from, by number; nothing when it cannot be read.
using NodeSource = std::function<std::optional<Hash>(uint64_t number)>;

// Leaf to root, RFC 9162 section 2.1.3.1. `index` < `size`.
[[nodiscard]] std::optional<std::vector<Hash>> inclusion_path(uint64_t index, uint64_t size,
                                                              const NodeSource& nodes);
// RFC 9162 section 2.1.4.1. 0 < `first` <= `second`.
[[nodiscard]] std::optional<std::vector<Hash>> consistency_path(uint64_t first, uint64_t second,
                                                                const NodeSource& nodes);
[[nodiscard]] std::optional<Hash> tree_root(uint64_t size, const NodeSource& nodes);

// RFC 9162 sections 2.1.3.2 and 2.1.4.2. Any input.
[[nodiscard]] bool is_included(const Hash& leaf, uint64_t index, uint64_t size,
                               std::span<const Hash> path, const Hash& root) noexcept;
[[nodiscard]] bool is_consistent(uint64_t first, const Hash& first_root, uint64_t second,
                                 const Hash& second_root, std::span<const Hash> path) noexcept;

}  // namespace glassgate::audit
