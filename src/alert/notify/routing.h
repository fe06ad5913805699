// Which receivers an alert goes to, and in which group. Pure.
#pragma once

#include <string>
#include <vector>

#include "alert/settings.h"

namespace glassgate::alert {

// A leaf of the route tree that takes an alert.
struct RouteMatch {
    const Route* route = nullptr;
    std::string key;  // as Alertmanager writes it: {}/{severity="critical"}
};

// As Alertmanager: the deepest that match; of siblings the first, and further ones while `continue`
// is set. Nothing where no receiver is configured.
[[nodiscard]] std::vector<RouteMatch> match_routes(const Route& root, const store::Labels& labels);

// The labels a group has in common by the route's wish.
[[nodiscard]] store::Labels group_labels(const Route& route, const store::Labels& labels);
// {alertname="A", severity="critical"}
[[nodiscard]] std::string labels_key(const store::Labels& labels);

}  // namespace glassgate::alert
