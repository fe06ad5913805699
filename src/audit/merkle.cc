#include "audit/merkle.h"

#include <bit>

namespace glassgate::audit {
namespace {

constexpr std::string_view kLeafPrefix("\0", 1), kNodePrefix("\1", 1);

// A run of leaves [begin, begin + size) of a tree.
struct Range {
    uint64_t begin, size;
};

uint64_t split(uint64_t size) noexcept { return std::bit_floor(size - 1); }

// The root of a run that begins at a multiple of the smallest power of two not below its size, as
// all runs do into which the recursion of RFC 6962 divides a tree.
std::optional<Hash> range_root(Range range, const NodeSource& nodes) {
    if (std::has_single_bit(range.size))
        return nodes(node_number(range.begin, static_cast<unsigned>(std::countr_zero(range.size))));
    const uint64_t k = split(range.size);
    const auto left = range_root({range.begin, k}, nodes);
    const auto right = range_root({range.begin + k, range.size - k}, nodes);
    if (!left || !right) return std::nullopt;
    return node_hash(*left, *right);
}

bool add(std::vector<Hash>& path, const std::optional<Hash>& hash) {
    if (hash) path.push_back(*hash);
    return hash.has_value();
}

bool add_inclusion(std::vector<Hash>& path, uint64_t index, Range range, const NodeSource& nodes) {
    if (range.size == 1) return true;
    const uint64_t k = split(range.size);
    const Range left{range.begin, k}, right{range.begin + k, range.size - k};
    if (index < k)
        return add_inclusion(path, index, left, nodes) && add(path, range_root(right, nodes));
    return add_inclusion(path, index - k, right, nodes) && add(path, range_root(left, nodes));
}

bool add_consistency(std::vector<Hash>& path, uint64_t first, Range range, bool known,
                     const NodeSource& nodes) {
    if (first == range.size) return known || add(path, range_root(range, nodes));
    const uint64_t k = split(range.size);
    const Range left{range.begin, k}, right{range.begin + k, range.size - k};
    if (first <= k)
        return add_consistency(path, first, left, known, nodes) &&
               add(path, range_root(right, nodes));
    return add_consistency(path, first - k, right, false, nodes) &&
           add(path, range_root(left, nodes));
}

}  // namespace

Hash leaf_hash(std::string_view leaf) noexcept { return sha256(kLeafPrefix, leaf); }

Hash node_hash(const Hash& left, const Hash& right) noexcept {
    return sha256(kNodePrefix, bytes_of(left), bytes_of(right));
}

std::optional<Peaks> Peaks::restore(uint64_t size, std::vector<Hash> peaks) {
    if (static_cast<std::size_t>(std::popcount(size)) != peaks.size()) return std::nullopt;
    Peaks restored;
    restored.size_ = size;
    restored.peaks_ = std::move(peaks);
    return restored;
}

Hash Peaks::root() const noexcept {
    if (peaks_.empty()) return sha256({});
    Hash root = peaks_.back();
    for (std::size_t i = peaks_.size() - 1; i-- > 0;) root = node_hash(peaks_[i], root);
    return root;
}

uint64_t nodes_of(uint64_t leaves) noexcept {
    return 2 * leaves - static_cast<uint64_t>(std::popcount(leaves));
}

uint64_t node_number(uint64_t first, unsigned height) noexcept {
    // The subtree's own nodes follow all those completed before it; its root is the last of them.
    return nodes_of(first) + (uint64_t{2} << height) - 2;
}

std::optional<std::vector<Hash>> inclusion_path(uint64_t index, uint64_t size,
                                                const NodeSource& nodes) {
    std::vector<Hash> path;
    if (index >= size || !add_inclusion(path, index, {0, size}, nodes)) return std::nullopt;
    return path;
}

std::optional<std::vector<Hash>> consistency_path(uint64_t first, uint64_t second,
                                                  const NodeSource& nodes) {
    std::vector<Hash> path;
    if (first == 0 || first > second) return std::nullopt;
    if (!add_consistency(path, first, {0, second}, true, nodes)) return std::nullopt;
    return path;
}

std::optional<Hash> tree_root(uint64_t size, const NodeSource& nodes) {
    return size == 0 ? std::optional(sha256({})) : range_root({0, size}, nodes);
}

bool is_included(const Hash& leaf, uint64_t index, uint64_t size, std::span<const Hash> path,
                 const Hash& root) noexcept {
    if (index >= size) return false;
    uint64_t node = index, last = size - 1;
    Hash hash = leaf;
    for (const Hash& sibling : path) {
        if (last == 0) return false;
        if ((node & 1) != 0 || node == last) {
            hash = node_hash(sibling, hash);
            while ((node & 1) == 0 && node != 0) node >>= 1, last >>= 1;
        } else {
            hash = node_hash(hash, sibling);
        }
        node >>= 1, last >>= 1;
    }
    return last == 0 && hash == root;
}

bool is_consistent(uint64_t first, const Hash& first_root, uint64_t second, const Hash& second_root,
                   std::span<const Hash> path) noexcept {
    if (first == 0 || first > second) return false;
    if (first == second) return path.empty() && first_root == second_root;
    const bool whole = std::has_single_bit(first);  // the first tree is a node of the second
    if (!whole && path.empty()) return false;
    Hash old_hash = whole ? first_root : path.front();
    Hash new_hash = old_hash;
    uint64_t node = first - 1, last = second - 1;
    while ((node & 1) != 0) node >>= 1, last >>= 1;
    for (const Hash& sibling : whole ? path : path.subspan(1)) {
        if (last == 0) return false;
        if ((node & 1) != 0 || node == last) {
            old_hash = node_hash(sibling, old_hash);
            new_hash = node_hash(sibling, new_hash);
            while ((node & 1) == 0 && node != 0) node >>= 1, last >>= 1;
        } else {
            new_hash = node_hash(new_hash, sibling);
        }
        node >>= 1, last >>= 1;
    }
    return last == 0 && old_hash == first_root && new_hash == second_root;
}

}  // namespace glassgate::audit
