// For tests of policies: requests from text, settings from literals, a worker's environment with a
// clock that is set by hand and a recorder that keeps events.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "http/h1.h"
#include "policy/policy.h"
#include "shared/breaker_board.h"
#include "shared/quota_ledger.h"

namespace glassgate::policy {

// ---- settings as a document: map({{"limit", scalar("100/min")}})
// ----------------------------------

inline Node scalar(std::string text, bool quoted = false) {
    Node node;
    node.kind = Node::Kind::scalar;
    node.scalar = std::move(text);
    node.quoted = quoted;
    return node;
}
inline Node list(std::vector<Node> items) {
    Node node;
    node.kind = Node::Kind::list;
    node.items = std::move(items);
    return node;
}
inline Node map(std::vector<std::pair<std::string, Node>> entries) {
    Node node;
    node.kind = Node::Kind::map;
    node.entries = std::move(entries);
    node.key_positions.resize(node.entries.size());
    return node;
}

struct Compiled {
    std::unique_ptr<PolicyPlan> plan;
    std::string mistakes;  // one a line
};

inline Compiled compile(std::string_view kind, const Node& settings, std::string route = "catalog",
                        std::string upstream = "products", int nth = 1) {
    Diagnostics diagnostics;
    const std::string key = route + "/" + std::string(kind) + "/" + std::to_string(nth);
    CompileContext context{diagnostics, "test-gateway", route, upstream, key};
    Compiled result{find_policy(kind)->compile(settings, context), {}};
    for (const Diagnostic& d : diagnostics.all()) result.mistakes += to_text(d) + "\n";
    EXPECT_EQ(result.plan == nullptr, diagnostics.has_errors());
    return result;
}

// ---- requests
// ---------------------------------------------------------------------------------------

// One request with its exchange. Not to be moved: policies know it by its address.
struct Call {
    explicit Call(std::string head_text = "GET /api/products HTTP/1.1\r\nHost: shop\r\n\r\n",
                  std::string address = "192.0.2.7")
        : text(std::move(head_text)), client_address(std::move(address)) {
        std::size_t resume = 0;
        const auto parsed = http::parse_request_head(text, http::HeadLimits{}, resume, head);
        EXPECT_EQ(parsed.state, http::ParseState::complete) << http::to_text(parsed.error);
        request.head = &head;
        request.path = head.path;
        request.client_address = client_address;
        request.route = 0;
        request.exchange = &exchange;
        request.arena = &arena;
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    // The response header a policy set; "-" when it did not.
    [[nodiscard]] std::string header(std::string_view name) const {
        for (const http::HeaderEdit& edit : request.response_edits)
            if (edit.name == name) return std::string(edit.value);
        return "-";
    }

    std::string text, client_address;
    http::RequestHead head;
    model::Exchange exchange;
    Arena arena;
    Request request;
};

// "GET / with these header lines", each without its line end.
inline std::string with_headers(const std::vector<std::string>& lines,
                                const std::string& target = "/") {
    std::string text = "GET " + target + " HTTP/1.1\r\nHost: shop\r\n";
    for (const std::string& line : lines) text += line + "\r\n";
    return text + "\r\n";
}

// ---- a worker
// ---------------------------------------------------------------------------------------

class EventKeeper final : public model::NullRecorder {
public:
    // "WARN circuit_breaker_open route=catalog open_ms=500"
    void event(const model::Event& e) noexcept override {
        std::string line = std::string(to_text(e.level)) + " " + std::string(to_text(e.kind));
        for (const model::EventAttribute& a : e.attributes)
            line += " " + std::string(a.key) + "=" +
                    (a.is_number ? std::to_string(a.number) : std::string(e.str(a)));
        events.push_back(std::move(line));
    }
    std::vector<std::string> events;
};

struct FakeWorker {
    shared::QuotaLedger quotas;
    shared::BreakerBoard breakers;
    EventKeeper recorder;
    Random random{1};
    WorkerEnv env{0, &quotas, &breakers, &recorder, &random};
};

// "pass", or "429 rate_limited: Too Many Requests".
inline std::string verdict_text(const Verdict& verdict) {
    if (std::holds_alternative<Pass>(verdict)) return "pass";
    if (std::holds_alternative<Wait>(verdict)) return "wait";
    const Reply& reply = std::get<Reply>(verdict);
    return std::to_string(reply.status) + " " + std::string(reply.reason) + ": " +
           std::string(reply.message);
}

inline std::string ask(Policy& policy, Call& call, uint64_t now_ms = 0) {
    call.request.now_ns = now_ms * kNsPerMs;
    return verdict_text(policy.on_request(call.request));
}

}  // namespace glassgate::policy
