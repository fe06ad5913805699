// All documents of Flex Gateway's kinds together, and what they add to a plan: listeners, upstreams
// and routes, compiled by the steps that compile a Gateway document. In this order.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/draft.h"
#include "config/flex/binding.h"
#include "config/flex/other_kinds.h"
#include "config/flex/settings.h"

namespace glassgate::config::flex {

// One ApiInstance.
struct Api {
    const Document* document = nullptr;
    std::string id;            // label: qualified name
    std::string scheme, host;  // of its address
    uint16_t port = 0;         //
    std::string base;          // "/shop"; empty: the whole port
    Position address_at;
    const Node* services = nullptr;        // inline; null: none
    std::vector<const Binding*> routes;    // route and route-weighted
    std::vector<const Binding*> policies;  // in the order they run
    const Binding* tls = nullptr;
    std::optional<uint32_t> listener;  // index into the plan
};

class Site {
public:
    // `nodes` outlive this. Reports whatever is wrong with any document.
    static std::unique_ptr<Site> read(const std::vector<Node>& nodes,
                                      const Environment& environment, Draft& draft);

    void add_listeners(Draft& draft);
    void add_upstreams(Draft& draft);
    void add_routes(Draft& draft);
    // The telemetry section with what Configuration documents say about it.
    [[nodiscard]] Node telemetry(const Node* native, Draft& draft) const;

    // After compile_telemetry: what the native form has no words for.
    void finish(const Environment& environment, Draft& draft) const;

    [[nodiscard]] bool has_apis() const noexcept { return !apis_.empty(); }

private:
    void read_api(const Document& document, Draft& draft);
    void read_address(const Node& node, Api& api, Draft& draft) const;
    void assign(const Binding& binding, Draft& draft);
    void assign_to_api(const Binding& binding, Api& api, Draft& draft);
    void check_bases(Draft& draft) const;
    void add_listener(Api& api, Draft& draft);
    void add_service_routes(Api& api, Draft& draft);
    void add_bound_routes(Api& api, Draft& draft);
    void add_service_route(Api& api, const std::string& service, std::size_t index,
                           const Node& route, Draft& draft);
    [[nodiscard]] std::optional<proxy::DestinationPlan> destination(const Binding& binding,
                                                                    const Node& node, bool weighted,
                                                                    Draft& draft) const;
    [[nodiscard]] std::optional<uint32_t> upstream_of(const std::string& name, Draft& draft) const;

    Documents documents_;
    Settings settings_;
    std::vector<Binding> bindings_;
    std::vector<Contract> contracts_;
    std::vector<Api> apis_;
    std::map<const Document*, std::vector<const Binding*>> of_service_;
    // Inline services by API and name, Services by document: the names of their upstreams.
    std::map<std::pair<const Document*, std::string>, std::string> inline_upstreams_;
    std::map<const Document*, std::string> service_upstreams_;
};

}  // namespace glassgate::config::flex
