#include "proxy/health_probe.h"

#include <cstring>

#include "base/clock.h"
#include "http/h1.h"
#include "http/proxy_protocol.h"
#include "io/handshake.h"

namespace glassgate::proxy {
namespace {

constexpr std::size_t kAnswerBytes = 16 * 1024;  // of heads; the body is not read
constexpr http::HeadLimits kAnswerLimits{
    .head_bytes = kAnswerBytes, .uri_bytes = 0, .header_count = 128};

// The connection is ours and nobody's behind us: LOCAL and UNKNOWN are for just this
// (proxy-protocol.txt §2.1, §2.2).
std::string proxy_header_of(SendProxy version) {
    std::string bytes;
    if (version == SendProxy::v1) http::append_proxy_v1(bytes, {});
    if (version == SendProxy::v2) http::append_proxy_v2(bytes, {});
    return bytes;
}

}  // namespace

std::string reason_of(io::IoStatus status) {
    switch (status) {
        case io::IoStatus::timeout:
            return "timeout";
        case io::IoStatus::eof:
            return "closed without an answer";
        default:
            return "connection reset";
    }
}

CheckOutcome judge_status(uint16_t status, const HealthCheckPlan& plan) {
    if (status >= plan.expect_min && status <= plan.expect_max) return {true, {}};
    return {false, "status " + std::to_string(status)};
}

HealthTarget HealthTarget::of(const UpstreamPlan& upstream, const TargetPlan& target) {
    return {*upstream.health_check, target.label,      target.host,
            upstream.tls,           upstream.protocol, upstream.send_proxy};
}

HealthProbe::HealthProbe(HealthEnv& env, HealthTarget target)
    : env_(env), target_(std::move(target)) {}

void HealthProbe::cancel() noexcept {
    if (busy_ != nullptr) busy_->cancel();
}

// 0 would be for ever.
uint64_t HealthProbe::left_ns(uint64_t deadline_ns) const noexcept {
    const uint64_t now_ns = env_.loop.now_ns();
    return deadline_ns > now_ns ? deadline_ns - now_ns : 1;
}

io::Task<CheckOutcome> HealthProbe::ask(sockaddr_storage address, uint64_t deadline_ns) {
    io::Connected connected = co_await io::connect(env_.loop, address, deadline_ns, &busy_);
    if (connected.status == io::IoStatus::timeout)
        co_return CheckOutcome{false, "connect: timeout"};
    if (connected.status != io::IoStatus::ok)
        co_return CheckOutcome{
            false, std::string("connect: ") + ::strerrordesc_np(connected.error_number)};
    busy_ = &connected.socket;
    CheckOutcome outcome = co_await ask_connected(connected.socket, deadline_ns);
    busy_ = nullptr;
    co_return outcome;
}

io::Task<CheckOutcome> HealthProbe::ask_connected(io::Socket& socket, uint64_t deadline_ns) {
    const std::string header = proxy_header_of(target_.send_proxy);
    if (!header.empty()) {
        const io::IoResult sent = co_await socket.write(header, left_ns(deadline_ns));
        if (!sent.ok()) co_return CheckOutcome{false, reason_of(sent.status)};
    }
    bool http2 = target_.protocol == UpstreamProtocol::http2;
    if (target_.tls) {
        const std::string failure = co_await shake_hands(socket, deadline_ns);
        if (!failure.empty()) co_return CheckOutcome{false, "tls: " + failure};
        const bool agreed = socket.tls()->alpn() == "h2";
        const bool needed = http2 || target_.plan.type == HealthCheckType::grpc;
        if (needed && !agreed && target_.plan.type != HealthCheckType::tcp)
            co_return CheckOutcome{false, "tls: the upstream does not speak HTTP/2 (ALPN)"};
        http2 = agreed;
    }
    if (target_.plan.type == HealthCheckType::tcp) co_return CheckOutcome{true, {}};
    CheckOutcome outcome;
    if (http2)
        outcome = co_await ask_http2(socket, deadline_ns);
    else
        outcome = co_await ask_http1(socket, deadline_ns);
    co_return outcome;
}

// Why not; empty: done. In full each time: a session that is resumed would not show that the
// certificate has ended or was revoked meanwhile.
io::Task<std::string> HealthProbe::shake_hands(io::Socket& socket, uint64_t deadline_ns) {
    socket.start_tls([this](io::tls::Transport& transport) {
        return io::tls::Session::connect(target_.tls, transport, {target_.host, {}}, nullptr,
                                         static_cast<int64_t>(env_.loop.wall_ns() / kNsPerSecond));
    });
    const io::tls::Refusal refusal = co_await io::handshake(socket, env_.handshakes, deadline_ns);
    if (refusal == io::tls::Refusal::none) co_return std::string();
    const std::string_view failure = socket.tls()->failure();
    co_return std::string(failure.empty() ? io::tls::to_text(refusal) : failure);
}

io::Task<CheckOutcome> HealthProbe::ask_http1(io::Socket& socket, uint64_t deadline_ns) {
    const std::string request =
        "GET " + target_.plan.path + " HTTP/1.1\r\nHost: " + target_.label +
        "\r\nUser-Agent: glassgate-health-check\r\nAccept: */*\r\nConnection: close\r\n\r\n";
    const io::IoResult sent = co_await socket.write(request, left_ns(deadline_ns));
    CheckOutcome outcome{false, reason_of(sent.status)};
    if (sent.ok()) outcome = co_await read_answer(socket, deadline_ns);
    co_return outcome;
}

io::Task<CheckOutcome> HealthProbe::read_answer(io::Socket& socket, uint64_t deadline_ns) {
    std::string answer(kAnswerBytes, '\0');
    std::size_t from = 0, filled = 0, resume = 0;
    auto head = std::make_unique<http::ResponseHead>();  // 10 KiB: not in the frame
    while (true) {
        const std::string_view bytes(answer.data() + from, filled - from);
        const http::ParseResult parsed =
            http::parse_response_head(bytes, kAnswerLimits, Method::get, resume, *head);
        if (parsed.state == http::ParseState::failed)
            co_return CheckOutcome{false,
                                   "malformed answer: " + std::string(http::to_text(parsed.error))};
        if (parsed.state == http::ParseState::complete) {
            if (head->status >= 200) co_return judge_status(head->status, target_.plan);
            from += parsed.consumed;  // an interim answer (RFC 9110 §15.2)
            resume = 0;
            continue;
        }
        if (filled == answer.size())
            co_return CheckOutcome{false, "malformed answer: head too large"};
        const io::IoResult got =
            co_await socket.read(answer.data() + filled, answer.size() - filled, deadline_ns);
        if (!got.ok()) co_return CheckOutcome{false, reason_of(got.status)};
        filled += got.bytes;
    }
}

}  // namespace glassgate::proxy
