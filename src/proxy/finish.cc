// The one place where an exchange is closed: the ending is stated, the record is complete, the
// recorder gets it.
#include "proxy/exchange_run.h"

namespace glassgate::proxy {

// A response without its end must not pass for whole, and nobody reads the rest of the request.
void ExchangeRun::finish_stream() {
    using http::h2::ErrorCode;
    if (!client_ended_)
        client_h2_->reset(head_malformed_                           ? ErrorCode::protocol_error
                          : record_.origin == model::Origin::client ? ErrorCode::cancel
                          : tunnel_broken_ != Side::none            ? ErrorCode::connect_error
                                                                    : ErrorCode::internal_error);
    else if (client_h2_->stream().ended())
        return;
    else if (tunnel_active_ns_ == 0)
        client_h2_->discard(ErrorCode::no_error);
    else if (client_h2_->stream().sent_end())  // a tunnel of which the client did not end its side
        client_h2_->reset(ErrorCode::cancel);
    else
        client_h2_->discard(ErrorCode::cancel);
}

void ExchangeRun::finish() {
    GW_CHECK(state_.ended);
    interim_timer_.disarm();
    keep_client();
    if (record_.status == 0 && client_gone_) record_.status = 499;
    record_.closed_ns = now();
    record_.text = state_.text.data();
    record_.text_size = static_cast<uint32_t>(state_.text.size());
    if (record_.has_route()) {
        const auto& chain = state_.active->policies[record_.route];
        for (std::size_t i = state_.policies_run; i-- > 0;)
            if (!state_.skipped(i)) chain[i]->on_finished(state_.policy_request, record_);
    }
    worker_.recorder().exchange_closed(record_);
    connection_.buffer.consume(head_bytes_);
    if (client_h2_ != nullptr) {
        finish_stream();
        return;
    }

    using enum model::ConnectionEnding;
    if (fate_.keep_alive) return;
    switch (record_.ending) {
        case model::Ending::client_abort:
            fate_.ending = client_reset;
            break;
        case model::Ending::client_header_timeout:
        case model::Ending::client_body_timeout:
        case model::Ending::client_write_timeout:
            fate_.ending = timed_out;
            break;
        case model::Ending::malformed_request:
        case model::Ending::uri_too_long:
        case model::Ending::header_too_large:
            fate_.ending = protocol_error;
            break;
        case model::Ending::upstream_body_reset:
        case model::Ending::upstream_body_timeout:
            fate_.ending = exchange_failed;
            break;
        case model::Ending::upgraded:
            fate_.ending = tunnel_closed;
            break;
        case model::Ending::shutdown:
            fate_.ending = drained;
            break;
        default:
            fate_.ending = finished;
            break;
    }
}

}  // namespace glassgate::proxy
