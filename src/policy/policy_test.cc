#include "policy/policy.h"

#include <gtest/gtest.h>

#include <set>

#include "policy/fixture_test.h"

namespace glassgate::policy {
namespace {

TEST(Request, LaterEditsReplaceEarlierOnes) {
    Call call;
    Request& r = call.request;
    r.edit_response_header("X-A", "1");
    r.edit_response_header("X-B", "2");
    r.edit_response_header("x-a", "3");
    ASSERT_EQ(r.response_edits.size(), 2u);
    EXPECT_EQ(r.response_edits[0].value, "3");
    r.edit_upstream_header("X-C", "4");
    r.remove_upstream_header("x-c");
    ASSERT_EQ(r.upstream_edits.size(), 1u);
    EXPECT_TRUE(r.upstream_edits[0].remove);
    r.edit_upstream_header("X-C", "5");
    EXPECT_FALSE(r.upstream_edits[0].remove);
}

TEST(Request, EditsAreCopies) {
    Call call;
    std::string name = "X-Name", value = "value";
    call.request.edit_response_header(name, value);
    call.request.set_claim(name, value);
    name.assign(name.size(), '!');
    value.assign(value.size(), '!');
    EXPECT_EQ(call.header("X-Name"), "value");
    EXPECT_EQ(call.request.claim("X-Name"), "value");
}

TEST(Request, Claims) {
    Call call;
    EXPECT_EQ(call.request.claim("sub"), "");
    call.request.set_claim("sub", "alice");
    call.request.set_claim("org_id", "7");
    call.request.set_claim("sub", "bob");
    EXPECT_EQ(call.request.claim("sub"), "bob");
    EXPECT_EQ(call.request.claims.size(), 2u);
}

TEST(Request, ResetForgetsAllButCapacity) {
    Call call;
    Request& r = call.request;
    r.client_id = "x";
    r.response_timeout_ms = 5;
    r.edit_response_header("X-A", "1");
    r.edit_upstream_header("X-A", "1");
    r.set_claim("sub", "alice");
    const auto capacity = r.response_edits.capacity();
    r.reset();
    EXPECT_TRUE(r.client_id.empty());
    EXPECT_EQ(r.response_timeout_ms, 0u);
    EXPECT_EQ(r.head, nullptr);
    EXPECT_TRUE(r.response_edits.empty() && r.upstream_edits.empty() && r.claims.empty());
    EXPECT_EQ(r.response_edits.capacity(), capacity);
}

TEST(Catalogue, EveryRowIsComplete) {
    std::set<std::string_view> names;
    for (const PolicyKind& kind : catalogue()) {
        EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
        EXPECT_EQ(find_policy(kind.name), &kind);
        EXPECT_FALSE(kind.doc.empty() || kind.category.empty() || kind.fields.empty()) << kind.name;
        EXPECT_TRUE(kind.example.starts_with("- " + std::string(kind.name) + ":")) << kind.name;
        ASSERT_FALSE(kind.reasons.empty());
        EXPECT_EQ(kind.reasons[0], "pass");
    }
    EXPECT_EQ(find_policy("rate-limits"), nullptr);
}

// A key that is documented is known, and one that is known is documented.
TEST(Catalogue, DocumentsExactlyTheKeysItKnows) {
    for (const PolicyKind& kind : catalogue()) {
        const std::string mistakes = compile(kind.name, map({{"noSuchKey", scalar("1")}})).mistakes;
        EXPECT_NE(mistakes.find("unknown key 'noSuchKey'"), std::string::npos) << mistakes;
        std::vector<std::pair<std::string, Node>> entries;
        for (const FieldDoc& field : kind.fields) {
            entries.emplace_back(std::string(field.name), scalar(""));
            EXPECT_NE(mistakes.find(field.name), std::string::npos)
                << field.name << ": " << mistakes;
        }
        const std::string known = compile(kind.name, map(entries)).mistakes;
        EXPECT_EQ(known.find("unknown key"), std::string::npos) << known;
    }
}

}  // namespace
}  // namespace glassgate::policy
