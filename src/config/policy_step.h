// One step of a route's policy chain, from wherever its settings come.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/draft.h"

namespace glassgate::config {

struct PolicyItem {
    std::string name;  // of the catalogue
    Position position;
    Node settings;
};

struct PolicyScope {
    // Begins the key under which state is kept: routes with the same one share limits. Empty: the
    // route's id.
    std::string key;
    std::shared_ptr<const std::vector<proxy::RequestRule>> only;  // null: for all requests
};

// Compiles the policy and adds it to the route. Mistakes go to `diagnostics`, which need not be the
// draft's.
void compile_policy_step(const PolicyItem& item, const PolicyScope& scope, Diagnostics& diagnostics,
                         Draft& draft, proxy::RoutePlan& route);

// Adds a route that is complete, and its names. `at`: where it is written.
void add_named_route(proxy::RoutePlan&& route, std::string api, const Position& at, Draft& draft);

}  // namespace glassgate::config
