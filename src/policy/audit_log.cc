#include "policy/audit_log.h"

#include <algorithm>
#include <coroutine>
#include <unordered_map>

#include "base/clock.h"
#include "base/text.h"
#include "io/loop.h"
#include "io/timer.h"
#include "policy/settings.h"
#include "shared/audit_gate.h"
#include "shared/audit_text.h"

namespace glassgate::policy {
namespace {

using shared::AuditDurability;
using shared::AuditGate;
using shared::AuditIdentity;
using shared::AuditQuorum;

// From the chain's beginning on: what a request that is refused early needs for its record.
constexpr uint64_t kBriefReservation = shared::kAuditBriefBytes + AuditGate::kRecordOverhead;
constexpr std::string_view kUnavailable = "audit_unavailable";

struct Settings {
    bool always = true;
    bool serve_anyway = false;
    std::vector<std::string> destinations;
    uint32_t needed = 0;
    AuditDurability durability = AuditDurability::group;
    uint64_t wait_ns = 0;
    std::vector<std::string> claims;
};

Reply unavailable() {
    return {503, kUnavailable, "Service Unavailable", model::Ending::audit_unavailable};
}

// Awaitable: until the record is where it must be, or the time is over. Its value: whether it is.
class Settling {
public:
    Settling(AuditGate& gate, unsigned worker, io::Loop& loop, uint64_t ticket, AuditQuorum quorum,
             uint64_t wait_ns)
        : gate_(gate), worker_(worker), loop_(loop), wait_ns_(wait_ns) {
        waiter_ = {ticket, quorum, &Settling::on_settled, this};
    }
    Settling(const Settling&) = delete;
    Settling& operator=(const Settling&) = delete;

    bool await_ready() {
        settled_ = gate_.wait(worker_, &waiter_);
        return settled_;
    }
    void await_suspend(std::coroutine_handle<> handle) {
        handle_ = handle;
        timer_.set_callback(&Settling::on_timeout, this);
        loop_.timers().arm(timer_, loop_.now_ns() + wait_ns_);
    }
    [[nodiscard]] bool await_resume() const noexcept { return settled_; }

private:
    static void on_settled(void* self) {
        auto* const settling = static_cast<Settling*>(self);
        settling->settled_ = true;
        settling->timer_.disarm();
        settling->handle_.resume();
    }
    static void on_timeout(void* self) {
        auto* const settling = static_cast<Settling*>(self);
        settling->gate_.leave(settling->worker_, &settling->waiter_);
        settling->handle_.resume();
    }
    AuditGate& gate_;
    const unsigned worker_;
    io::Loop& loop_;
    const uint64_t wait_ns_;
    AuditGate::Waiter waiter_;
    io::Timer timer_;
    std::coroutine_handle<> handle_;
    bool settled_ = false;
};

class AuditLog final : public Policy {
public:
    AuditLog(const Settings& settings, const WorkerEnv& env)
        : settings_(settings), gate_(*env.audit), loop_(env.loop), worker_(env.worker) {
        for (const std::string& url : settings.destinations)
            quorum_.destinations |= uint32_t{1} << gate_.destination(url);
        quorum_.needed = settings.needed;
    }
    ~AuditLog() override {
        for (const auto& [request, state] : under_way_) gate_.release(state.reserved);
    }
    AuditLog(const AuditLog&) = delete;
    AuditLog& operator=(const AuditLog&) = delete;

    Verdict on_request(Request& request) override {
        State& state = under_way_[&request];
        if (admit(state, kBriefReservation, request.now_ns)) return Pass{};
        return refused(state);
    }

    Verdict before_forward(Request& request) override {
        State& state = under_way_.at(&request);
        if (state.given_up || !settings_.always) return Pass{};
        scratch_.clear();
        shared::begin_audit_record(scratch_, "request.opened");
        append_request(request, *request.exchange, false);
        // For this one, and for the same with what came of it.
        const uint64_t opened = scratch_.size() + AuditGate::kRecordOverhead;
        const uint64_t closed = opened + shared::kAuditOutcomeBytes;
        const uint64_t wanted = opened + std::max(closed, kBriefReservation);
        if (wanted > state.reserved && !admit(state, wanted - state.reserved, mono_now_ns()))
            return refused(state);
        submit(state, opened);
        state.opened = true;
        return Pass{};
    }

