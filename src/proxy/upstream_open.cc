// How a connection to a target comes about: TCP, a PROXY header, TLS, and what it will speak.
#include <algorithm>

#include "base/clock.h"
#include "http/proxy_protocol.h"
#include "io/handshake.h"
#include "proxy/connection.h"
#include "proxy/upstream.h"

namespace glassgate::proxy {

using model::AttemptResult;

namespace {

AttemptResult result_of(io::IoStatus status) noexcept {
    switch (status) {
        case io::IoStatus::timeout:
            return AttemptResult::connect_timeout;
        case io::IoStatus::cancelled:
            return AttemptResult::cancelled;
        default:
            return AttemptResult::connect_failed;
    }
}

}  // namespace

io::Task<Upstream::Opened> Upstream::open(uint32_t index, io::Socket** pending,
                                          const Connection& client) {
    Target& target = targets_[index];
    const bool may_share = plan_.protocol == UpstreamProtocol::http2 ||
                           (plan_.protocol == UpstreamProtocol::negotiate && plan_.tls != nullptr &&
                            !target.speaks_http1);
    if (may_share) target.linking = true;
    Opened opened = co_await open_here(index, pending, client);
    if (opened.connection) target.speaks_http1 = true;
    if (opened.link != nullptr) target.speaks_http1 = false;
    if (may_share) end_linking(index, opened.result);
    co_return opened;
}

io::Task<Upstream::Opened> Upstream::open_here(uint32_t index, io::Socket** pending,
                                               const Connection& client) {
    Target& target = targets_[index];
    Opened opened;
    const uint64_t deadline_ns = loop_.now_ns() + plan_.connect_timeout_ms * kNsPerMs;
    const sockaddr_storage address =
        target.addresses[target.next_address++ % target.addresses.size()];
    io::Connected connected = co_await io::connect(loop_, address, deadline_ns, pending);
    if (connected.status != io::IoStatus::ok) {
        opened.result = result_of(connected.status);
        co_return opened;
    }
    io::Socket& socket = connected.socket;
    if (plan_.send_proxy != SendProxy::none) {
        const io::IoStatus sent =
            co_await send_proxy_header(socket, client, plan_.connect_timeout_ms * kNsPerMs);
        if (sent != io::IoStatus::ok) {
            opened.result = result_of(sent);
            co_return opened;
        }
    }
    bool http2 = plan_.protocol == UpstreamProtocol::http2;
    if (plan_.tls) {
        const io::tls::TlsTarget tls_target{plan_.targets[index].host,
                                            plan_.state_key + "/" + plan_.targets[index].label};
        socket.start_tls([&](io::tls::Transport& transport) {
            return io::tls::Session::connect(plan_.tls, transport, tls_target, &env_.resumption,
                                             static_cast<int64_t>(loop_.wall_ns() / kNsPerSecond));
        });
        *pending = &socket;
        const io::tls::Refusal refusal =
            co_await io::handshake(socket, env_.handshakes, deadline_ns);
        *pending = nullptr;
        if (refusal != io::tls::Refusal::none) {
            opened.result = AttemptResult::tls_failed;
            const std::string_view failure = socket.tls()->failure();
            opened.detail = failure.empty() ? io::tls::to_text(refusal) : failure;
            co_return opened;
        }
        if (plan_.protocol != UpstreamProtocol::http1) {
            const bool agreed = socket.tls()->alpn() == "h2";
            if (http2 && !agreed) {
                opened.result = AttemptResult::tls_failed;
                opened.detail = "the upstream does not speak HTTP/2 (ALPN)";
                co_return opened;
            }
            http2 = agreed;
        }
    }
    if (http2)
        opened.link = linked(index, std::move(socket));
    else
        opened.connection = this->opened(index, std::move(socket));
    co_return opened;
}

// Whom the connection is for: the client as we know it, and where it came to.
io::Task<io::IoStatus> Upstream::send_proxy_header(io::Socket& socket, const Connection& client,
                                                   uint64_t stall_ns) {
    http::ProxyHeader header;
    socklen_t size = sizeof header.destination;
    header.local = !io::parse_address(client.peer_address, client.peer_port, header.source) ||
                   getsockname(client.socket.fd(), reinterpret_cast<sockaddr*>(&header.destination),
                               &size) != 0;
    std::string bytes;
    if (plan_.send_proxy == SendProxy::v1)
        http::append_proxy_v1(bytes, header);
    else
        http::append_proxy_v2(bytes, header);
    const io::IoResult sent = co_await socket.write(bytes, stall_ns);
    co_return sent.status;
}

H2Upstream* Upstream::linked(uint32_t target, io::Socket socket) {
    const std::unique_ptr<UpstreamConnection> as_opened = opened(target, std::move(socket));
    H2Upstream::Settings settings;
    settings.limits = plan_.h2;
    settings.streams = plan_.streams_per_connection;
    settings.idle_ns = plan_.pool_idle_timeout_ms * kNsPerMs;
    H2Upstream* const link =
        H2Upstream::start(loop_, buffers_, env_.h2, std::move(as_opened->socket), settings, *this,
                          target, as_opened->address);
    targets_[target].links.push_back(link);
    return link;
}

H2Upstream* Upstream::link(uint32_t target) noexcept {
    for (H2Upstream* link : targets_[target].links)
        if (link->can_request()) return link;
    return nullptr;
}

void Upstream::link_gone(H2Upstream& link) noexcept {
    Target& target = targets_[link.target()];
    if (std::erase(target.links, &link) == 0) return;
    connection_closed(link.target());
}

io::Task<AttemptResult> Upstream::wait_for_link(uint32_t target, LinkWait& wait) {
    targets_[target].waiting.push_back(&wait);
    const AttemptResult result = co_await wait;
    std::erase(targets_[target].waiting, &wait);
    co_return result;
}

// Those who waited share what came of it: when the target cannot be reached they need not all find
// out for themselves.
void Upstream::end_linking(uint32_t index, AttemptResult result) {
    targets_[index].linking = false;
    // Who gave up on the connect says nothing about the target: the next one tries.
    if (result == AttemptResult::cancelled) result = AttemptResult::response;
    for (LinkWait* wait : std::exchange(targets_[index].waiting, {})) wait->wake(result);
}

}  // namespace glassgate::proxy
