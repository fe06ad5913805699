// A request's way through the gateway, readable top to bottom.
#include "proxy/exchange_run.h"

#include "base/clock.h"
#include "policy/pause.h"
#include "proxy/h2_connection.h"

namespace glassgate::proxy {

ExchangeRun::ExchangeRun(Connection& connection, ExchangeState& state, MuxStream* stream) noexcept
    : connection_(connection),
      client_h2_(stream),
      worker_(connection.worker),
      state_(state),
      record_(state.record),
      fate_(stream == nullptr ? connection.fate : own_fate_),
      tunnel_timer_(&ExchangeRun::on_half_closed_timer, this),
      interim_timer_(&ExchangeRun::on_interim_timer, this) {
    if (stream == nullptr)
        connection.exchange = this;
    else
        connection.h2->begin(*this);
}

ExchangeRun::~ExchangeRun() {
    if (client_h2_ == nullptr)
        connection_.exchange = nullptr;
    else
        connection_.h2->end(*this);
}

io::Task<void> ExchangeRun::serve(Connection& connection, MuxStream* stream) {
    std::unique_ptr<ExchangeState> state = connection.worker.take_exchange();
    ExchangeRun run(connection, *state, stream);
    run.open();
    // One await per statement: g++ 12 lays out frames wrongly when an await may be skipped inside
    // an expression (tools/check_words.py looks for it).
    Step head = run.parse_head();
    bool admitted = head == Step::done;
    if (head == Step::waits) admitted = co_await run.receive_rest_of_head();
    admitted = admitted && run.admit_head() && run.find_route() && run.check_body_limit();
    if (admitted) {
        run.begin_policies();
        Step policies = run.run_policies();
        while (policies == Step::waits) policies = co_await run.wait_for_policy();
        admitted = policies == Step::done;
    }
    admitted = admitted && !run.answers_as_last_hop() && run.begin_websocket() &&
               run.whole_body_passes() && run.voucher_admits();
    if (admitted) co_await run.forward();
    if (!run.response_begun_) co_await run.reply_for_ending();
    run.finish();
    connection.worker.give_exchange(std::move(state));
}

void ExchangeRun::open() {
    state_.active = worker_.active();
    record_.names = plan().names.get();
    record_.listener = connection_.listening->index;
    record_.opened_ns = turn_ns();
    record_.opened_wall_ns = worker_.loop().wall_ns();
    // Also what turns out to be no request has come from somewhere, and has an id to be found by.
    record_.remote_address = state_.keep(connection_.peer_address);
    record_.remote_port = connection_.peer_port;
    record_.trace_id = worker_.random().trace_id();
    record_.span_id = worker_.random().span_id();
    record_.sampled = plan().trace.enabled && worker_.random().unit() < plan().trace.sample_rate;
    fate_.keep_alive = false;  // until the exchange has earned it
    worker_.recorder().exchange_opened(record_.listener);
}

bool ExchangeRun::find_route() {
    const RouteMatch match = choose_route();
    if (state_.ended) return false;
    if (!match.found()) {
        if (match.allowed == 0) {
            end(model::Ending::no_route);
            return false;
        }
        offer_methods(match.allowed);
        end(model::Ending::method_not_allowed);
        return false;
    }
    record_.route = match.route;
    record_.pattern = match.pattern;
    return route().client_certificates == nullptr || certificate_is_allowed();
}

// The header Allow.
void ExchangeRun::offer_methods(MethodSet methods) {
    std::string allow;
    for (std::size_t i = 0; i + 1 < kMethodCount; ++i) {
        const auto method = static_cast<Method>(i);
        if ((methods & method_bit(method)) == 0 || method == Method::connect) continue;
        if (!allow.empty()) allow += ", ";
        allow += to_text(method);
    }
    state_.policy_request.arena = &state_.arena;
    state_.policy_request.edit_response_header("Allow", allow);
}

// RFC 9110 §7.6.2: with Max-Forwards: 0 an OPTIONS or TRACE ends here. A TRACE would show what
// proxies added on the way, credentials among it, so it is refused.
bool ExchangeRun::answers_as_last_hop() {
    const http::RequestHead& head = state_.request;
    if (!head.has_max_forwards || head.max_forwards != 0) return false;
    if (head.method != Method::options && head.method != Method::trace) return false;
    offer_methods(route().methods & static_cast<MethodSet>(~method_bit(Method::trace)));
    if (head.method == Method::trace) {
        end(model::Ending::method_not_allowed);
    } else {
        end(model::Ending::completed, model::Origin::gateway);
        record_.status = 204;
    }
    return true;
}

void ExchangeRun::begin_policies() {
    policy::Request& request = state_.policy_request;
    request.head = &state_.request;
    request.path = path();
    // The record's text may move while it grows; what policies see may not.
    request.client_address = state_.arena.keep(
        std::string_view(state_.text)
            .substr(record_.remote_address.offset, record_.remote_address.length));
    request.route = record_.route;
    request.now_ns = turn_ns();
    request.exchange = &record_;
    request.arena = &state_.arena;
}

// From the first that has not run yet until all have passed, one refuses or one must wait.
ExchangeRun::Step ExchangeRun::run_policies() {
    const auto& chain = state_.active->policies[record_.route];
    const bool timed = record_.names->captured.has(model::Field::policy_outcomes);
    while (state_.policies_run < chain.size()) {
        const std::size_t index = state_.policies_run++;
        if (!policy_is_meant(index)) continue;
        policy_began_ns_ = timed ? mono_now_ns() : 0;
        const Step step = note_verdict(index, chain[index]->on_request(state_.policy_request));
        if (step != Step::done) return step;
    }
    return Step::done;
}

// The one that waits, and then those behind it.
io::Task<ExchangeRun::Step> ExchangeRun::wait_for_policy() {
    const std::size_t index = state_.policies_run - 1;
    watch_client(true);
    const policy::Verdict verdict =
        co_await state_.active->policies[record_.route][index]->resume(state_.policy_request);
    watch_client(false);
    if (client_gone_ || cut_off_) {
        end(client_gone_ ? model::Ending::client_abort : model::Ending::shutdown);
        co_return Step::failed;
    }
    Step step = note_verdict(index, verdict);
    if (step == Step::done) step = run_policies();
    co_return step;
}

ExchangeRun::Step ExchangeRun::note_verdict(std::size_t index, const policy::Verdict& verdict) {
    if (std::holds_alternative<policy::Wait>(verdict)) return Step::waits;
    const uint32_t name = route().policies[index].name_index;
    model::PolicyStep step;
    step.policy = name;
    step.elapsed_ns =
        policy_began_ns_ != 0 ? static_cast<uint32_t>(mono_now_ns() - policy_began_ns_) : 0;
    const auto* refusal = std::get_if<policy::Reply>(&verdict);
    if (refusal != nullptr) {
        step.verdict = model::PolicyVerdict::reply;
        step.reason = reason_index(name, refusal->reason);
    }
    record_.policies.push_back(step);
    if (refusal == nullptr) return Step::done;
    refusal_ = *refusal;
    end(refusal->ending, refusal->origin.value_or(model::info(refusal->ending).origin));
    return Step::failed;
}

uint16_t ExchangeRun::reason_index(uint32_t policy, std::string_view slug) const noexcept {
    const auto& reasons = record_.names->policies[policy].reasons;
    for (std::size_t r = 0; r < reasons.size(); ++r)
        if (reasons[r] == slug) return static_cast<uint16_t>(r);
    return 0;
}

// A body that has already come is looked at before anything goes upstream. Any other is looked at
// on its way (take_request_part), also if the rest of it comes before it gets there.
bool ExchangeRun::whole_body_passes() {
    if (state_.active->reads_body[record_.route] == 0 ||
        state_.request.body == http::BodyKind::none)
        return true;
    body_unseen_ = !body_is_here();
    if (body_unseen_ || body_passes(client_bytes().substr(0, state_.request.content_length), true))
        return true;
    end(pump_ending_);
    return false;
}

// What policies say to the next piece of the request body. False: refused, and pump_ending_ says
// how; the step that was noted as passed is the one that refused.
bool ExchangeRun::body_passes(std::string_view piece, bool last) {
    const auto& chain = state_.active->policies[record_.route];
    for (std::size_t i = 0; i < chain.size(); ++i) {
        if (!chain[i]->reads_request_body()) continue;
        const auto refusal = chain[i]->on_request_body(state_.policy_request, piece, last);
        if (!refusal) continue;
        refusal_ = *refusal;
        pump_ending_ = refusal->ending;
        if (i < record_.policies.size()) {
            record_.policies[i].verdict = model::PolicyVerdict::reply;
            record_.policies[i].reason =
                reason_index(route().policies[i].name_index, refusal->reason);
        }
        return false;
    }
    return true;
}

// Null: there is none, or it has not seen the request. The record's text can be read afterwards.
policy::Policy* ExchangeRun::voucher() noexcept {
    if (!record_.has_route()) return nullptr;
    const ActivePlan::Voucher& found = state_.active->vouchers[record_.route];
    if (found.policy == nullptr || found.index >= state_.policies_run) return nullptr;
    record_.text = state_.text.data();
    record_.text_size = static_cast<uint32_t>(state_.text.size());
    return found.policy;
}

bool ExchangeRun::voucher_admits() {
    policy::Policy* const policy = voucher();
    if (policy == nullptr) return true;
    policy_began_ns_ = 0;
    const policy::Verdict verdict = policy->before_forward(state_.policy_request);
    if (!std::holds_alternative<policy::Reply>(verdict)) return true;
    (void)note_verdict(state_.active->vouchers[record_.route].index, verdict);
    return false;
}

bool ExchangeRun::may_answer(uint16_t status) {
    policy::Policy* const policy = voucher();
    return policy == nullptr || policy->may_answer(state_.policy_request, status);
}

// False: what the client gets is refusal_, whatever the exchange had come to.
io::Task<bool> ExchangeRun::hold_answer() {
    policy_began_ns_ = 0;
    const policy::Verdict verdict = co_await voucher()->hold(state_.policy_request);
    if (!std::holds_alternative<policy::Reply>(verdict)) co_return true;
    state_.ended = false;
    (void)note_verdict(state_.active->vouchers[record_.route].index, verdict);
    co_return false;
}

io::Task<void> ExchangeRun::forward() {
    upstream().count_request();
    if (!upstream().take_request()) {
        end(model::Ending::upstream_overflow);
        co_return;
    }
    watch_client(true);
    while (true) {
        const bool answered = co_await attempt();
        if (answered && !retries_answer()) {
            bool may = may_answer(state_.response.status);
            if (!may) may = co_await hold_answer();
            if (!may) {
                attempt_.result = model::AttemptResult::response;
                end_attempt();
                break;
            }
            begin_response();
            if (state_.response.switching) {
                co_await tunnel();
                break;
            }
            Piece first;
            bool relayed = next_piece(first);
            if (relayed) {
                io::IoResult sent;
                if (client_h2_ == nullptr) {
                    sent = co_await client().write(
                        state_.out, listener().write_timeout_ms * kNsPerMs, first.data, first.tail);
                } else if (!response_is_out()) {
                    sent = co_await write_h2(first);
                }
                relayed = note_relayed(sent, first);
            }
            if (relayed && !response_is_out()) {
                begin_interim_records();
                relayed = co_await relay_rest();
            }
            if (relayed) end_response();
            break;
        }
        if (answered) {
            attempt_.result = model::AttemptResult::response;
            end_attempt();
        }
        if (pump_.running()) co_await stop_pump();
        release_upstream(false);
        if (!answered && (client_gone_ || cut_off_ || !may_retry())) break;
        state_.ended = false;  // the attempt's ending is not the exchange's: there is another
    }
    watch_client(false);
    // The response may be over before the request is: then nobody wants the rest.
    if (pump_.running()) co_await stop_pump();
    release_upstream(reusable_ && !client_gone_ && !cut_off_);
    upstream().give_request();
    if (holds_retry_) upstream().give_retry_place();
}

void ExchangeRun::on_client_hangup(void* self) {
    auto* run = static_cast<ExchangeRun*>(self);
    run->client_gone_ = true;
    run->interrupt();
}

void ExchangeRun::cut_off() noexcept {
    cut_off_ = true;
    interrupt_tunnel();
}

void ExchangeRun::interrupt() noexcept {
    if (state_.policy_request.pause != nullptr)
        state_.policy_request.pause->cancel();
    else if (link_wait_ != nullptr)
        link_wait_->cancel();
    else if (connecting_ != nullptr)
        connecting_->cancel();
    else if (upstream_h2_)
        upstream_h2_->cancel();
    else if (upstream_connection_)
        upstream_connection_->socket.cancel();
}

void ExchangeRun::cancel_client() noexcept {
    client_h2_ == nullptr ? client().cancel() : client_h2_->cancel();
}
void ExchangeRun::uncancel_client() noexcept {
    client_h2_ == nullptr ? client().uncancel() : client_h2_->uncancel();
}
void ExchangeRun::watch_client(bool watched) noexcept {
    auto* const hook = watched ? &ExchangeRun::on_client_hangup : nullptr;
    if (client_h2_ == nullptr)
        client().set_hangup_hook(hook, this);
    else
        client_h2_->set_hangup_hook(hook, this);
}
bool ExchangeRun::client_left() const noexcept {
    return client_h2_ == nullptr ? client().hangup() : client_h2_->broken();
}

}  // namespace glassgate::proxy
