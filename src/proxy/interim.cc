// What there is to say of a long stream while it lives: interim records, one each interval from the
// response head on. They are no exchanges closed: finish() hands over the only one that is.
#include "base/clock.h"
#include "proxy/exchange_run.h"

namespace glassgate::proxy {

// The response goes on behind its first piece: it may last. Nothing for those that do not.
void ExchangeRun::begin_interim_records() {
    if (plan().interim_record_ms == 0) return;
    worker_.loop().timers().arm(interim_timer_,
                                record_.response_head_ns + plan().interim_record_ms * kNsPerMs);
}

void ExchangeRun::on_interim_timer(void* self) { static_cast<ExchangeRun*>(self)->tell_interim(); }

void ExchangeRun::tell_interim() {
    // A response of no announced length that has lasted so long: its lifetime is no latency.
    if (record_.stream == model::StreamKind::none && client_h2_ != nullptr && !record_.grpc &&
        state_.response.body == http::BodyKind::chunked)
        record_.stream = model::StreamKind::h2stream;
    keep_client();
    model::Exchange so_far = record_;
    so_far.final = false;
    if (so_far.grpc) so_far.stream = model::StreamKind::grpc;
    so_far.closed_ns = now();
    if (!so_far.attempts.push_back(attempt_)) so_far.attempts.back() = attempt_;
    so_far.text = state_.text.data();
    so_far.text_size = static_cast<uint32_t>(state_.text.size());
    worker_.recorder().exchange_closed(so_far);
    worker_.loop().timers().arm(interim_timer_, turn_ns() + plan().interim_record_ms * kNsPerMs);
}

// Who the policies found out the client to be; once.
void ExchangeRun::keep_client() {
    if (std::exchange(client_kept_, true)) return;
    const policy::Request& request = state_.policy_request;
    const auto keep_if = [&](model::Field field, std::string_view value, model::TextRef& ref) {
        if (!value.empty() && record_.names->captured.has(field)) ref = state_.keep(value);
    };
    keep_if(model::Field::client_id, request.client_id, record_.client_id);
    keep_if(model::Field::client_name, request.client_name, record_.client_name);
    for (const model::FieldRef& slot : record_.names->captured.slots())
        if (slot.field == model::Field::jwt_claim)
            record_.captures[slot.slot] = state_.keep(request.claim(slot.parameter));
}

}  // namespace glassgate::proxy
