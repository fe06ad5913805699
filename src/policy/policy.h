// What a policy is, and all it can see and do. A policy is a file pair, a test, one row of the
// catalogue (catalogue.cc) and a golden YAML; nothing else changes when one is added.
//
//   PolicyKind  --compile(document)-->  PolicyPlan  --instantiate(worker)-->  Policy
//   (catalogue)     at load, with diagnostics    immutable, shared      one per worker and route
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/arena.h"
#include "base/document.h"
#include "base/ids.h"
#include "http/message.h"
#include "http/rewrite.h"
#include "io/task.h"
#include "model/exchange.h"
#include "model/recorder.h"

namespace glassgate::shared {
class QuotaLedger;
class BreakerBoard;
class AuditGate;
}  // namespace glassgate::shared
namespace glassgate::io {
class Loop;
}

namespace glassgate::policy {

class Pause;
struct Services;

// One request on its way through the chain. Views live until the exchange is closed.
class Request {
public:
    const http::RequestHead* head = nullptr;
    std::string_view path;            // normalised; what the router matched
    std::string_view client_address;  // after trusted X-Forwarded-For; no port
    uint32_t route = model::kNone;
    uint64_t now_ns = 0;                  // mono clock when the chain began
    model::Exchange* exchange = nullptr;  // to read; written through the functions below
    Arena* arena = nullptr;               // for text that must live as long as the request

    // Identity. Set by identifying policies, read by those after them.
    std::string_view client_id;
    std::string_view client_name;
    // The value of a claim of the verified token; empty when absent.
    [[nodiscard]] std::string_view claim(std::string_view name) const;
    void set_claim(std::string_view name, std::string_view value);

    // Effects. A later edit of a header replaces an earlier one.
    void edit_upstream_header(std::string_view name, std::string_view value);  // arena-kept copies
    void remove_upstream_header(std::string_view name);
    void edit_response_header(std::string_view name, std::string_view value);  // also on refusals
    void remove_response_header(std::string_view name);
    // 0: the upstream's own; else replaces it for this request.
    uint32_t response_timeout_ms = 0;
    uint32_t stream_idle_timeout_ms = 0;

    std::vector<http::HeaderEdit> upstream_edits;
    std::vector<http::HeaderEdit> response_edits;
    struct Claim {
        std::string_view name, value;
    };
    std::vector<Claim> claims;

    Pause* pause = nullptr;  // while a policy waits (pause.h): what to cancel when nobody waits for
                             // the answer any more

    void reset();  // keeps capacity
};

// The upstream's response head, before it goes to the client; edits go through
// Request::edit_response_header.
struct Response {
    uint16_t status = 0;
    const http::ResponseHead* head = nullptr;  // null for a reply of the gateway's own
};

struct Pass {};
struct Reply {
    uint16_t status;
    std::string_view reason;   // slug of PolicyKind::reasons: metric label, log, audit word
    std::string_view message;  // {"error": "<message>"}; static or arena-kept; may be empty
    model::Ending ending = model::Ending::policy_refused;
    std::optional<model::Origin> origin = std::nullopt;  // whose doing, if not the ending's own
};
struct Wait {};  // the verdict needs time: the chain awaits Policy::resume
struct Verdict : std::variant<Pass, Reply, Wait> {
    using variant::variant;
};

class Policy {  // one per worker and route: may keep state, needs no lock
public:
    virtual ~Policy() = default;
    virtual Verdict on_request(Request& request) = 0;
    // Only after on_request returned Wait. A policy that returns Wait must override it, and waits
    // through a Pause, so that the exchange can end it.
    virtual io::Task<Verdict> resume(Request& request);
    // Whether on_request_body is to be called; asked once, when the plan takes effect.
    [[nodiscard]] virtual bool reads_request_body() const noexcept { return false; }
    // The body of a request that passed the chain, piece by piece as it comes, without its framing;
    // `last` with the final piece, which may be empty. A piece goes upstream only after every
    // policy has seen it, so nothing of a body that is here as a whole goes out before it has
    // passed. A reply ends the exchange; an upstream that has got the beginning sees it broken off.
    // Not called for requests without a body, nor for what follows an upgrade.
    virtual std::optional<Reply> on_request_body(Request& request, std::string_view piece,
                                                 bool last) {
        (void)request, (void)piece, (void)last;
        return std::nullopt;
    }
    // In reverse order, for every policy whose on_request ran, before the head goes to the client.
    virtual void on_response(Request& request, const Response& response) {
        (void)request, (void)response;
    }
    // Once for every request on_request ran for, when its exchange is closed. `request` is the same
    // object: its address names the request from on_request to here.
    virtual void on_finished(const Request& request, const model::Exchange& exchange) {
        (void)request, (void)exchange;
    }

    // ---- for the one policy of a route that vouches for it (PolicyKind::vouches). In all of these
    // the text of request.exchange can be read.

    // When every policy has passed, before the request goes upstream. No Wait.
    virtual Verdict before_forward(Request& request) {
        (void)request;
        return Pass{};
    }
    // Before the head of a response goes to the client, be it the upstream's or the gateway's own.
    // False: it must wait; then hold is awaited, and what that replies is answered instead.
    virtual bool may_answer(Request& request, uint16_t status) {
        (void)request, (void)status;
        return true;
    }
    virtual io::Task<Verdict> hold(Request& request);
};

// What a worker lends its policies. Outlives them.
struct WorkerEnv {
    unsigned worker = 0;
    shared::QuotaLedger* quotas = nullptr;
    shared::BreakerBoard* breakers = nullptr;
    model::Recorder* recorder = nullptr;
    Random* random = nullptr;
    io::Loop* loop = nullptr;            // null in tests that do not wait
    Services* services = nullptr;        // services.h: what works in the background for policies
    shared::AuditGate* audit = nullptr;  // null: there is no audit log
};

// Immutable; built once per configuration, shared by all workers. Outlives its instances.
class PolicyPlan {
public:
    virtual ~PolicyPlan() = default;
    [[nodiscard]] virtual std::unique_ptr<Policy> instantiate(const WorkerEnv& env) const = 0;
    // The setting an operator would name, e.g. "100/min"; compared across reloads to raise
    // rate_limit_config_updated and shown by `glassgate check --explain`.
    [[nodiscard]] virtual std::string summary() const { return {}; }
};

struct CompileContext {
    Diagnostics& diagnostics;
    std::string gateway;  // metadata.name
    std::string route_id;
    std::string upstream;  // name of the route's upstream; may be empty
    std::string
        state_key;  // stable across reloads: "<route id>/<policy name>/<n-th of its kind, from 1>"
};

struct FieldDoc {
    std::string_view name, type, fallback, doc;
};

struct PolicyKind {
    std::string_view name;      // "rate-limit"
    std::string_view category;  // "traffic", "security", ...
    std::string_view doc;
    std::span<const std::string_view> reasons;  // reasons[0] == "pass"
    std::span<const FieldDoc> fields;           // for the generated reference page
    std::string_view example;                   // YAML, one policy list item
    // Null after reporting every mistake to context.diagnostics.
    std::unique_ptr<PolicyPlan> (*compile)(const Node& settings, CompileContext& context);
    bool vouches = false;                      // see Policy::before_forward; at most one per route
    std::span<const model::Field> reads = {};  // of the record, which must be captured for it
};

[[nodiscard]] std::span<const PolicyKind> catalogue() noexcept;  // catalogue.cc
[[nodiscard]] const PolicyKind* find_policy(std::string_view name) noexcept;

}  // namespace glassgate::policy
