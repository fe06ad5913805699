#include "console/router.h"

#include <gtest/gtest.h>

#include "console/form.h"
#include "console/origin.h"

namespace glassgate::console {
namespace {

Route get(std::string pattern) {
    Route route;
    route.pattern = std::move(pattern);
    return route;
}

Router router_of(std::vector<Route> routes) {
    auto router = Router::create(std::move(routes));
    EXPECT_TRUE(router) << router.error().message;
    return std::move(*router);
}

std::string pattern_for(const Router& router, std::string_view path) {
    const Router::Match match = router.find(Method::get, path);
    return match.route == nullptr ? "" : match.route->pattern;
}

TEST(Router, PrefersTheMoreLiteral) {
    const Router router = router_of({get("/a/*"), get("/a/{x}/c"), get("/a/{x}"), get("/a/b"),
                                     get("/"), get("/a/b/{y}"), get("/assets/*")});
    EXPECT_EQ(pattern_for(router, "/a/b"), "/a/b");
    EXPECT_EQ(pattern_for(router, "/a/z"), "/a/{x}");
    EXPECT_EQ(pattern_for(router, "/a/b/c"), "/a/b/{y}");
    EXPECT_EQ(pattern_for(router, "/a/z/c"), "/a/{x}/c");
    EXPECT_EQ(pattern_for(router, "/a/z/d/e"), "/a/*");
    EXPECT_EQ(pattern_for(router, "/a/"), "/a/*");
    EXPECT_EQ(pattern_for(router, "/a"), "");
    EXPECT_EQ(pattern_for(router, "/"), "/");
    EXPECT_EQ(pattern_for(router, "/b"), "");
    EXPECT_EQ(pattern_for(router, "*"), "");
}

TEST(Router, DecodesWhatItCaptures) {
    const Router router = router_of({get("/label/{name}/values"), get("/ui/*")});
    EXPECT_EQ(router.find(Method::get, "/label/a%2Fb+c/values").captured["name"], "a/b+c");
    EXPECT_EQ(router.find(Method::get, "/ui/js/main%20x.js").captured["*"], "js/main x.js");
    EXPECT_EQ(router.find(Method::get, "/ui/").captured["*"], "");
    EXPECT_EQ(router.find(Method::get, "/label/%zz/values").route, nullptr);
    EXPECT_EQ(router.find(Method::get, "/label//values").route, nullptr);
}

TEST(Router, SaysWhichMethodsAPathHas) {
    Route post = get("/x");
    post.method = Method::post;
    const Router router = router_of({get("/x"), std::move(post)});
    EXPECT_NE(router.find(Method::head, "/x").route, nullptr);
    const Router::Match other = router.find(Method::delete_, "/x");
    EXPECT_EQ(other.route, nullptr);
    EXPECT_EQ(other.allow, "GET, HEAD, POST");
    EXPECT_EQ(router.find(Method::get, "/y").allow, "");
}

TEST(Router, RefusesBadAndDoublePatterns) {
    EXPECT_FALSE(Router::create({get("x")}));
    EXPECT_FALSE(Router::create({get("/a{b}")}));
    EXPECT_FALSE(Router::create({get("/*/b")}));
    EXPECT_FALSE(Router::create({get("/x"), get("/x")}));
    EXPECT_FALSE(Router::create({get("/x/{a}"), get("/x/{b}")}));
}

TEST(Form, ReadsAsGoDoes) {
    Parameters p;
    std::string problem;
    read_form("a=1&b=x+y%2B&a=2&c&=v&&d=%zz&e=1;f=2&g=%4", p, problem);
    EXPECT_EQ(p["a"], "1");
    EXPECT_EQ(p.all("a"), (std::vector<std::string_view>{"1", "2"}));
    EXPECT_EQ(p["b"], "x y+");
    EXPECT_TRUE(p.has("c"));
    EXPECT_EQ(p[""], "v");
    EXPECT_FALSE(p.has("d"));
    EXPECT_FALSE(p.has("e"));
    EXPECT_EQ(problem, "invalid URL escape \"%zz\"");
}

TEST(Origin, KnowsItsOwnHosts) {
    config::ConsoleSettings settings;
    settings.hosts = {"gateway.example"};
    for (const char* own : {"localhost:9900", "LOCALHOST", "127.0.0.1:9900", "[::1]:9900",
                            "a.localhost", "10.0.0.7", "gateway.example:80", ""})
        EXPECT_TRUE(is_own_host(own, settings)) << own;
    for (const char* strange :
         {"evil.example:9900", "localhost.evil.example", "xlocalhost", "127.0.0.1.evil.example"})
        EXPECT_FALSE(is_own_host(strange, settings)) << strange;
}

TEST(Origin, KnowsForeignPages) {
    EXPECT_FALSE(is_cross_site("", "", "localhost:9900"));
    EXPECT_FALSE(is_cross_site("http://localhost:9900", "same-origin", "localhost:9900"));
    EXPECT_TRUE(is_cross_site("http://localhost:9901", "", "localhost:9900"));
    EXPECT_TRUE(is_cross_site("null", "", "localhost:9900"));
    EXPECT_TRUE(is_cross_site("", "same-site", "localhost:9900"));
}

TEST(Origin, LoopbackOnlyWithoutCredentials) {
    config::ConsoleSettings settings;
    for (const char* good : {"127.0.0.1", "127.1.2.3", "::1"}) {
        settings.address = good;
        EXPECT_TRUE(config::problem_with_exposure(settings).empty()) << good;
    }
    for (const char* bad : {"0.0.0.0", "*", "::", "10.0.0.1", "localhost"}) {
        settings.address = bad;
        EXPECT_FALSE(config::problem_with_exposure(settings).empty()) << bad;
    }
    settings.credentials.push_back({});
    EXPECT_TRUE(config::problem_with_exposure(settings).empty());
}

}  // namespace
}  // namespace glassgate::console