    bool may_answer(Request& request, uint16_t status) override {
        const auto found = under_way_.find(&request);
        if (found == under_way_.end()) return true;
        State& state = found->second;
        if (state.given_up) return true;
        // One that never went upstream is recorded before its answer, not after.
        if (!state.opened && !state.closed && settings_.always)
            record_outcome(state, request, *request.exchange, status);
        if (settings_.durability == AuditDurability::async && quorum_.needed == 0) return true;
        return state.ticket == 0 || gate_.settled(worker_, state.ticket, quorum_);
    }

    io::Task<Verdict> hold(Request& request) override {
        const uint64_t ticket = under_way_.at(&request).ticket;
        const bool settled =
            co_await Settling(gate_, worker_, *loop_, ticket, quorum_, settings_.wait_ns);
        if (settled) co_return Pass{};
        State& state = under_way_.at(&request);
        co_return refused(state);
    }

    void on_finished(const Request& request, const model::Exchange& exchange) override {
        const auto found = under_way_.find(&request);
        if (found == under_way_.end()) return;
        State& state = found->second;
        const bool wanted = settings_.always || exchange.status >= 400 || exchange.failed();
        if (!state.closed && wanted && state.reserved >= kBriefReservation)
            record_outcome(state, request, exchange, exchange.status);
        gate_.release(state.reserved);
        under_way_.erase(found);
    }

private:
    struct State {
        uint64_t reserved = 0;
        uint64_t ticket = 0;    // of its last record; 0: none
        bool opened = false;    // request.opened has been handed over
        bool closed = false;    // and what came of it
        bool given_up = false;  // served or refused without a record
    };

    bool admit(State& state, uint64_t bytes, uint64_t now_ns) {
        if (gate_.reserve(bytes, now_ns) != AuditGate::Admission::granted) {
            gate_.count_refused(AuditGate::kMaxDestinations);
            return false;
        }
        state.reserved += bytes;
        if (quorum_.needed == 0 || gate_.reachable(quorum_)) return true;
        for (uint32_t i = 0; i < AuditGate::kMaxDestinations; ++i)
            if ((quorum_.destinations >> i & 1) != 0 && !gate_.reachable({uint32_t{1} << i, 1}))
                gate_.count_refused(i);
        return false;
    }

    // What becomes of a request that cannot be recorded.
    Verdict refused(State& state) {
        state.given_up = true;
        if (settings_.serve_anyway) return Pass{};
        return unavailable();
    }

    void append_request(const Request& request, const model::Exchange& exchange, bool brief) {
        claims_.clear();
        for (const std::string& name : settings_.claims)
            if (const std::string_view value = request.claim(name); !value.empty())
                claims_.push_back({name, value});
        const std::string_view client = request.client_id;
        shared::append_audit_request(scratch_, exchange, {client, request.client_name, claims_},
                                     brief);
    }

    // scratch_, for `bytes` of the reservation.
    void submit(State& state, uint64_t bytes) {
        state.ticket = gate_.submit(worker_, scratch_, bytes, settings_.durability);
        state.reserved -= bytes;
    }

    void record_outcome(State& state, const Request& request, const model::Exchange& exchange,
                        uint16_t status) {
        model::Exchange now = exchange;
        now.status = status;
        for (const bool brief : {false, true}) {
            scratch_.clear();
            shared::begin_audit_record(scratch_,
                                       state.opened ? "request.closed" : "request.refused");
            append_request(request, now, brief);
            shared::append_audit_outcome(scratch_, now, brief);
            if (scratch_.size() + AuditGate::kRecordOverhead <= state.reserved) break;
        }
        submit(state, state.reserved);
        state.closed = true;
    }

