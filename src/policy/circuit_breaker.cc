#include "policy/circuit_breaker.h"

#include <algorithm>
#include <charconv>

#include "base/clock.h"
#include "policy/settings.h"
#include "policy/status_set.h"
#include "shared/breaker_board.h"

namespace glassgate::policy {
namespace {

using model::Ending;
using model::Event;
using model::EventKind;
using shared::Breaker;

struct Settings {
    uint32_t consecutive_failures = 0;
    uint32_t open_ms = 0;
    uint32_t probes = 0;
    StatusSet counted;
    std::string route, upstream;
};

enum class Outcome : uint8_t { success, failure, neither };

// What an exchange says about the upstream. What the client did (abort, slow body) or the gateway
// decided (refusal, connection limit, shutdown) says nothing.
Outcome outcome_of(const model::Exchange& exchange, const StatusSet& counted) noexcept {
    switch (exchange.ending) {
        case Ending::completed:
            return counted.contains(exchange.status) ? Outcome::failure : Outcome::success;
        case Ending::upgraded:
            return Outcome::success;
        case Ending::upstream_dns_failed:
        case Ending::upstream_connect_failed:
        case Ending::upstream_connect_timeout:
        case Ending::upstream_timeout:
        case Ending::upstream_reset:
        case Ending::upstream_malformed:
        case Ending::upstream_body_reset:
        case Ending::upstream_body_timeout:
        case Ending::no_healthy_upstream:
            return Outcome::failure;
        default:
            return Outcome::neither;
    }
}

class CircuitBreaker final : public Policy {
public:
    CircuitBreaker(const Settings& settings, const WorkerEnv& env)
        : settings_(settings),
          recorder_(env.recorder),
          breaker_(env.breakers->find(settings.route, settings.upstream)) {
        probes_.reserve(settings.probes);
    }
    ~CircuitBreaker() override {
        for (const Probe& probe : probes_) breaker_->abandoned(probe.ticket);
    }
    CircuitBreaker(const CircuitBreaker&) = delete;
    CircuitBreaker& operator=(const CircuitBreaker&) = delete;

    Verdict on_request(Request& request) override {
        const Breaker::Admitted admitted =
            breaker_->admit(request.now_ns / kNsPerMs, settings_.probes);
        if (admitted.became_half_open) raise(EventKind::circuit_breaker_half_open);
        if (admitted.admission == Breaker::Admission::probe)
            probes_.push_back({&request, admitted.ticket});
        if (admitted.admission != Breaker::Admission::refuse) return Pass{};
        char digits[20];
        const uint64_t seconds = std::max<uint64_t>((admitted.wait_ms + 999) / 1000, 1);
        const auto end = std::to_chars(digits, digits + sizeof digits, seconds).ptr;
        request.edit_response_header("Retry-After", {digits, end});
        return Reply{503, "circuit_open", "Service Unavailable", Ending::circuit_open};
    }

    // A probe is answered when the upstream begins a good response: a download or an event stream
    // must not keep everybody else out until it ends.
    void on_response(Request& request, const Response& response) override {
        if (probes_.empty() || response.head == nullptr ||
            settings_.counted.contains(response.status))
            return;
        if (const auto ticket = take_probe(&request)) succeeded(*ticket, request.now_ns);
    }

    void on_finished(const Request& request, const model::Exchange& exchange) override {
        const Breaker::Ticket ticket =
            take_probe(&request).value_or(Breaker::Ticket{false, request.now_ns / kNsPerMs});
        switch (outcome_of(exchange, settings_.counted)) {
            case Outcome::success:
                succeeded(ticket, exchange.closed_ns);
                break;
            case Outcome::failure:
                failed(ticket, exchange.closed_ns);
                break;
            case Outcome::neither:
                breaker_->abandoned(ticket);
                break;
        }
    }

private:
    struct Probe {
        const Request* request;
        Breaker::Ticket ticket;
    };

    std::optional<Breaker::Ticket> take_probe(const Request* request) noexcept {
        for (Probe& probe : probes_) {
            if (probe.request != request) continue;
            const Breaker::Ticket ticket = probe.ticket;
            probe = probes_.back();
            probes_.pop_back();
            return ticket;
        }
        return std::nullopt;
    }
    void succeeded(const Breaker::Ticket& ticket, uint64_t now_ns) {
        if (breaker_->succeeded(ticket, now_ns / kNsPerMs, settings_.probes))
            raise(EventKind::circuit_breaker_closed);
    }
    void failed(const Breaker::Ticket& ticket, uint64_t now_ns) {
        const uint32_t in_a_row = breaker_->failed(
            ticket, now_ns / kNsPerMs, settings_.consecutive_failures, settings_.open_ms);
        if (in_a_row != 0) raise(EventKind::circuit_breaker_open, in_a_row);
    }
    void raise(EventKind kind, uint32_t in_a_row = 0) {
        Event event(kind, wall_now_ns());
        event.with("route", settings_.route).with("upstream", settings_.upstream);
        if (kind == EventKind::circuit_breaker_open)
            event.with("consecutive_failures", int64_t{in_a_row})
                .with("open_ms", int64_t{settings_.open_ms});
        recorder_->event(event);
    }

