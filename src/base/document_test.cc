#include "base/document.h"

#include <gtest/gtest.h>

namespace glassgate {
namespace {

Position at(uint32_t line, uint32_t column) {
    static const auto kFile = std::make_shared<const std::string>("gateway.yaml");
    return {kFile, line, column};
}

Node scalar(std::string text, bool quoted = false) {
    Node node;
    node.kind = Node::Kind::scalar;
    node.position = at(2, 5);
    node.scalar = std::move(text);
    node.quoted = quoted;
    return node;
}

Node list(std::vector<Node> items) {
    Node node;
    node.kind = Node::Kind::list;
    node.position = at(3, 1);
    node.items = std::move(items);
    return node;
}

Node map(std::vector<std::pair<std::string, Node>> entries) {
    Node node;
    node.kind = Node::Kind::map;
    node.position = at(1, 1);
    node.entries = std::move(entries);
    for (std::size_t i = 0; i < node.entries.size(); ++i)
        node.key_positions.push_back(at(static_cast<uint32_t>(i + 1), 3));
    return node;
}

std::vector<std::string> texts_of(const Diagnostics& diagnostics) {
    std::vector<std::string> out;
    for (const Diagnostic& d : diagnostics.all()) out.push_back(to_text(d));
    return out;
}

using Texts = std::vector<std::string>;

TEST(Diagnostic, ReadsAsOneLine) {
    EXPECT_EQ(
        to_text({Severity::error, at(12, 7), "unknown key 'limts'", "a or b", "limits"}),
        "gateway.yaml:12:7: error: unknown key 'limts' (did you mean 'limits'?); expected a or b");
    EXPECT_EQ(to_text({Severity::warning, {at(1, 1).file, 0, 0}, "odd", {}, {}}),
              "gateway.yaml: warning: odd");
    EXPECT_EQ(to_text({Severity::error, {}, "a\nb\x1b[0m", {}, {}}), "error: a\\x0ab\\x1b[0m");
}

TEST(Diagnostic, QuotesAreCutBetweenCharacters) {
    EXPECT_EQ(quote("short"), "'short'");
    EXPECT_EQ(quote(std::string(100, 'a')), "'" + std::string(64, 'a') + "...'");
    EXPECT_EQ(quote(std::string(63, 'a') + "\u00e9" + "b"), "'" + std::string(63, 'a') + "...'");
}

TEST(Diagnostics, WarningsAreNoErrorsAndFloodsAreCut) {
    Diagnostics diagnostics;
    diagnostics.warning({}, "w");
    EXPECT_FALSE(diagnostics.has_errors());
    for (int i = 0; i < 10'000; ++i) diagnostics.error({}, "e");
    EXPECT_TRUE(diagnostics.has_errors());
    EXPECT_LT(diagnostics.all().size(), 1000u);
    EXPECT_EQ(diagnostics.all().back().message, "too many mistakes; the rest is not shown");
}

TEST(Fields, ReadsEveryKind) {
    const Node node = map({{"t", scalar("8080")},
                           {"b", scalar("true")},
                           {"i", scalar("-5")},
                           {"n", scalar("0.05")},
                           {"c", scalar("two")},
                           {"l", list({scalar("x"), scalar("y")})},
                           {"one", scalar("x")}});
    Diagnostics diagnostics;
    {
        Fields fields(node, diagnostics, "thing");
        EXPECT_EQ(fields.text("t"), "8080");
        EXPECT_TRUE(fields.boolean("b", false));
        EXPECT_EQ(fields.integer("i", 0, -10, 10), -5);
        EXPECT_DOUBLE_EQ(fields.number("n", 0, 0, 1), 0.05);
        EXPECT_EQ(fields.choice("c", {"one", "two"}, 0), 1u);
        EXPECT_EQ(fields.texts("l"), (Texts{"x", "y"}));
        EXPECT_EQ(fields.texts("one"), (Texts{"x"}));
        EXPECT_EQ(fields.text("absent", "d"), "d");
        EXPECT_EQ(fields.integer("absent2", 7, 0, 9), 7);
        EXPECT_FALSE(fields.has("absent3"));
    }
    EXPECT_EQ(texts_of(diagnostics), Texts{});
}

TEST(Fields, EveryMistakeIsReportedAndTheDefaultReturned) {
    const Node node = map({{"t", list({})},
                           {"b", scalar("yes")},
                           {"i", scalar("5ms")},
                           {"big", scalar("11")},
                           {"q", scalar("5", true)},
                           {"n", scalar("nan")},
                           {"c", scalar("tow")},
                           {"l", list({map({})})}});
    Diagnostics diagnostics;
    Fields fields(node, diagnostics, "thing");
    EXPECT_EQ(fields.text("t", "d"), "d");
    EXPECT_FALSE(fields.boolean("b", false));
    EXPECT_EQ(fields.integer("i", 1, 0, 10), 1);
    EXPECT_EQ(fields.integer("big", 2, 0, 10), 2);
    EXPECT_EQ(fields.integer("q", 3, 0, 10), 3);
    EXPECT_DOUBLE_EQ(fields.number("n", 0.5, 0, 1), 0.5);
    EXPECT_EQ(fields.choice("c", {"one", "two"}, 0), 0u);
    EXPECT_EQ(fields.texts("l"), Texts{});
    fields.finish();
    EXPECT_EQ(
        texts_of(diagnostics),
        (Texts{
            "gateway.yaml:3:1: error: t is a list; expected a text",
            "gateway.yaml:2:5: error: b is 'yes'; expected true or false",
            "gateway.yaml:2:5: error: i is '5ms'; expected an integer from 0 to 10",
            "gateway.yaml:2:5: error: big is '11'; expected an integer from 0 to 10",
            "gateway.yaml:2:5: error: q is the quoted text '5'; expected an integer from 0 to 10",
            "gateway.yaml:2:5: error: n is 'nan'; expected a number from 0 to 1",
            "gateway.yaml:2:5: error: c is 'tow' (did you mean 'two'?); expected one or two",
            "gateway.yaml:1:1: error: an item of l is a map; expected a text"}));
}

TEST(Fields, UnknownKeysAreReportedAtTheEndOnce) {
    const Node node =
        map({{"limits", scalar("1")}, {"limts", scalar("1")}, {"zebra", scalar("1")}});
    Diagnostics diagnostics;
    {
        Fields fields(node, diagnostics, "listener");
        (void)fields.child("limits");
        fields.finish();
    }
    EXPECT_EQ(texts_of(diagnostics),
              (Texts{"gateway.yaml:2:3: error: unknown key 'limts' in listener (did you mean "
                     "'limits'?); expected limits",
                     "gateway.yaml:3:3: error: unknown key 'zebra' in listener; expected limits"}));
}

TEST(Fields, MapsMayBeEmptyButNothingElse) {
    Diagnostics diagnostics;
    const Node nothing;
    {
        Fields fields(nothing, diagnostics, "spec");
    }
    EXPECT_TRUE(diagnostics.all().empty());
    {
        Fields fields(nothing, diagnostics, "spec");
        EXPECT_EQ(fields.require("name"), nullptr);
    }
    EXPECT_EQ(texts_of(diagnostics), (Texts{"error: spec has no key 'name'"}));
    {
        const Node wrong = scalar("x");
        Fields fields(wrong, diagnostics, "spec");
        EXPECT_EQ(fields.require("name"), nullptr);  // one mistake, not two
    }
    EXPECT_EQ(diagnostics.all().size(), 2u);
    EXPECT_EQ(to_text(diagnostics.all()[1]),
              "gateway.yaml:2:5: error: spec is 'x'; expected a map of keys and values");
}

TEST(NearestName, FindsSlipsOnly) {
    const std::vector<std::string_view> names = {"limit", "timeoutMs", "rate-limit", "key"};
    EXPECT_EQ(nearest_name("limti", names), "limit");  // swapped
    EXPECT_EQ(nearest_name("timeoutms", names), "timeoutMs");
    EXPECT_EQ(nearest_name("rate_limit", names), "rate-limit");
    EXPECT_EQ(nearest_name("ratelimit", names), "rate-limit");
    EXPECT_EQ(nearest_name("keys", names), "key");
    EXPECT_EQ(nearest_name("bananas", names), "");
    EXPECT_EQ(nearest_name("x", names), "");
    EXPECT_EQ(nearest_name("", names), "");
    EXPECT_EQ(nearest_name(std::string(100'000, 'a'), names), "");
}

}  // namespace
}  // namespace glassgate
