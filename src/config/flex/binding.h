// PolicyBinding documents and the policies of ApiInstance documents: which policy is for what.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/draft.h"
#include "config/flex/document.h"
#include "config/flex/policy_names.h"

namespace glassgate::config::flex {

struct Binding {
    std::string name;                    // of the document, for ids
    std::string space;                   // where references in its config start
    const PolicyName* policy = nullptr;  // never null
    Position at;                         // of the policy's name
    std::shared_ptr<const Node> absent;  // what an absent config reads as, at its place
    const Node* config = nullptr;        // never null
    const Node* rules = nullptr;
    int64_t order = 50;
    std::vector<const Document*> targets;  // ApiInstances or Services
};

// Those that are right, in the order in which they apply: by `order`, then as written, policies of
// an ApiInstance before those bound to it. What binds to nothing is reported.
[[nodiscard]] std::vector<Binding> read_bindings(const Documents& documents,
                                                 Diagnostics& diagnostics);

}  // namespace glassgate::config::flex
