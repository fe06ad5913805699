#include "audit/merkle.h"

#include <gtest/gtest.h>

#include <string>

namespace glassgate::audit {
namespace {

Hash from_hex(std::string_view text) { return parse_hash(text).value(); }

// The definition of RFC 6962 section 2.1, word for word.
Hash defined_root(const std::vector<std::string>& leaves, std::size_t begin, std::size_t size) {
    if (size == 0) return sha256({});
    if (size == 1) return leaf_hash(leaves[begin]);
    std::size_t k = 1;
    while (2 * k < size) k *= 2;
    return node_hash(defined_root(leaves, begin, k), defined_root(leaves, begin + k, size - k));
}

struct Tree {
    explicit Tree(std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) {
            leaves.push_back("leaf " + std::to_string(i));
            peaks.append(leaf_hash(leaves.back()), [this](const Hash& h) { nodes.push_back(h); });
            roots.push_back(peaks.root());
        }
    }
    [[nodiscard]] NodeSource source() const {
        return [this](uint64_t n) {
            return n < nodes.size() ? std::optional(nodes[n]) : std::nullopt;
        };
    }
    std::vector<std::string> leaves;
    std::vector<Hash> nodes, roots;  // roots[i]: of i + 1 leaves
    Peaks peaks;
};

// From the test data of Certificate Transparency's own implementation (merkletree tests).
TEST(Merkle, KnownAnswers) {
    EXPECT_EQ(hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hex(leaf_hash({})),
              "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    EXPECT_EQ(hex(leaf_hash(std::string_view("\0", 1))),
              "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7");
    Peaks two;
    two.append(leaf_hash({}));
    two.append(leaf_hash(std::string_view("\0", 1)));
    EXPECT_EQ(two.root(),
              from_hex("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"));
}

TEST(Merkle, RootIsAsDefined) {
    const Tree tree(70);
    for (std::size_t n = 1; n <= 70; ++n) {
        EXPECT_EQ(tree.roots[n - 1], defined_root(tree.leaves, 0, n)) << n;
        EXPECT_EQ(tree_root(n, tree.source()), tree.roots[n - 1]) << n;
    }
    EXPECT_EQ(nodes_of(70), tree.nodes.size());
}

TEST(Merkle, EveryInclusionProofHoldsAndNothingElseDoes) {
    const Tree tree(40);
    for (uint64_t size = 1; size <= 40; ++size)
        for (uint64_t i = 0; i < size; ++i) {
            auto path = inclusion_path(i, size, tree.source()).value();
            const Hash leaf = leaf_hash(tree.leaves[i]);
            const Hash& root = tree.roots[size - 1];
            ASSERT_TRUE(is_included(leaf, i, size, path, root));
            EXPECT_FALSE(is_included(leaf_hash("other"), i, size, path, root));
            EXPECT_FALSE(is_included(leaf, size, size, path, root));
            if (size > 1) {
                EXPECT_FALSE(is_included(leaf, (i + 1) % size, size, path, root));
            }
            path.push_back(leaf);
            EXPECT_FALSE(is_included(leaf, i, size, path, root));
            path.pop_back();
            if (path.empty()) continue;
            path.back()[7] ^= 1;
            EXPECT_FALSE(is_included(leaf, i, size, path, root));
            path.pop_back();
            EXPECT_FALSE(is_included(leaf, i, size, path, root));
        }
}

TEST(Merkle, EveryConsistencyProofHoldsAndNothingElseDoes) {
    const Tree tree(40);
    for (uint64_t second = 1; second <= 40; ++second)
        for (uint64_t first = 1; first <= second; ++first) {
            auto path = consistency_path(first, second, tree.source()).value();
            const Hash &old_root = tree.roots[first - 1], &new_root = tree.roots[second - 1];
            ASSERT_TRUE(is_consistent(first, old_root, second, new_root, path)) << first << second;
            EXPECT_FALSE(is_consistent(first, leaf_hash("x"), second, new_root, path));
            EXPECT_FALSE(is_consistent(first, old_root, second, leaf_hash("x"), path));
            path.push_back(old_root);
            EXPECT_FALSE(is_consistent(first, old_root, second, new_root, path));
            path.pop_back();
            if (path.empty()) continue;
            path.back()[0] ^= 0x80;
            EXPECT_FALSE(is_consistent(first, old_root, second, new_root, path));
            path.pop_back();
            EXPECT_FALSE(is_consistent(first, old_root, second, new_root, path));
        }
}

TEST(Merkle, PeaksCanBeRestored) {
    const Tree tree(40);
    auto restored = Peaks::restore(40, tree.peaks.peaks());
    ASSERT_TRUE(restored);
    EXPECT_EQ(restored->root(), tree.roots.back());
    EXPECT_FALSE(Peaks::restore(41, tree.peaks.peaks()));
}

TEST(Hash, OneTextPerHash) {
    const std::string text = hex(sha256("x"));
    EXPECT_TRUE(parse_hash(text));
    std::string upper = text;
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    EXPECT_FALSE(parse_hash(upper));
    EXPECT_FALSE(parse_hash(text.substr(1)));
    EXPECT_FALSE(parse_hash(text.substr(1) + "g"));
}

}  // namespace
}  // namespace glassgate::audit