    const Settings& settings_;  // the plan's, which outlives its instances
    model::Recorder* const recorder_;
    const std::shared_ptr<Breaker> breaker_;
    std::vector<Probe> probes_;  // of this worker, under way
};

class CircuitBreakerPlan final : public PolicyPlan {
public:
    explicit CircuitBreakerPlan(Settings settings) : settings_(std::move(settings)) {}
    std::unique_ptr<Policy> instantiate(const WorkerEnv& env) const override {
        return std::make_unique<CircuitBreaker>(settings_, env);
    }
    std::string summary() const override {
        return std::to_string(settings_.consecutive_failures) + " failures open it for " +
               std::to_string(settings_.open_ms) + " ms";
    }

private:
    const Settings settings_;
};

// ---- settings
// -------------------------------------------------------------------------------------

StatusSet read_statuses(Fields& fields) {
    StatusSet counted;
    const Node* const node = fields.child("countStatus");
    if (node == nullptr) {
        counted.add(500, 599);
        return counted;
    }
    const std::vector<std::string> texts = fields.texts("countStatus");
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (counted.add(texts[i])) continue;
        const bool listed = node->kind == Node::Kind::list && i < node->items.size();
        fields.mistake(listed ? node->items[i].position : node->position,
                       "countStatus is " + quote(texts[i]), "statuses such as 503 or \"500-599\"");
    }
    return counted;
}

std::unique_ptr<PolicyPlan> compile(const Node& node, CompileContext& context) {
    const Mistakes mistakes(context.diagnostics);
    Fields fields(node, context.diagnostics, "policy circuit-breaker");
    const auto number = [&](std::string_view key, int64_t fallback, int64_t min, int64_t max) {
        return static_cast<uint32_t>(fields.integer(key, fallback, min, max));
    };
    Settings settings;
    settings.consecutive_failures = number("consecutiveFailures", 5, 1, 1000);
    settings.open_ms = number("openMs", 500, 10, 3'600'000);
    settings.probes = number("halfOpenProbes", 1, 1, 100);
    settings.counted = read_statuses(fields);
    settings.route = context.route_id;
    settings.upstream = context.upstream;
    fields.finish();
    if (context.state_key.ends_with("/2"))  // both would count every failure into one breaker
        context.diagnostics.error(node.position,
                                  "a second circuit-breaker on route " + quote(context.route_id),
                                  "at most one");
    if (mistakes.any()) return nullptr;
    return std::make_unique<CircuitBreakerPlan>(std::move(settings));
}

constexpr std::string_view kReasons[] = {"pass", "circuit_open"};
constexpr FieldDoc kFields[] = {
    {"consecutiveFailures", "integer", "5",
     "So many failures in a row open the circuit; 1 to 1000. A success starts the row anew."},
    {"openMs", "integer, ms", "500", "How long nothing is sent to the upstream; 10 to 3600000."},
    {"halfOpenProbes", "integer", "1",
     "Then so many requests are let through. When all of them have succeeded the circuit closes; "
     "one failure opens it again. 1 to 100."},
    {"countStatus", "status list", "[\"500-599\"]",
     "Statuses of the upstream that count as failures besides its not answering at all."},
};
constexpr PolicyKind kKind{
    .name = "circuit-breaker",
    .category = "traffic",
    .doc =
        "Stops asking an upstream that keeps failing. One breaker per route and upstream, shared "
        "by all workers; it survives a reload. While it is open: 503 with Retry-After, ending "
        "circuit_open. Failures are endings whose origin is the upstream and the statuses in "
        "countStatus, after retries; a client that goes away counts neither way. Raises "
        "circuit_breaker_open, circuit_breaker_half_open and circuit_breaker_closed; the state "
        "is flex_circuit_breaker_state (open until a request comes to probe).",
    .reasons = kReasons,
    .fields = kFields,
    .example = "- circuit-breaker: {consecutiveFailures: 5, openMs: 500}",
    .compile = &compile,
};

}  // namespace

const PolicyKind& circuit_breaker_kind() noexcept { return kKind; }

}  // namespace glassgate::policy
