// HealthProbe: one question to a target, the way exchanges would reach it: TCP, a PROXY header, TLS
// with all its checks, HTTP/1.1 or HTTP/2; and what the answer means.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/h2/context.h"
#include "io/buffer.h"
#include "io/socket.h"
#include "io/task.h"
#include "io/tls/handshake_limiter.h"
#include "proxy/plan.h"

namespace glassgate::proxy {

struct CheckOutcome {
    bool passed = false;
    // Why not: "status 503", "connect: Connection refused", "timeout", "NOT_SERVING",
    // "tls: certificate_expired: ..."
    std::string reason;
};

// The status line of one answer, judged.
[[nodiscard]] CheckOutcome judge_status(uint16_t status, const HealthCheckPlan& plan);

// The answer of grpc.health.v1.Health/Check, judged: HTTP status, trailer section (or the head that
// is one, written as one) and body.
[[nodiscard]] CheckOutcome judge_grpc_health(uint16_t status, std::string_view trailer_lines,
                                             std::string_view body);

// Whom to ask, and how.
struct HealthTarget {
    HealthCheckPlan plan;
    std::string label;  // Host and :authority: "product-service:3000"
    std::string host;   // for SNI and the certificate
    std::shared_ptr<const io::tls::ClientContext> tls;  // null: plain
    UpstreamProtocol protocol = UpstreamProtocol::http1;
    SendProxy send_proxy = SendProxy::none;

    [[nodiscard]] static HealthTarget of(const UpstreamPlan& upstream, const TargetPlan& target);
};

// What all probes of a thread share. Must outlive them.
struct HealthEnv {
    explicit HealthEnv(io::Loop& l) : loop(l) {}
    io::Loop& loop;
    io::BufferPool buffers;
    http::h2::Context h2{buffers};
    // A client's handshakes, a few a second: nobody waits for a turn of its own.
    io::tls::HandshakeLimiter handshakes{loop, UINT64_MAX};
};

class HealthProbe {
public:
    HealthProbe(HealthEnv& env, HealthTarget target);
    HealthProbe(const HealthProbe&) = delete;
    HealthProbe& operator=(const HealthProbe&) = delete;

    [[nodiscard]] const HealthTarget& target() const noexcept { return target_; }
    // One at a time. deadline_ns: mono clock, for all of it.
    [[nodiscard]] io::Task<CheckOutcome> ask(sockaddr_storage address, uint64_t deadline_ns);
    // What is under way ends at once, with some outcome or other.
    void cancel() noexcept;

private:
    io::Task<CheckOutcome> ask_connected(io::Socket& socket, uint64_t deadline_ns);
    io::Task<std::string> shake_hands(io::Socket& socket, uint64_t deadline_ns);
    io::Task<CheckOutcome> ask_http1(io::Socket& socket, uint64_t deadline_ns);
    io::Task<CheckOutcome> read_answer(io::Socket& socket, uint64_t deadline_ns);
    io::Task<CheckOutcome> ask_http2(io::Socket& socket, uint64_t deadline_ns);
    [[nodiscard]] uint64_t left_ns(uint64_t deadline_ns) const noexcept;

    HealthEnv& env_;
    const HealthTarget target_;
    io::Socket* busy_ = nullptr;  // what the question under way waits on
};

// Why a read or write came to nothing.
[[nodiscard]] std::string reason_of(io::IoStatus status);

}  // namespace glassgate::proxy