    const Settings& settings_;  // the plan's, which outlives its instances
    AuditGate& gate_;
    io::Loop* const loop_;
    const unsigned worker_;
    AuditQuorum quorum_;
    std::unordered_map<const Request*, State> under_way_;
    std::string scratch_;
    std::vector<AuditIdentity::Claim> claims_;
};

class AuditLogPlan final : public PolicyPlan {
public:
    explicit AuditLogPlan(Settings settings) : settings_(std::move(settings)) {}
    std::unique_ptr<Policy> instantiate(const WorkerEnv& env) const override {
        return std::make_unique<AuditLog>(settings_, env);
    }
    std::string summary() const override {
        std::string text = settings_.always ? "always" : "failures";
        for (const std::string& url : settings_.destinations) text += ", " + url;
        return text;
    }
    [[nodiscard]] const Settings& settings() const noexcept { return settings_; }

private:
    const Settings settings_;
};

// ---- settings
// ----------------------------------------------------------------------------------

constexpr std::string_view kDestinationForm =
    "syslog://HOST[:514] (UDP), syslog+tcp://HOST[:601], syslog+tls://HOST[:6514], "
    "relp://HOST[:2514] or relp+tls://HOST[:2514]";

void read_body_setting(Fields& fields) {
    const Node* const node = fields.child("includeRequestBody");
    if (node == nullptr || !fields.boolean("includeRequestBody", false)) return;
    fields.mistake(
        node->position, "includeRequestBody is true",
        "false: a payment's body holds card data. PCI DSS requirement 3 forbids to store "
        "it readable (3.3.1: the security code not at all), and requirement 10 asks for "
        "who, what, when, where and the outcome, not for bodies");
}

std::vector<std::string> read_destinations(Fields& fields) {
    std::vector<std::string> found;
    const Node* const node = fields.child("destination");
    if (node == nullptr) return found;
    const std::vector<std::string> urls = fields.texts("destination");
    for (std::size_t i = 0; i < urls.size(); ++i) {
        const bool listed = node->kind == Node::Kind::list && i < node->items.size();
        const Position& at = listed ? node->items[i].position : node->position;
        if (const std::string wrong = audit_destination_mistake(urls[i]); !wrong.empty())
            fields.mistake(at, "destination " + quote(urls[i]) + " " + wrong,
                           std::string(kDestinationForm));
        else if (std::find(found.begin(), found.end(), urls[i]) != found.end())
            fields.mistake(at, "destination " + quote(urls[i]) + " stands twice", "each once");
        else
            found.push_back(urls[i]);
    }
    if (found.size() > AuditGate::kMaxDestinations)
        fields.mistake(node->position, "too many destinations",
                       "at most " + std::to_string(AuditGate::kMaxDestinations));
    return found;
}

uint32_t read_needed(Fields& fields, std::size_t destinations) {
    const Node* const node = fields.child("require");
    const std::string text = fields.text("require", "local");
    if (text == "local") return 0;
    if (text == "all") return static_cast<uint32_t>(destinations);
    if (text == "any") return destinations == 0 ? 0 : 1;
    const auto number = parse_u64(text);
    if (number && *number <= destinations) return static_cast<uint32_t>(*number);
    fields.mistake(node != nullptr ? node->position : fields.position(),
                   "require is " + quote(text),
                   "local, any, all, or a number up to that of the destinations (" +
                       std::to_string(destinations) + ")");
    return 0;
}

AuditDurability read_durability(Fields& fields) {
    const Node* const node = fields.child("durable");
    const std::string text = fields.text("durable", "group");
    if (text == "beforeReply") return AuditDurability::before_reply;
    if (text == "group") return AuditDurability::group;
    if (text == "async") return AuditDurability::async;
    fields.diagnostics().error(node->position, "durable is " + quote(text),
                               "beforeReply, group or async",
                               std::string(nearest_name(text, {"beforeReply", "group", "async"})));
    return AuditDurability::group;
}

std::unique_ptr<PolicyPlan> compile(const Node& node, CompileContext& context) {
    const Mistakes mistakes(context.diagnostics);
    Fields fields(node, context.diagnostics, "policy audit-log");
    Settings settings;
    settings.always = fields.boolean("always", true);
    read_body_setting(fields);
    settings.destinations = read_destinations(fields);
    settings.needed = read_needed(fields, settings.destinations.size());
    settings.serve_anyway = fields.choice("onUnavailable", {"refuse", "serve"}, 0) == 1;
    settings.durability = read_durability(fields);
    // A destination gets what is on disk, so whoever waits for one waits for the disk, too.
    if (settings.needed != 0 && settings.durability == AuditDurability::async)
        settings.durability = AuditDurability::group;
    settings.wait_ns = static_cast<uint64_t>(fields.integer("waitMs", 5000, 1, 60'000)) * kNsPerMs;
    settings.claims = fields.texts("claims");
    if (!fields.has("claims")) settings.claims = {"sub", "org_id"};
    fields.finish();
    if (context.state_key.ends_with("/2"))
        context.diagnostics.error(
            node.position, "a second audit-log on route " + quote(context.route_id), "at most one");
    if (mistakes.any()) return nullptr;
    return std::make_unique<AuditLogPlan>(std::move(settings));
}

constexpr std::string_view kReasons[] = {"pass", kUnavailable};
constexpr model::Field kReads[] = {model::Field::request_host,
                                   model::Field::request_query,
                                   model::Field::request_user_agent,
                                   model::Field::tls_version,
                                   model::Field::tls_cipher,
                                   model::Field::tls_client_cert_subject,
                                   model::Field::tls_client_cert_serial,
                                   model::Field::tls_client_cert_fingerprint,
                                   model::Field::tls_server_name};
constexpr FieldDoc kFields[] = {
    {"always", "boolean", "true",
     "Every request, with a record before it is forwarded and one when it is over. false: only "
     "those that fail or are refused, when they are over."},
    {"includeRequestBody", "boolean", "false",
     "Only false is accepted: bodies hold card data, which PCI DSS requirement 3 forbids to keep."},
    {"destination", "URL or list", "none",
     "Where records and checkpoints are sent, besides the local log, which is always written and "
     "is the spool: syslog:// (UDP, RFC 5426), syslog+tcp:// and syslog+tls:// (RFC 6587 octet "
     "counting, RFC 5425), relp:// and relp+tls://. Each gets the whole log."},
    {"require", "text", "local",
     "Which of the destinations must have a record before its request is answered: local (none of "
     "them), any, all, or a number. RELP acknowledges; of syslog the sending counts."},
    {"onUnavailable", "text", "refuse",
     "A request that cannot be recorded: refuse (503, reason audit_unavailable) or serve."},
    {"durable", "text", "group",
     "Whether an answer waits for the record to be on disk: group (with the next group commit, see "
     "telemetry.audit.groupMs), beforeReply (a commit at once) or async (it does not wait)."},
    {"waitMs", "integer, ms", "5000", "How long an answer waits; then 503. 1 to 60000."},
    {"claims", "list", "[sub, org_id]", "Claims of the verified token that are recorded."},
};
constexpr PolicyKind kKind{
    .name = "audit-log",
    .category = "security",
    .doc =
        "Writes every request of the route to the tamper-evident audit log "
        "(docs/formats/audit.md): "
        "who, what, when, from where and what came of it, with card numbers masked, and never a "
        "body or a token. Space is reserved before the request is forwarded; when there is none, "
        "or the log cannot be written, requests of this route are refused and all others go on. "
        "A record request.opened is made before forwarding and request.closed at the end, so that "
        "a crash shows what was under way; request.refused where nothing was forwarded.",
    .reasons = kReasons,
    .fields = kFields,
    .example =
        "- audit-log: {always: true, includeRequestBody: false, destination: "
        "\"syslog://audit-relay:514\"}",
    .compile = &compile,
    .vouches = true,
    .reads = kReads,
};

}  // namespace

const PolicyKind& audit_log_kind() noexcept { return kKind; }

std::vector<std::string> audit_destinations(const PolicyPlan& plan) {
    const auto* const audit = dynamic_cast<const AuditLogPlan*>(&plan);
    return audit != nullptr ? audit->settings().destinations : std::vector<std::string>();
}

std::string audit_destination_mistake(std::string_view url) {
    const std::size_t scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos) return "has no scheme";
    const std::string_view scheme = url.substr(0, scheme_end);
    constexpr std::string_view kSchemes[] = {"syslog",     "syslog+udp", "syslog+tcp",
                                             "syslog+tls", "relp",       "relp+tls"};
    if (std::find(std::begin(kSchemes), std::end(kSchemes), scheme) == std::end(kSchemes))
        return "has an unknown scheme";
    std::string_view host = url.substr(scheme_end + 3);
    std::string_view port;
    const std::size_t colon = host.rfind(':');
    if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
        port = host.substr(colon + 1);
        host = host.substr(0, colon);
        const auto number = parse_u64(port);
        if (!number || *number == 0 || *number > 65535) return "has no good port";
    }
    if (host.empty()) return "has no host";
    if (host.find_first_of("/?#@ ") != std::string_view::npos) return "has more than host and port";
    return {};
}

}  // namespace glassgate::policy
