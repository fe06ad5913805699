// The request head: received, checked, recorded; who asks and under which trace.
#include <cstring>

#include "base/clock.h"
#include "base/text.h"
#include "http/forwarded.h"
#include "http/forwarded_client_cert.h"
#include "http/grpc.h"
#include "http/path.h"
#include "http/trace_context.h"
#include "proxy/exchange_run.h"
#include "proxy/h2_connection.h"

namespace glassgate::proxy {
namespace {

using model::Ending;

Ending ending_of(http::ParseError error) {
    switch (http::status_of(error)) {
        case 414:
            return Ending::uri_too_long;
        case 431:
            return Ending::header_too_large;
        case 417:
            return Ending::expectation_failed;
        default:
            return Ending::malformed_request;
    }
}

void rebase(http::RequestHead& head, const char* from, const char* to) {
    const auto move = [&](std::string_view& view) {
        if (view.data() != nullptr) view = {to + (view.data() - from), view.size()};
    };
    move(head.method_text);
    move(head.target);
    move(head.path);
    move(head.query);
    move(head.authority);
    move(head.upgrade);
    for (http::HeaderField& field : head.headers) {
        move(field.name);
        move(field.value);
    }
}

}  // namespace

// Of what is in the buffer. Usually that is the whole head.
ExchangeRun::Step ExchangeRun::parse_head() {
    if (client_h2_ != nullptr) return read_h2_head();
    io::Buffer& buffer = connection_.buffer;
    const http::ParseResult parsed =
        http::parse_request_head(buffer.view(), listener().limits, resume_, state_.request);
    if (parsed.state == http::ParseState::incomplete) return Step::waits;
    if (parsed.state == http::ParseState::failed) {
        record_.detail = state_.keep(http::to_text(parsed.error));
        end(ending_of(parsed.error));
        record_.status = http::status_of(parsed.error);
        fate_.input_left = true;
        return Step::failed;
    }
    head_bytes_ = parsed.consumed;
    if (state_.request.body != http::BodyKind::none || state_.request.has_upgrade)
        keep_head_apart();
    return Step::done;
}

ExchangeRun::Step ExchangeRun::read_h2_head() {
    const http::ParseError error =
        connection_.h2->read_request(client_h2_->stream(), state_.request, state_.head);
    if (error == http::ParseError::none) return Step::done;
    record_.detail = state_.keep(http::to_text(error));
    end(ending_of(error));
    record_.status = http::status_of(error);
    head_malformed_ = record_.ending == Ending::malformed_request;
    fate_.input_left = true;
    return Step::failed;
}

// What follows the head will reuse the buffer: the head moves out of it, and all views with it.
void ExchangeRun::keep_head_apart() {
    const char* const from = connection_.buffer.view().data();
    state_.head.assign(from, head_bytes_);
    rebase(state_.request, from, state_.head.data());
    connection_.buffer.consume(std::exchange(head_bytes_, 0));
}

io::Task<bool> ExchangeRun::receive_rest_of_head() {
    io::Buffer& buffer = connection_.buffer;
    const uint64_t deadline = record_.opened_ns + listener().header_timeout_ms * kNsPerMs;
    Step step = Step::waits;
    while (step == Step::waits) {
        if (buffer.room_bytes() == 0) buffer.enlarge();
        const std::size_t room = buffer.room_bytes();
        if (room == 0) {
            end(Ending::header_too_large);
            fate_.input_left = true;
            co_return false;
        }
        const io::IoResult got = co_await client().read(buffer.room(), room, deadline);
        if (got.ok()) {
            buffer.produced(got.bytes);
            step = parse_head();
            continue;
        }
        if (got.status == io::IoStatus::timeout)
            end(Ending::client_header_timeout);
        else
            end(got.status == io::IoStatus::cancelled ? Ending::shutdown : Ending::client_abort);
        client_gone_ = got.status == io::IoStatus::eof || got.status == io::IoStatus::reset;
        co_return false;
    }
    co_return step == Step::done;
}

bool ExchangeRun::admit_head() {
    record_.head_received_ns = turn_ns();
    capture_request();
    if (!http::normalize_path(state_.request.path, state_.path)) {
        record_.detail = state_.keep("path leaves the root or is not a path");
        end(Ending::malformed_request);
        fate_.input_left = true;
        return false;
    }
    fate_.keep_alive = state_.request.keep_alive;
    const uint32_t most = listener().requests_per_connection;
    if (most != 0 && connection_.exchanges + 1 >= most) fate_.keep_alive = false;
    return true;
}

void ExchangeRun::capture_request() {
    const http::RequestHead& head = state_.request;
    const model::FieldSelection& wanted = record_.names->captured;
    using enum model::Field;
    record_.method = head.method;
    record_.protocol = head.version == http::Version::http2    ? model::Protocol::http2
                       : head.version == http::Version::http10 ? model::Protocol::http10
                                                               : model::Protocol::http11;
    if (over_tls()) capture_tls();
    forward_client_certificate();
    capture_grpc();
    if (head.method == Method::other) record_.method_text = state_.keep(head.method_text);
    if (wanted.has(request_path)) record_.path = state_.keep(head.path);
    if (wanted.has(request_query)) record_.query = state_.keep(head.query);
    if (wanted.has(request_host)) record_.host = state_.keep(head.authority);
    if (wanted.has(request_user_agent))
        record_.user_agent = state_.keep(http::find(head.headers, http::KnownHeader::user_agent));
    for (const model::FieldRef& slot : wanted.slots())
        if (slot.field == request_header)
            record_.captures[slot.slot] = state_.keep(http::find(head.headers, slot.parameter));
    identify_client();
    begin_trace();
}

void ExchangeRun::capture_tls() {
    const io::tls::Session& tls = *client().tls();
    const model::FieldSelection& wanted = record_.names->captured;
    using enum model::Field;
    const auto keep_if = [&](model::Field field, std::string_view text, model::TextRef& ref) {
        if (wanted.has(field)) ref = state_.keep(text);
    };
    record_.scheme = model::Scheme::https;
    keep_if(tls_version, tls.version(), record_.tls_version);
    keep_if(tls_cipher, tls.cipher(), record_.tls_cipher);
    keep_if(tls_server_name, tls.server_name(), record_.tls_server_name);
    const io::tls::CertificateFacts* const peer = tls.peer();
    if (peer == nullptr) return;
    keep_if(tls_client_cert_subject, peer->subject, record_.tls_client_cert_subject);
    keep_if(tls_client_cert_serial, peer->serial, record_.tls_client_cert_serial);
    keep_if(tls_client_cert_fingerprint, peer->fingerprint, record_.tls_client_cert_fingerprint);
    if (!peer->uris.empty())
        keep_if(tls_client_cert_san, peer->uris.front(), record_.tls_client_cert_san);
    else if (!peer->dns_names.empty())
        keep_if(tls_client_cert_san, peer->dns_names.front(), record_.tls_client_cert_san);
}

// X-Forwarded-Client-Cert. What a client writes there itself never passes for the truth.
void ExchangeRun::forward_client_certificate() {
    constexpr std::string_view kName = "X-Forwarded-Client-Cert";
    std::string received;
    for (const http::HeaderField& field : state_.request.headers) {
        if (field.known != http::KnownHeader::other || !iequals(field.name, kName)) continue;
        if (!received.empty()) received += ',';
        received += field.value;
    }
    const io::tls::CertificateFacts* const peer = over_tls() ? client().tls()->peer() : nullptr;
    if (received.empty() && peer == nullptr) return;
    std::string ours;
    if (peer != nullptr) {
        http::ClientCertElement element;
        element.by = client().tls()->local_uri();
        element.hash = peer->fingerprint;
        element.subject = peer->subject;
        element.uris = peer->uris;
        element.dns_names = peer->dns_names;
        ours = http::client_cert_element_text(element, {});
    }
    state_.policy_request.arena = &state_.arena;
    const auto value = http::forwarded_client_cert(listener().forward_client_cert, received, ours);
    if (value)
        state_.policy_request.edit_upstream_header(kName, *value);
    else if (!received.empty())
        state_.policy_request.remove_upstream_header(kName);
}

bool ExchangeRun::certificate_is_allowed() {
    const io::tls::CertificateFacts* const peer = over_tls() ? client().tls()->peer() : nullptr;
    if (peer != nullptr && route().client_certificates->allows(*peer)) return true;
    record_.detail = state_.keep(peer == nullptr ? "a client certificate is required"
                                                 : "the client certificate is not allowed here");
    end(model::Ending::auth_failed);
    record_.status = 403;
    return false;
}

void ExchangeRun::capture_grpc() {
    const http::RequestHead& head = state_.request;
    record_.grpc = http::grpc::is_grpc(http::find(head.headers, http::KnownHeader::content_type));
    if (!record_.grpc) return;
    const auto timeout_ns = http::grpc::read_timeout_ns(http::find(head.headers, "grpc-timeout"));
    if (timeout_ns && *timeout_ns < UINT64_MAX / 2)
        call_deadline_ns_ = record_.opened_ns + *timeout_ns;
}

void ExchangeRun::identify_client() {
    const http::RequestHead& head = state_.request;
    std::string_view client = connection_.peer_address;
    if (!listener().trust_forwarded.empty() && listener().trust_forwarded.matches(client))
        client = http::client_address(client, head.headers, listener().trust_forwarded);
    if (client != connection_.peer_address) record_.remote_address = state_.keep(client);
    const std::string_view id = http::find(head.headers, http::KnownHeader::x_request_id);
    if (!id.empty() && id.size() <= 128 && !listener().trust_request_id.empty() &&
        listener().trust_request_id.matches(connection_.peer_address)) {
        record_.request_id = state_.keep(id);
        record_.request_id_is_trace_id = false;
    }
}

// Continues the caller's trace. Without one, that which open() began goes on.
void ExchangeRun::begin_trace() {
    if (!continue_trace()) decide_sampling();
}

// True: the caller has decided whether it is sampled.
bool ExchangeRun::continue_trace() {
    const AddressSet& trusted = listener().trust_trace_context;
    if (!trusted.empty() && !trusted.matches(connection_.peer_address)) return false;
    for (const TraceFormat format : plan().trace.propagation) {
        http::TraceParent parent;
        const bool found = format == TraceFormat::w3c
                               ? http::extract_w3c(state_.request.headers, parent)
                               : http::extract_b3(state_.request.headers, parent);
        if (!found) continue;
        if (parent.trace_id.valid()) record_.trace_id = parent.trace_id;
        record_.parent_span_id = parent.parent_id;
        record_.trace_state = state_.keep(parent.tracestate);
        if (parent.has_sampling_decision) record_.sampled = parent.sampled;
        return parent.has_sampling_decision;
    }
    return false;
}

// Beyond chance, which has spoken in open().
void ExchangeRun::decide_sampling() {
    const TracePlan& trace = plan().trace;
    if (!trace.enabled) return;
    if (trace.client_rate > 0 && !record_.sampled &&
        http::find(state_.request.headers, "x-client-trace-id").data() != nullptr)
        record_.sampled = worker_.random().unit() < trace.client_rate;
    if (trace.overall_rate < 1 && record_.sampled)
        record_.sampled = worker_.random().unit() < trace.overall_rate;
}

bool ExchangeRun::check_body_limit() {
    body_limit_ = route().body_bytes.value_or(listener().body_bytes);
    if (state_.request.body == http::BodyKind::length) body_left_ = state_.request.content_length;
    if (body_limit_ == 0 || body_left_ <= body_limit_) return true;
    end(model::Ending::body_too_large);
    fate_.input_left = true;
    return false;
}

}  // namespace glassgate::proxy
