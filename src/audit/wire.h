// Wire: a connection to a destination, plain or TLS, or UDP; blocking, with a time limit on
// everything. For one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "audit/files.h"
#include "audit/settings.h"
#include "base/result.h"

struct ssl_st;
struct ssl_ctx_st;

namespace glassgate::audit {

enum class WireKind : uint8_t { udp, tcp, tls };

struct Endpoint {
    WireKind kind = WireKind::tcp;
    std::string host;
    uint16_t port = 0;
};

class Wire {
public:
    static Result<std::unique_ptr<Wire>> connect(const Endpoint& endpoint, const TlsSettings& tls,
                                                 uint32_t timeout_ms);
    ~Wire();
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    // All of it (UDP: one datagram).
    Status send(std::string_view bytes);
    // What there is, appended; waits for it up to `timeout_ms`. False: nothing came in time. An
    // Error also when the other side has closed.
    Result<bool> receive(std::string& into, uint32_t timeout_ms);

private:
    Wire(File socket, uint32_t timeout_ms) : socket_(std::move(socket)), timeout_ms_(timeout_ms) {}
    Status start_tls(const Endpoint& endpoint, const TlsSettings& tls);
    Status wait_for(short events, uint32_t timeout_ms, bool& ready) const;
    Status wait_for_tls(int result);

    File socket_;
    const uint32_t timeout_ms_;
    ssl_ctx_st* context_ = nullptr;
    ssl_st* tls_ = nullptr;
};

}  // namespace glassgate::audit
