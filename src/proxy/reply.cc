// Answers of the gateway's own.
#include "base/clock.h"
#include "http/grpc.h"
#include "http/h2/write_head.h"
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
        fate_.keep_alive = false;
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
    if (client_h2_ != nullptr) return;  // the stream ends, and what still comes is thrown away
    const std::size_t here = connection_.buffer.view().size();
    if (record_.head_received_ns == 0 || fate_.input_left || !body_replayable_) {
        fate_.keep_alive = false;
        fate_.input_left = true;
    } else if (head.body == http::BodyKind::length && head.content_length <= here) {
        connection_.buffer.consume(head.content_length);
        record_.request_bytes = head.content_length;
    } else if (head.body != http::BodyKind::none) {
        fate_.keep_alive = false;
        fate_.input_left = true;
    }
    if (connection_.ends_soon()) fate_.keep_alive = false;
}

io::Task<void> ExchangeRun::reply(uint16_t status, std::string_view message) {
    run_response_policies(status, nullptr);
    account_for_request_body();
    const http::RequestHead& head = state_.request;
    http::LocalReply local;
    local.status = status;
    local.message = message;
    local.keep_alive = fate_.keep_alive;
    local.head_request = head.method == Method::head;
    local.client_version = head.version;
    char id[32];
    local.request_id = request_id(id);
    local.date = worker_.http_date();
    local.edits = &state_.policy_request.response_edits;
    response_begun_ = true;
    record_.status = status;
    record_.response_head_ns = turn_ns();
    // Cut off, every wait has been cancelled; this one last word may go out, but not linger.
    constexpr uint64_t kLastWordNs = 100 * kNsPerMs;
    if (cut_off_) uncancel_client();
    const uint64_t stall_ns = cut_off_ ? kLastWordNs : listener().write_timeout_ms * kNsPerMs;
    const io::IoResult sent = co_await send_local_reply(local, stall_ns);
    // If not, the ending stands: why it was refused matters more than that nobody listened.
    if (!sent.ok()) fate_.keep_alive = false;
}

io::Task<io::IoResult> ExchangeRun::send_local_reply(const http::LocalReply& local,
                                                     uint64_t stall_ns) {
    io::IoResult sent;
    state_.out.clear();
    if (client_h2_ == nullptr) {
        http::append_local_reply(state_.out, local);
        sent = co_await client().write(state_.out, stall_ns);
        if (sent.ok()) record_.response_bytes = state_.out.size() - state_.out.find("\r\n\r\n") - 4;
        co_return sent;
    }
    http::h2::FieldList& fields = worker_.fields();
    if (record_.grpc) {
        // What a gRPC client understands: an answer that says so in its own words (HTTP 200).
        const http::grpc::Status status = local.status == 504
                                              ? http::grpc::Status::deadline_exceeded
                                              : http::grpc::status_of_http(local.status);
        http::grpc::write_refusal(fields, status, local.message);
        fields.add_volatile("x-request-id", local.request_id);
        record_.grpc_status = static_cast<int8_t>(status);
        record_.status = 200;
    } else {
        http::h2::write_local_reply(fields, state_.out, local);
    }
    // RFC 9113 §8.1.1: behind the answer to what is malformed the stream is reset (finish_stream).
    client_ended_ = !head_malformed_;
    client_h2_->respond(fields, client_ended_ && state_.out.empty());
    if (state_.out.empty()) co_return sent;
    sent = co_await client_h2_->write(state_.out, {}, client_ended_, stall_ns);
    if (sent.ok()) record_.response_bytes = state_.out.size();
    co_return sent;
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
        if (!state_.skipped(i)) chain[i]->on_response(state_.policy_request, response);
}

}  // namespace glassgate::proxy
