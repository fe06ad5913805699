#include "proxy/health_check.h"

#include <algorithm>
#include <cstring>

#include "base/clock.h"
#include "http/h1.h"

namespace glassgate::proxy {
namespace {

constexpr std::size_t kAnswerBytes = 16 * 1024;     // of heads; the body is not read
constexpr uint64_t kUnresolvedNs = 100 * kNsPerMs;  // look again for an address
constexpr http::HeadLimits kAnswerLimits{
    .head_bytes = kAnswerBytes, .uri_bytes = 0, .header_count = 128};

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

}  // namespace

bool HealthVerdict::count(bool passed, const HealthCheckPlan& plan) noexcept {
    if (passed == healthy_) {
        run_ = 0;
        return false;
    }
    if (++run_ < (healthy_ ? plan.unhealthy_threshold : plan.healthy_threshold)) return false;
    healthy_ = passed;
    run_ = 0;
    return true;
}

CheckOutcome judge_status(uint16_t status, const HealthCheckPlan& plan) {
    if (status >= plan.expect_min && status <= plan.expect_max) return {true, {}};
    return {false, "status " + std::to_string(status)};
}

HealthCheck::HealthCheck(io::Loop& loop, Random& random, const HealthCheckPlan& plan,
                         std::string host_header, HealthVerdict verdict, Addresses addresses,
                         Changed changed)
    : loop_(loop),
      random_(random),
      plan_(plan),
      verdict_(verdict),
      addresses_(std::move(addresses)),
      changed_(std::move(changed)),
      due_(&on_due, this) {
    request_ = "GET " + plan_.path + " HTTP/1.1\r\nHost: " + host_header +
               "\r\nUser-Agent: glassgate-health-check\r\nAccept: */*\r\nConnection: close\r\n\r\n";
    // The first one soon, but not all at once.
    const uint64_t spread_ns = plan_.interval_ms * kNsPerMs / 10;
    loop_.timers().arm(due_, loop_.now_ns() + (spread_ns == 0 ? 0 : random_.below(spread_ns)));
}

HealthCheck::~HealthCheck() {
    ending_ = true;
    if (busy_ != nullptr) busy_->cancel();
}

void HealthCheck::on_due(void* raw) {
    auto* self = static_cast<HealthCheck*>(raw);
    self->running_.start(self->check());
}

void HealthCheck::schedule(uint64_t since_ns) noexcept {
    const double spread = 0.9 + 0.2 * random_.unit();
    const auto interval_ns =
        static_cast<uint64_t>(static_cast<double>(plan_.interval_ms * kNsPerMs) * spread);
    loop_.timers().arm(due_, since_ns + interval_ns);
}

io::Task<void> HealthCheck::check() {
    const uint64_t since_ns = loop_.now_ns();
    const std::vector<sockaddr_storage> addresses = addresses_();
    if (addresses.empty()) {
        loop_.timers().arm(due_, since_ns + std::min(plan_.interval_ms * kNsPerMs, kUnresolvedNs));
        co_return;
    }
    const sockaddr_storage& address = addresses[next_address_++ % addresses.size()];
    const CheckOutcome outcome = co_await ask(address, since_ns + plan_.timeout_ms * kNsPerMs);
    if (ending_) co_return;
    if (verdict_.count(outcome.passed, plan_)) changed_(verdict_.healthy(), outcome.reason);
    schedule(since_ns);
}

io::Task<CheckOutcome> HealthCheck::ask(sockaddr_storage address, uint64_t deadline_ns) {
    io::Connected connected = co_await io::connect(loop_, address, deadline_ns, &busy_);
    if (connected.status == io::IoStatus::timeout)
        co_return CheckOutcome{false, "connect: timeout"};
    if (connected.status != io::IoStatus::ok)
        co_return CheckOutcome{
            false, std::string("connect: ") + ::strerrordesc_np(connected.error_number)};
    busy_ = &connected.socket;
    const io::IoResult sent =
        co_await connected.socket.write(request_, plan_.timeout_ms * kNsPerMs);
    CheckOutcome outcome{false, reason_of(sent.status)};
    if (sent.ok()) outcome = co_await read_answer(connected.socket, deadline_ns);
    busy_ = nullptr;
    co_return outcome;
}

io::Task<CheckOutcome> HealthCheck::read_answer(io::Socket& socket, uint64_t deadline_ns) {
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
            if (head->status >= 200) co_return judge_status(head->status, plan_);
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
