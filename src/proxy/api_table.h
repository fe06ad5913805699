// ApiTable: the APIs of a plan. An API owns what is below its base path on its listeners: its rules
// decide, in the order written, and where none takes the request there is no route. Read by all
// workers; a search allocates nothing and looks at the rules of one API only.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "http/h1.h"
#include "proxy/path_pattern.h"

namespace glassgate::proxy {

struct RoutePlan;

class ApiTable {
public:
    ApiTable();
    ~ApiTable();
    ApiTable(ApiTable&&) noexcept;
    ApiTable& operator=(ApiTable&&) noexcept;

    // Of the routes with RoutePlan::api; others are the router's.
    static ApiTable compile(const std::vector<RoutePlan>& routes);

    [[nodiscard]] bool empty() const noexcept;

    struct Api;
    // The API with the longest base `path` begins with; null: none.
    [[nodiscard]] const Api* find(uint32_t listener, std::string_view path) const noexcept;
    // Whether it owns a part of its listener only, and not all that nobody else takes.
    [[nodiscard]] static bool has_base(const Api& api) noexcept;

    struct Match {
        uint32_t route = 0xffffffffu;  // none
        uint32_t pattern = 0;          // which of RoutePlan::paths
        Captures captures;             // of the path below the base
        [[nodiscard]] bool found() const noexcept { return route != 0xffffffffu; }
    };
    [[nodiscard]] static Match match(const Api& api, std::string_view path,
                                     const http::RequestHead& head) noexcept;

private:
    struct Tables;
    std::unique_ptr<Tables> tables_;
};

}  // namespace glassgate::proxy
