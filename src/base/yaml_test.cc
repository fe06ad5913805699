#include "base/yaml.h"

#include <gtest/gtest.h>

namespace glassgate {
namespace {

struct Read {
    std::vector<Node> documents;
    Diagnostics diagnostics;
};

Read read(std::string_view text) {
    Read out;
    out.documents = read_yaml(std::make_shared<const std::string>("f.yaml"), text, out.diagnostics);
    return out;
}

std::string first_mistake(const Read& read) {
    return read.diagnostics.all().empty() ? "" : to_text(read.diagnostics.all()[0]);
}

TEST(Yaml, EveryNodeKnowsWhereItStands) {
    const Read got = read("a: 1\nb:\n  - x\n  - {k: \"2\"}\n");
    ASSERT_EQ(got.documents.size(), 1u);
    const Node& root = got.documents[0];
    ASSERT_EQ(root.entries.size(), 2u);
    EXPECT_EQ(root.key_positions[1].line, 2u);
    EXPECT_EQ(root.key_positions[1].column, 1u);
    const Node& list = *root.find("b");
    ASSERT_EQ(list.items.size(), 2u);
    EXPECT_EQ(list.items[0].position.line, 3u);
    EXPECT_EQ(list.items[0].position.column, 5u);
    const Node& inner = *list.items[1].find("k");
    EXPECT_EQ(inner.position.column, 9u);
    EXPECT_TRUE(inner.quoted);
    EXPECT_FALSE(root.find("a")->quoted);
    EXPECT_EQ(*inner.position.file, "f.yaml");
}

TEST(Yaml, KindsOfScalars) {
    const Read got = read("n: ~\ne:\nt: 'null'\nb: |\n  block\nf: >-\n  folded\n  text\n");
    const Node& root = got.documents.at(0);
    EXPECT_EQ(root.find("n")->kind, Node::Kind::null);
    EXPECT_EQ(root.find("e")->kind, Node::Kind::null);
    EXPECT_EQ(root.find("t")->kind, Node::Kind::scalar);
    EXPECT_EQ(root.find("b")->scalar, "block\n");
    EXPECT_TRUE(root.find("b")->quoted);
    EXPECT_EQ(root.find("f")->scalar, "folded text");
}

TEST(Yaml, EmptyDocumentsAreLeftOut) {
    EXPECT_TRUE(read("").documents.empty());
    EXPECT_TRUE(read("# comment\n---\n---\n").documents.empty());
    EXPECT_EQ(read("---\na: 1\n---\n---\nb: 2\n").documents.size(), 2u);
}

TEST(Yaml, DocumentsBeforeASyntaxErrorAreKept) {
    const Read got = read("a: 1\n---\nb: [\n");
    EXPECT_EQ(got.documents.size(), 1u);
    EXPECT_EQ(first_mistake(got), "f.yaml:4:1: error: not YAML: end of sequence flow not found");
}

TEST(Yaml, MergeKeysAddWhatIsNotThere) {
    const Read got =
        read("- &d {a: 1, b: 2}\n- &e {b: 3, c: 4}\n- {<<: [*d, *e], a: 9}\n- {'<<': 5}\n");
    ASSERT_FALSE(got.diagnostics.has_errors());
    const Node& merged = got.documents.at(0).items.at(2);
    ASSERT_EQ(merged.entries.size(), 3u);
    EXPECT_EQ(merged.find("a")->scalar, "9");
    EXPECT_EQ(merged.find("b")->scalar, "2");  // the first of several wins
    EXPECT_EQ(merged.find("c")->scalar, "4");
    EXPECT_EQ(got.documents[0].items.at(3).entries.at(0).first, "<<");  // quoted: a plain key
    EXPECT_EQ(
        first_mistake(read("<<: 5\n")),
        "f.yaml:1:5: error: a merge key (<<) with something that is no map; expected an alias "
        "of a map, or a list of such");
}

TEST(Yaml, AliasesStandWhereTheyAreWritten) {
    const Read got = read("a: &x [1]\nb: *x\n");
    EXPECT_EQ(got.documents.at(0).find("b")->position.line, 2u);
    EXPECT_EQ(got.documents.at(0).find("b")->items.at(0).position.line, 1u);
}

TEST(Yaml, WhatIsNotTextIsRefusedWithItsPlace) {
    EXPECT_EQ(first_mistake(read("a: 1\nb: \xff\n")),
              "f.yaml:2:4: error: a byte that is not UTF-8; expected UTF-8 text");
    EXPECT_EQ(first_mistake(read("a: \xed\xa0\x80\n")),  // a surrogate
              "f.yaml:1:4: error: a byte that is not UTF-8; expected UTF-8 text");
    EXPECT_EQ(first_mistake(read("a: \xc0\xaf\n")),  // overlong
              "f.yaml:1:4: error: a byte that is not UTF-8; expected UTF-8 text");
    EXPECT_EQ(first_mistake(read(std::string_view("a\0b", 3))),
              "f.yaml:1:2: error: a control character; expected text");
    EXPECT_FALSE(read("\xef\xbb\xbf"
                      "a: gr\u00fc\u00df \U0001f600\n")
                     .diagnostics.has_errors());
}

TEST(Yaml, SizeDepthAndAliasesAreBounded) {
    EXPECT_TRUE(read(std::string(kMaxSourceBytes + 1, ' ')).diagnostics.has_errors());
    EXPECT_FALSE(read(std::string(60, '[') + std::string(60, ']')).diagnostics.has_errors());
    EXPECT_TRUE(read(std::string(64, '[') + "x" + std::string(64, ']')).diagnostics.has_errors());
    EXPECT_TRUE(read(std::string(1'000'000, '[')).diagnostics.has_errors());
    std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
    for (char c = 'b'; c < 'z'; ++c) {
        bomb += std::string(1, c) + ": &" + c + " [";
        for (int i = 0; i < 10; ++i) bomb += std::string("*") + static_cast<char>(c - 1) + ", ";
        bomb += "]\n";
    }
    const Read got = read(bomb);
    EXPECT_TRUE(got.documents.empty());
    EXPECT_EQ(got.diagnostics.all().size(), 1u);
    std::string long_text = "a: &a " + std::string(100'000, 'x') + "\nb: [";
    for (int i = 0; i < 1000; ++i) long_text += "*a, ";
    EXPECT_TRUE(read(long_text + "]\n").diagnostics.has_errors());
}

}  // namespace
}  // namespace glassgate
