// The names behind the indexes of a record. One PlanNames belongs to one plan generation; it is
// immutable and outlives the last record that refers to it (see Recorder::plan_retired).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/method.h"
#include "model/field.h"

namespace glassgate::model {

inline constexpr uint32_t kNone = 0xffffffffu;  // "no route", "no upstream", ...

struct PolicyName {
    std::string kind;                  // "rate-limit": label `policy` of flex_policy_verdicts_total
    std::string category;              // reserved word of the catalogue, "traffic", "security", ...
    std::vector<std::string> reasons;  // the closed set of reason slugs it can give
};

struct RouteName {
    std::string id;                     // label `route`, field route.id
    std::string api;                    // field api.name
    std::vector<std::string> patterns;  // label `path`, field route.path; as written in the plan
    MethodSet methods = kAllMethods;    // which (route, method, path) series exist from the start
    std::vector<uint32_t> policies;     // indexes into PlanNames::policies, in chain order
    uint32_t upstream = kNone;          // index into PlanNames::upstreams
};

struct UpstreamName {
    std::string name;                  // label `upstream`
    std::vector<std::string> targets;  // label `target`: "product-service:3000", as configured
};

struct ListenerName {
    std::string name;  // label `listener`
};

// Which traces are kept at close although the head decision did not sample them.
struct TraceKeep {
    bool errors = false;
    uint64_t slower_than_ns = 0;  // 0: none
};

struct PlanNames {
    uint64_t generation = 0;
    std::string gateway;  // gateway.name
    std::string mode;     // gateway.mode: "local" | "connected"
    std::vector<ListenerName> listeners;
    std::vector<RouteName> routes;
    std::vector<PolicyName> policies;
    std::vector<UpstreamName> upstreams;
    TraceKeep keep;           // off unless the plan traces
    FieldSelection captured;  // every field any projection of this plan needs
};

}  // namespace glassgate::model
