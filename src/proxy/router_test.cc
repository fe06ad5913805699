#include "proxy/router.h"

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>

#include "proxy/plan.h"

namespace glassgate::proxy {
namespace {

RoutePlan route(std::vector<std::string> paths, MethodSet methods = kAllMethods,
                std::vector<std::string> hosts = {}, std::vector<uint32_t> listeners = {}) {
    RoutePlan plan;
    plan.paths = std::move(paths);
    plan.methods = methods;
    plan.hosts = std::move(hosts);
    plan.listeners = std::move(listeners);
    return plan;
}

constexpr MethodSet kGet = method_bit(Method::get);
constexpr MethodSet kPost = method_bit(Method::post);

// "route/pattern", "405:<methods>" or "404".
std::string at(const Router& router, std::string_view path, Method method = Method::get,
               std::string_view host = "x", uint32_t listener = 0) {
    const RouteMatch match = router.match(listener, host, path, method);
    if (match.found()) return std::to_string(match.route) + "/" + std::to_string(match.pattern);
    if (match.allowed == 0) return "404";
    std::string text = "405:";
    for (std::size_t m = 0; m < kMethodCount; ++m)
        if (match.allowed & method_bit(static_cast<Method>(m)))
            text.append(to_text(static_cast<Method>(m))).append(",");
    return text;
}

TEST(Router, LiteralBeforeParameterBeforeRest) {
    for (const bool reversed : {false, true}) {  // whatever the order in the file
        std::vector<RoutePlan> routes{route({"/a/b"}), route({"/a/:id"}), route({"/a/*"}),
                                      route({"/:x/b"}), route({"/*"})};
        if (reversed) std::reverse(routes.begin(), routes.end());
        const Router router = Router::compile(routes);
        const auto expected = [&](int i) { return std::to_string(reversed ? 4 - i : i) + "/0"; };
        EXPECT_EQ(at(router, "/a/b"), expected(0));
        EXPECT_EQ(at(router, "/a/c"), expected(1));
        EXPECT_EQ(at(router, "/a/c/d"), expected(2));
        EXPECT_EQ(at(router, "/a/b/c"), expected(2));
        EXPECT_EQ(at(router, "/z/b"), expected(3));
        EXPECT_EQ(at(router, "/z/c"), expected(4));
        EXPECT_EQ(at(router, "/"), expected(4));
        EXPECT_EQ(at(router, "/a"), expected(2)) << "/a/* takes /a too";
        EXPECT_EQ(at(router, "/a/"), expected(2));
    }
}

TEST(Router, SegmentsFromTheLeftDecide) {
    const Router router = Router::compile({route({"/:x/b/c"}), route({"/a/*"})});
    EXPECT_EQ(at(router, "/a/b/c"), "1/0")
        << "a literal first segment beats two literal later ones";
    EXPECT_EQ(at(router, "/z/b/c"), "0/0");
}

TEST(Router, BacktracksToWhatMatches) {
    const Router router = Router::compile(
        {route({"/a/b/c"}), route({"/a/:x/d"}), route({"/:y/b/e"}), route({"/:y/:z/:w/f"})});
    EXPECT_EQ(at(router, "/a/b/d"), "1/0");
    EXPECT_EQ(at(router, "/a/b/e"), "2/0");
    EXPECT_EQ(at(router, "/a/b/c/f"), "3/0");
    EXPECT_EQ(at(router, "/a/b/x"), "404");
}

TEST(Router, ParametersTakeOneSegmentThatIsNotEmpty) {
    const Router router = Router::compile({route({"/p/:id", "/q/{id}/r"})});
    EXPECT_EQ(at(router, "/p/1"), "0/0");
    EXPECT_EQ(at(router, "/q/1/r"), "0/1");
    EXPECT_EQ(at(router, "/p/"), "404");
    EXPECT_EQ(at(router, "/q//r"), "404");
    EXPECT_EQ(at(router, "/p/1/2"), "404");
    EXPECT_EQ(at(router, "/p/1/"), "404") << "a trailing slash is another path";
}

TEST(Router, TrailingSlashCaseAndEmptySegmentsMatter) {
    const Router router =
        Router::compile({route({"/a"}), route({"/b/"}), route({"//c"}), route({"/"})});
    EXPECT_EQ(at(router, "/a"), "0/0");
    EXPECT_EQ(at(router, "/a/"), "404");
    EXPECT_EQ(at(router, "/A"), "404");
    EXPECT_EQ(at(router, "/b/"), "1/0");
    EXPECT_EQ(at(router, "/b"), "404");
    EXPECT_EQ(at(router, "//c"), "2/0");
    EXPECT_EQ(at(router, "/c"), "404");
    EXPECT_EQ(at(router, "/"), "3/0");
    EXPECT_EQ(at(router, ""), "404");
    EXPECT_EQ(at(router, "a"), "404");
}

TEST(Router, StarAloneTakesEverything) {
    for (const char* pattern : {"*", "/*"}) {
        const Router router = Router::compile({route({pattern})});
        for (const char* path : {"/", "/a", "/a/b/", "//"})
            EXPECT_EQ(at(router, path), "0/0") << pattern << path;
        EXPECT_EQ(at(router, "*", Method::options), "0/0");
    }
    EXPECT_EQ(at(Router::compile({route({"/", "/:a", "/a/*"})}), "*", Method::options), "404");
}

TEST(Router, MethodsAreLookedAtLast) {
    const Router router = Router::compile({route({"/a/b"}, kGet), route({"/a/:id"}, kPost),
                                           route({"/a/*"}, method_bit(Method::put))});
    EXPECT_EQ(at(router, "/a/b", Method::get), "0/0");
    EXPECT_EQ(at(router, "/a/b", Method::post), "1/0") << "a less specific path that takes it";
    EXPECT_EQ(at(router, "/a/b", Method::put), "2/0");
    EXPECT_EQ(at(router, "/a/b", Method::delete_), "405:GET,POST,PUT,");
    EXPECT_EQ(at(router, "/a/c", Method::get), "405:POST,PUT,");
    EXPECT_EQ(at(router, "/b", Method::get), "404");
    EXPECT_EQ(at(router, "/a/b", Method::head), "405:GET,POST,PUT,")
        << "GET does not stand for HEAD";
    EXPECT_EQ(at(Router::compile({route({"/a"})}), "/a", Method::other), "0/0");
}

TEST(Router, ConnectHasNoRoute) {
    EXPECT_EQ(at(Router::compile({route({"/*"}, kGet | method_bit(Method::connect))}), "/",
                 Method::connect),
              "405:GET,");
    EXPECT_EQ(at(Router::compile({}), "/", Method::connect), "404");
    EXPECT_EQ(at(Router::compile({route({"/a"}, method_bit(Method::connect) | kPost)}), "/a",
                 Method::get),
              "405:POST,")
        << "nor is it offered";
}

TEST(Router, HostsBySpecificity) {
    const Router router = Router::compile({
        route({"/*"}),
        route({"/*"}, kAllMethods, {"*.example.com"}),
        route({"/*"}, kAllMethods, {"*.api.example.com"}),
        route({"/*"}, kAllMethods, {"www.example.com", "example.com"}),
        route({"/only"}, kAllMethods, {"www.example.com"}),
    });
    const auto host = [&](std::string_view h, std::string_view path = "/") {
        return at(router, path, Method::get, h);
    };
    EXPECT_EQ(host("www.example.com"), "3/0");
    EXPECT_EQ(host("WWW.Example.COM"), "3/0");
    EXPECT_EQ(host("www.example.com."), "3/0") << "the absolute form of the name";
    EXPECT_EQ(host("www.example.com", "/only"), "4/0");
    EXPECT_EQ(host("example.com"), "3/0");
    EXPECT_EQ(host("a.example.com"), "1/0");
    EXPECT_EQ(host("a.b.example.com"), "1/0");
    EXPECT_EQ(host("a.api.example.com"), "2/0");
    EXPECT_EQ(host("api.example.com"), "1/0");
    EXPECT_EQ(host("badexample.com"), "0/0");
    EXPECT_EQ(host(".example.com"), "0/0") << "nothing before the dot";
    EXPECT_EQ(host(""), "0/0");
    EXPECT_EQ(host("[::1]"), "0/0");
    EXPECT_EQ(host(std::string(300, 'a')), "404");
}

TEST(Router, ALessSpecificHostIsTriedWhenThePathOrMethodDoesNotFit) {
    const Router router = Router::compile(
        {route({"/a"}, kGet, {"x.y"}), route({"/b"}, kGet, {"*.y"}), route({"/a"}, kPost, {"*"})});
    EXPECT_EQ(at(router, "/b", Method::get, "x.y"), "1/0");
    EXPECT_EQ(at(router, "/a", Method::post, "x.y"), "2/0");
    EXPECT_EQ(at(router, "/a", Method::put, "x.y"), "405:GET,POST,");
}

TEST(Router, NamedListenersFirstThenTheFilesOrder) {
    const Router router = Router::compile(
        {route({"/a"}), route({"/a"}, kAllMethods, {}, {1, 2}), route({"/a"}, kAllMethods, {}, {2}),
         route({"/b"}, kAllMethods, {}, {1}), route({"/c"}), route({"/c"})});
    EXPECT_EQ(at(router, "/a", Method::get, "x", 0), "0/0");
    EXPECT_EQ(at(router, "/a", Method::get, "x", 1), "1/0");
    EXPECT_EQ(at(router, "/a", Method::get, "x", 2), "1/0");
    EXPECT_EQ(at(router, "/b", Method::get, "x", 1), "3/0");
    EXPECT_EQ(at(router, "/b", Method::get, "x", 0), "404");
    EXPECT_EQ(at(router, "/c"), "4/0") << "the first in the file";
}

TEST(Router, CheckPattern) {
    for (const char* good : {"*", "/", "/*", "/a", "/a/", "/a/:id", "/a/{id}/b", "/a/*", "/a//b",
                             "/v1/items:batch", "/a%2Fb", "/.well-known/x"})
        EXPECT_EQ(Router::check_pattern(good), "") << good;
    for (const char* bad : {"",       "a",   "a/b", "/a*",  "/*/a",   "/a/**", "/:",
                            "/{}",    "/{a", "/a}", "/a?b", "/a#b",   "/a b",  "/a/../b",
                            "/a/./b", "/..", "/a%", "/%41", "/a%2fb", "**",    "*/a"})
        EXPECT_NE(Router::check_pattern(bad), "") << bad;
    EXPECT_NE(Router::check_pattern("/a/../b%2f").find("/b%2F"), std::string::npos)
        << "says what to write";
}

double cpu_seconds() {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

TEST(Router, FiveThousandRoutesLoadInASecond) {
    std::vector<RoutePlan> routes;
    for (int i = 0; i < 5000; ++i) {
        const std::string n = std::to_string(i);
        routes.push_back(route(
            {"/svc" + n + "/items", "/svc" + n + "/items/:id", "/shared/" + n + "/*"}, kAllMethods,
            {"h" + std::to_string(i % 50) + ".example.com", "*.d" + n + ".example.com"}));
    }
    const double began = cpu_seconds();
    const Router router = Router::compile(routes);
    EXPECT_LT(cpu_seconds() - began, 1.0);
    for (int i = 0; i < 5000; ++i) {
        const std::string n = std::to_string(i);
        EXPECT_EQ(at(router, "/svc" + n + "/items/7", Method::get,
                     "h" + std::to_string(i % 50) + ".example.com"),
                  n + "/1");
        EXPECT_EQ(at(router, "/shared/" + n + "/a/b", Method::get, "q.d" + n + ".example.com"),
                  n + "/2");
    }
}

// Patterns made so that every choice of literal or parameter leads on, and none to the end. The
// search enters each node of the tree once; without that bound the path of depth 2d would cost 2^d
// more than the one of depth d.
TEST(Router, AdversarialPatternsCostNoMoreThanTheirTree) {
    std::vector<RoutePlan> routes;
    constexpr int kDepth = 12;
    for (int bits = 0; bits < 1 << kDepth; ++bits) {
        std::string pattern;
        for (int d = 0; d < kDepth; ++d) pattern += (bits >> d & 1) != 0 ? "/:p" : "/a";
        routes.push_back(route({pattern + "/end"}));
    }
    const Router router = Router::compile(routes);
    std::string path;
    for (int d = 0; d < kDepth; ++d) path += "/a";
    EXPECT_EQ(at(router, path + "/end"), "0/0");
    const std::string miss = path + "/miss";
    const double began = cpu_seconds();
    for (int i = 0; i < 10; ++i) EXPECT_EQ(at(router, miss), "404");
    EXPECT_LT((cpu_seconds() - began) / 10, 0.02) << "8191 nodes";
    // Longer paths than any pattern do not cost more.
    std::string longer = path;
    for (int d = 0; d < 3000; ++d) longer += "/a";
    const double began_longer = cpu_seconds();
    EXPECT_EQ(at(router, longer), "404");
    EXPECT_LT(cpu_seconds() - began_longer, 0.02);
}

}  // namespace
}  // namespace glassgate::proxy
