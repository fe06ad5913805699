#include "proxy/api_table.h"

#include <gtest/gtest.h>

#include "http/h1.h"
#include "proxy/plan.h"

namespace glassgate::proxy {
namespace {

PathPattern pattern(const std::string& text, PathPattern::Case letters = {}) {
    return PathPattern::compile(text, letters).value();
}

RequestRule rule(const std::string& path, const std::string& methods = ".*") {
    RequestRule out;
    out.path = pattern(path);
    out.methods = pattern(methods);
    out.compile_methods();
    return out;
}

RoutePlan api_route(const std::string& base, std::vector<RequestRule> rules,
                    std::vector<uint32_t> listeners = {0}) {
    auto api = std::make_shared<ApiRoutePlan>();
    api->base = base;
    api->rules = std::move(rules);
    api->destinations = {{}};
    RoutePlan route;
    route.listeners = std::move(listeners);
    route.api = std::move(api);
    return route;
}

// A request with its text.
struct Asked {
    explicit Asked(const std::string& method, const std::string& headers = "Host: any\r\n")
        : text(method + " / HTTP/1.1\r\n" + headers + "\r\n") {
        std::size_t resume = 0;
        const auto parsed = http::parse_request_head(text, {}, resume, head);
        EXPECT_EQ(parsed.state, http::ParseState::complete);
    }
    std::string text;
    http::RequestHead head;
};

ApiTable::Match find(const ApiTable& table, uint32_t listener, std::string_view path,
                     const http::RequestHead& head) {
    const ApiTable::Api* const api = table.find(listener, path);
    return api == nullptr ? ApiTable::Match{} : ApiTable::match(*api, path, head);
}

TEST(ApiTable, ABaseIsWholeSegmentsAndTheLongestOneOwns) {
    const std::vector<RoutePlan> routes = {api_route("/shop", {rule(".*")}),
                                           api_route("/shop/v2", {rule("/only")}),
                                           api_route("", {rule(".*")}, {1})};
    const ApiTable table = ApiTable::compile(routes);
    const Asked get("GET");
    EXPECT_EQ(find(table, 0, "/shop", get.head).route, 0u);
    EXPECT_EQ(find(table, 0, "/shop/x", get.head).route, 0u);
    EXPECT_EQ(find(table, 0, "/shop/v2/only", get.head).route, 1u);
    EXPECT_FALSE(find(table, 0, "/shop/v2/other", get.head).found());  // no falling back
    EXPECT_FALSE(find(table, 0, "/shopping", get.head).found());
    EXPECT_FALSE(find(table, 0, "/", get.head).found());
    EXPECT_EQ(find(table, 1, "/shop", get.head).route, 2u);
    EXPECT_FALSE(find(table, 1, "*", get.head).found());
    EXPECT_FALSE(find(table, 2, "/shop", get.head).found());
}

TEST(ApiTable, RulesAreTriedInOrderAndEveryPartMustMatch) {
    RequestRule by_header = rule("/x");
    by_header.headers.emplace_back("x-channel", pattern("web|app"));
    RequestRule by_host = rule("/x");
    by_host.host = pattern("api\\.example\\.com", PathPattern::Case::insensitive);
    const std::vector<RoutePlan> routes = {api_route("", {rule("/x", "POST|PUT"), rule("/y")}),
                                           api_route("", {by_header}), api_route("", {by_host}),
                                           api_route("", {rule("/x", "GET|PURGE")})};
    const ApiTable table = ApiTable::compile(routes);
    EXPECT_EQ(find(table, 0, "/x", Asked("PUT").head).route, 0u);
    EXPECT_EQ(find(table, 0, "/y", Asked("DELETE").head).route, 0u);
    EXPECT_EQ(find(table, 0, "/x", Asked("GET", "Host: a\r\nX-Channel: app\r\n").head).route, 1u);
    EXPECT_EQ(
        find(table, 0, "/x", Asked("GET", "Host: a\r\nx-channel: b\r\nx-channel: web\r\n").head)
            .route,
        1u);
    EXPECT_EQ(find(table, 0, "/x", Asked("GET", "Host: API.example.com:8080\r\n").head).route, 2u);
    EXPECT_EQ(find(table, 0, "/x", Asked("GET", "Host: a\r\nx-channel: webs\r\n").head).route, 3u);
    EXPECT_EQ(find(table, 0, "/x", Asked("PURGE").head).route, 3u);
    EXPECT_FALSE(find(table, 0, "/x", Asked("BREW").head).found());
    EXPECT_FALSE(find(table, 0, "/z", Asked("GET").head).found());
}

TEST(ApiTable, TheRouterLeavesApisAlone) {
    const std::vector<RoutePlan> routes = {api_route("/a", {rule(".*")})};
    EXPECT_FALSE(Router::compile(routes).match(0, "h", "/a", Method::get).found());
    EXPECT_TRUE(ApiTable::compile({}).empty());
}

std::string destination(const std::string& prefix, const std::string& written,
                        const std::string& path) {
    Captures captures;
    EXPECT_TRUE(pattern(written).match(path, captures)) << written;
    std::string out;
    append_destination(out, prefix, path, captures);
    return out;
}

TEST(Destination, IsThePrefixAndWhatWasCaptured) {
    EXPECT_EQ(destination("", "/api(/.*)", "/api/orders"), "/orders");
    EXPECT_EQ(destination("", "/api/.*", "/api/orders"), "/api/orders");
    EXPECT_EQ(destination("/v2/products", "/products(/.*)?", "/products/7"), "/v2/products/7");
    EXPECT_EQ(destination("/v2/products", "/products(/.*)?", "/products"), "/v2/products");
    EXPECT_EQ(destination("/", "(/.*)", "/orders"), "/orders");
    EXPECT_EQ(destination("/v1/", "(/.*)", "/orders"), "/v1/orders");
    EXPECT_EQ(destination("", "/a/(.*)", "/a/b"), "/b");
    EXPECT_EQ(destination("", "/a(/.*)?", "/a"), "/");
    EXPECT_EQ(destination("", "/(a+)/x/(b+)", "/aa/x/bbb"), "/aabbb");
    EXPECT_EQ(destination("/p", "(/a)/x(/b)", "/a/x/b"), "/p/a/b");
    EXPECT_EQ(destination("/p", ".*", "/"), "/p/");
}

TEST(Destination, BelowTheBaseThereIsAlwaysAPath) {
    EXPECT_EQ(below_base("/shop", "/shop"), "/");
    EXPECT_EQ(below_base("/shop/a", "/shop"), "/a");
    EXPECT_EQ(below_base("/a", ""), "/a");
}

}  // namespace
}  // namespace glassgate::proxy
