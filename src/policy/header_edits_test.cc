#include "policy/header_edits.h"

#include <gtest/gtest.h>

#include "policy/fixture_test.h"

namespace glassgate::policy {
namespace {

std::string text_of(const std::vector<http::HeaderEdit>& edits) {
    std::string text;
    for (const http::HeaderEdit& e : edits)
        text += (e.remove ? "-" : "+") + std::string(e.name) +
                (e.remove ? "" : "=" + std::string(e.value)) + " ";
    return text;
}

struct Running {
    Running(std::string_view kind, std::vector<std::pair<std::string, Node>> settings) {
        Compiled compiled = compile(kind, map(std::move(settings)));
        EXPECT_TRUE(compiled.plan) << compiled.mistakes;
        plan = std::move(compiled.plan);
        policy = plan->instantiate(worker.env);
    }
    FakeWorker worker;
    std::unique_ptr<PolicyPlan> plan;
    std::unique_ptr<Policy> policy;
};

TEST(HeaderInjection, SetsOnBothWays) {
    for (const bool flex : {false, true}) {
        const Node request = flex ? list({map({{"key", scalar("X-A")}, {"value", scalar("1")}})})
                                  : map({{"X-A", scalar("1")}});
        Running run("header-injection", {{flex ? "inboundHeaders" : "request", request},
                                         {"response", map({{"X-B", scalar("2")}})}});
        Call call;
        EXPECT_EQ(ask(*run.policy, call), "pass");
        EXPECT_EQ(text_of(call.request.upstream_edits), "+X-A=1 ");
        run.policy->on_response(call.request, {503, nullptr});
        EXPECT_EQ(text_of(call.request.response_edits), "+X-B=2 ");
    }
}

TEST(HeaderRemoval, NamesAndPatterns) {
    Running run("header-removal",
                {{"request", list({scalar("X-Debug"), scalar("x-in-.*")})},
                 {"outboundHeaders", list({scalar("Server"), scalar(".*-id|.*host")})}});
    Call call(with_headers({"X-IN-a: 1", "X-Inn: 2", "y: 3"}));
    EXPECT_EQ(ask(*run.policy, call), "pass");
    EXPECT_EQ(text_of(call.request.upstream_edits), "-X-Debug -X-IN-a ");
    http::ResponseHead head;
    head.headers.push_back({"Trace-Id", "1", http::KnownHeader::other});
    head.headers.push_back({"Content-Length", "1", http::KnownHeader::content_length});
    run.policy->on_response(call.request, {200, &head});
    EXPECT_EQ(text_of(call.request.response_edits), "-Server -Trace-Id ");
    Call own;
    EXPECT_EQ(ask(*run.policy, own), "pass");
    run.policy->on_response(own.request, {404, nullptr});
    EXPECT_EQ(text_of(own.request.response_edits), "");
}

TEST(HeaderEditSettings, Mistakes) {
    EXPECT_EQ(
        compile("header-injection",
                map({{"request",
                      map({{"Host", scalar("x")}, {"a b", scalar("x")}, {"X", scalar("a\nb")}})},
                     {"response", scalar("x")}}))
            .mistakes,
        "error: header is 'Host'; expected the name of a header that is not one of the "
        "message's framing\n"
        "error: header is 'a b'; expected the name of a header that is not one of the "
        "message's framing\n"
        "error: header 'X' has no value that can be sent; expected text without control "
        "characters\n"
        "error: response is not a map of headers; expected {Name: value}\n");
    EXPECT_EQ(
        compile("header-removal", map({{"request", list({scalar("content-length"), scalar("(")})},
                                       {"inboundHeaders", scalar("x")}}))
            .mistakes,
        "error: inboundHeaders and request are the same; expected one of them\n");
    EXPECT_EQ(
        compile("header-removal", map({{"request", list({scalar("Content-Length"), scalar("(")})}}))
            .mistakes,
        "error: request has 'Content-Length'; expected the name of a header that is not one "
        "of the message's framing\n"
        "error: request has '(': missing ): (; expected the name of a header or a regular "
        "expression\n");
}

}  // namespace
}  // namespace glassgate::policy
