// The plan while it is being compiled, and the parts of the compiler that fill it, in this order.
// Every part reads all of its section and reports every mistake; a draft with mistakes is thrown
// away as a whole.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alert/settings.h"
#include "base/clock.h"
#include "base/document.h"
#include "config/load.h"
#include "config/named_files.h"
#include "model/names.h"
#include "proxy/plan.h"
#include "telemetry/settings.h"

namespace glassgate::config {

struct Draft {
    Draft(Diagnostics& d, NamedFiles& f) : diagnostics(d), files(f) {}

    [[nodiscard]] const std::string& gateway() const noexcept { return names.gateway; }

    Diagnostics& diagnostics;
    NamedFiles& files;
    proxy::Plan plan;
    model::PlanNames names;
    telemetry::Settings telemetry;
    std::optional<ProbeSetting> probe;
    flight::RecorderSettings flight;
    alert::Settings alerting;
    StoreSettings store;
    ConsoleSettings console;
    std::vector<RateLimitSetting> rate_limits;
    std::vector<CertificateExpiry> certificates;
    std::vector<std::shared_ptr<io::tls::TicketKeys>> ticket_keys;
    std::map<const void*, std::string> tls_words;  // see Configuration
    const int64_t now_s = static_cast<int64_t>(wall_now_ns() / kNsPerSecond);

    // Where things stand, in the order of the plan.
    std::vector<Position> listener_at, upstream_at, route_at;
    std::vector<std::vector<Position>> pattern_at;  // per route
    std::vector<char> upstream_used;
    std::vector<char> asks_for_certificates;  // per listener
    std::size_t named_upstreams = 0;          // the first so many; inline ones follow
};

void compile_listeners(const Node* listeners, Draft& draft);
void compile_upstreams(const Node* upstreams, Draft& draft);
void compile_routes(const Node* routes, Draft& draft);
void compile_policies(const Node* policies, Draft& draft, proxy::RoutePlan& route);
void check_routes(Draft& draft);  // no two routes for the same requests
void compile_telemetry(const Node* telemetry, Draft& draft);
void compile_flight(const Node* flight_recorder, Draft& draft);  // of telemetry
void compile_alerting(const Node* alerting, Draft& draft);       // of telemetry
void compile_store(const Node* store, Draft& draft);             // of telemetry
void compile_console(const Node* console, Draft& draft);  // after the others' ports are known

// The index of the upstream a route's `upstream` names or describes; nothing after a mistake.
[[nodiscard]] std::optional<uint32_t> resolve_upstream(const Node& node, Draft& draft);

// ---- reading ----

inline const Node kNoNode;  // reads as an empty map
[[nodiscard]] inline const Node& or_empty(const Node* node) { return node ? *node : kNoNode; }

template <typename Unsigned>
[[nodiscard]] Unsigned read_unsigned(Fields& fields, std::string_view key, Unsigned fallback,
                                     uint64_t min, uint64_t max) {
    return static_cast<Unsigned>(fields.integer(
        key, static_cast<int64_t>(fallback), static_cast<int64_t>(min), static_cast<int64_t>(max)));
}

inline constexpr uint64_t kHourMs = 3'600'000;

// Milliseconds, at least one: "at once" is nobody's timeout.
[[nodiscard]] inline uint32_t read_ms(Fields& fields, std::string_view key, uint32_t fallback,
                                      uint64_t max = kHourMs) {
    return read_unsigned<uint32_t>(fields, key, fallback, 1, max);
}

// The items of a list; nothing after a mistake or if absent or empty (`key:` alone).
[[nodiscard]] const std::vector<Node>& items_of(const Node* list, std::string_view key,
                                                Diagnostics& diagnostics);

// `use(text, position)` for each text of a list or for the one text; other things are reported.
template <typename Use>
void each_text(Fields& fields, std::string_view key, Use&& use,
               std::string_view advice = "at least one; leave the key out for all") {
    const Node* const node = fields.child(key);
    if (node == nullptr) return;
    (void)fields.texts(key);  // reports what is no text
    if (node->kind == Node::Kind::scalar) use(node->scalar, node->position);
    if (node->kind == Node::Kind::list && node->items.empty())
        fields.mistake(node->position, std::string(key) + " is empty", std::string(advice));
    for (const Node& item : node->items)
        if (item.kind == Node::Kind::scalar) use(item.scalar, item.position);
}

// A name for labels and messages: 1 to 128 bytes, no control characters. Reports and returns the
// fallback otherwise.
[[nodiscard]] std::string read_name(Fields& fields, std::string_view key,
                                    std::string_view fallback);

// A map from names to texts.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> read_pairs(Fields& fields,
                                                                          std::string_view key);

// The first earlier item whose member is the same; nothing if there is none.
template <typename Item, typename Member>
[[nodiscard]] std::optional<std::size_t> index_of(const std::vector<Item>& items,
                                                  Member Item::* member, const Member& value) {
    const auto found = std::find_if(items.begin(), items.end(),
                                    [&](const Item& item) { return item.*member == value; });
    if (found == items.end()) return std::nullopt;
    return static_cast<std::size_t>(found - items.begin());
}

// "gateway.yaml:12" for "first in ...".
[[nodiscard]] std::string place(const Position& at);

}  // namespace glassgate::config
