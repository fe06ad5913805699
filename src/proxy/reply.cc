// Answers of the gateway's own.
#include "base/clock.h"
#include "proxy/exchange_run.h"

namespace glassgate::proxy {

void ExchangeRun::end(model::Ending ending) { end(ending, model::info(ending).origin); }

void ExchangeRun::end(model::Ending ending, model::Origin origin) {
    GW_CHECK(!state_.ended);
    state_.ended = true;
    record_.ending = ending;
    record_.origin = origin;
}

io::Task<void> ExchangeRun::reply_for_ending() {
    if (refusal_) {
        co_await reply(refusal_->status, refusal_->message);
        co_return;
    }
    const uint16_t status =
        record_.status != 0 ? record_.status : model::info(record_.ending).status;
    if (client_gone_ || status == 0 || status == 499) {
        if (status != 0) record_.status = 499;
        connection_.keep_alive = false;
        co_return;
    }
    // What was wrong with the request is the client's to know; what an upstream sent is not.
    const bool explain = record_.origin == model::Origin::client && !record_.detail.empty();
    const std::string message(
        explain ? std::string_view(state_.text).substr(record_.detail.offset, record_.detail.length)
                : http::reason_phrase(status));
    co_await reply(status, message);
}

// A body that is still to come would be taken for the next request.
void ExchangeRun::account_for_request_body() {
    const http::RequestHead& head = state_.request;
    const std::size_t here = connection_.buffer.view().size();
    if (record_.head_received_ns == 0 || connection_.input_left || !body_replayable_) {
        connection_.keep_alive = false;
        connection_.input_left = true;
    } else if (head.body == http::BodyKind::length && head.content_length <= here) {
        connection_.buffer.consume(head.content_length);
        record_.request_bytes = head.content_length;
    } else if (head.body != http::BodyKind::none) {
        connection_.keep_alive = false;
        connection_.input_left = true;
    }
    if (connection_.ends_soon()) connection_.keep_alive = false;
}

io::Task<void> ExchangeRun::reply(uint16_t status, std::string_view message) {
    run_response_policies(status, nullptr);
    account_for_request_body();
    const http::RequestHead& head = state_.request;
    http::LocalReply local;
    local.status = status;
    local.message = message;
    local.keep_alive = connection_.keep_alive;
    local.head_request = head.method == Method::head;
    local.client_version = head.version;
    char id[32];
    local.request_id = request_id(id);
    local.date = worker_.http_date();
    local.edits = &state_.policy_request.response_edits;
    state_.out.clear();
    http::append_local_reply(state_.out, local);
    response_begun_ = true;
    record_.status = status;
    record_.response_head_ns = turn_ns();
    // Cut off, every wait has been cancelled; this one last word may go out, but not linger.
    constexpr uint64_t kLastWordNs = 100 * kNsPerMs;
    if (cut_off_) client().uncancel();
    const uint64_t stall_ns = cut_off_ ? kLastWordNs : listener().write_timeout_ms * kNsPerMs;
    const io::IoResult sent = co_await client().write(state_.out, stall_ns);
    if (!sent.ok()) {
        connection_.keep_alive = false;
        co_return;  // the ending stands: why it was refused matters more than that nobody listened
    }
    const std::size_t head_end = state_.out.find("\r\n\r\n");
    record_.response_bytes = state_.out.size() - head_end - 4;
}

// The trace id in hexadecimal (written to `hex`), or what a trusted peer sent; empty before there
// is one.
std::string_view ExchangeRun::request_id(char (&hex)[32]) const noexcept {
    if (!record_.request_id_is_trace_id)
        return std::string_view(state_.text)
            .substr(record_.request_id.offset, record_.request_id.length);
    if (!record_.trace_id.valid()) return {};
    write_hex(hex, record_.trace_id.bytes.data(), 16);
    return {hex, sizeof hex};
}

void ExchangeRun::run_response_policies(uint16_t status, const http::ResponseHead* head) {
    if (!record_.has_route()) return;
    const policy::Response response{status, head};
    const auto& chain = state_.active->policies[record_.route];
    for (std::size_t i = state_.policies_run; i-- > 0;)
        chain[i]->on_response(state_.policy_request, response);
}

}  // namespace glassgate::proxy
