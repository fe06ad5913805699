#include "io/handshake.h"

namespace glassgate::io {
namespace {

tls::Refusal refusal_of(IoStatus status) noexcept {
    switch (status) {
        case IoStatus::timeout:
            return tls::Refusal::timeout;
        case IoStatus::eof:
        case IoStatus::cancelled:
            return tls::Refusal::closed;
        default:
            return tls::Refusal::reset;
    }
}

}  // namespace

Task<tls::Refusal> handshake(Socket& socket, tls::HandshakeLimiter& limiter, uint64_t deadline_ns) {
    tls::Session& session = *socket.tls();
    bool wait_first = session.is_server();  // the client speaks first
    while (true) {
        if (wait_first) {
            const IoResult arrived = co_await socket.wait_readable(deadline_ns);
            if (!arrived.ok()) co_return refusal_of(arrived.status);
        }
        wait_first = true;
        const bool may_work = co_await limiter.enter();
        if (!may_work) co_return tls::Refusal::overloaded;
        tls::TlsState state = tls::TlsState::ok;
        {
            const tls::HandshakeLimiter::Working working(limiter);
            state = session.handshake().state;
        }
        switch (state) {
            case tls::TlsState::ok:
                socket.tls_established();
                co_return tls::Refusal::none;
            case tls::TlsState::want_read:
                break;
            case tls::TlsState::want_write: {
                const uint64_t now_ns = socket.now_ns();
                const IoResult sent = co_await socket.write(
                    {}, deadline_ns > now_ns ? deadline_ns - now_ns : uint64_t{1});
                if (!sent.ok()) co_return refusal_of(sent.status);
                wait_first = false;
                break;
            }
            case tls::TlsState::closed:
                co_return tls::Refusal::closed;
            case tls::TlsState::error:
                co_return session.refusal();
        }
    }
}

}  // namespace glassgate::io
