#include "audit/wire.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>

#include "base/clock.h"

namespace glassgate::audit {
namespace {

std::unexpected<Error> tls_failure(const std::string& what) {
    char text[256] = "unknown";
    if (const unsigned long code = ERR_get_error(); code != 0)
        ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return failure(what + ": " + text);
}

Result<File> connect_to(const addrinfo& address, uint32_t timeout_ms) {
    File socket(::socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) return failure_errno("socket", errno);
    if (::connect(socket.fd(), address.ai_addr, address.ai_addrlen) == 0) return socket;
    if (errno != EINPROGRESS) return failure_errno("connect", errno);
    pollfd wanted{socket.fd(), POLLOUT, 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(timeout_ms));
    if (ready == 0) return failure("connect: no answer in time");
    int problem = 0;
    socklen_t size = sizeof problem;
    ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &problem, &size);
    if (problem != 0) return failure_errno("connect", problem);
    return socket;
}

}  // namespace

Wire::~Wire() {
    if (tls_ != nullptr) {
        SSL_shutdown(tls_);
        SSL_free(tls_);
    }
    SSL_CTX_free(context_);
    ERR_clear_error();
}

Result<std::unique_ptr<Wire>> Wire::connect(const Endpoint& endpoint, const TlsSettings& tls,
                                            uint32_t timeout_ms) {
    addrinfo hints{};
    hints.ai_socktype = endpoint.kind == WireKind::udp ? SOCK_DGRAM : SOCK_STREAM;
    addrinfo* found = nullptr;
    const int looked =
        ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
    if (looked != 0) return failure(endpoint.host + ": " + ::gai_strerror(looked));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, ::freeaddrinfo);
    Result<File> socket = failure("no address");
    for (const addrinfo* a = found; a != nullptr && !socket; a = a->ai_next)
        socket = connect_to(*a, timeout_ms);
    if (!socket) return std::unexpected(socket.error());
    if (endpoint.kind != WireKind::udp) {
        const int on = 1;
        ::setsockopt(socket->fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    std::unique_ptr<Wire> wire(new Wire(std::move(*socket), timeout_ms));
    if (endpoint.kind == WireKind::tls) TRY_STATUS(wire->start_tls(endpoint, tls));
    return wire;
}

Status Wire::start_tls(const Endpoint& endpoint, const TlsSettings& settings) {
    context_ = SSL_CTX_new(TLS_client_method());
    if (context_ == nullptr) return tls_failure("TLS");
    SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    const bool trusted =
        settings.authorities.empty()
            ? SSL_CTX_set_default_verify_paths(context_) == 1
            : SSL_CTX_load_verify_locations(context_, settings.authorities.c_str(), nullptr) == 1;
    if (!trusted) return tls_failure("certificate authorities " + settings.authorities);
    if (!settings.certificate.empty() &&
        (SSL_CTX_use_certificate_chain_file(context_, settings.certificate.c_str()) != 1 ||
         SSL_CTX_use_PrivateKey_file(context_, settings.key.c_str(), SSL_FILETYPE_PEM) != 1))
        return tls_failure("client certificate " + settings.certificate);
    tls_ = SSL_new(context_);
    if (tls_ == nullptr) return tls_failure("TLS");
    const std::string& name = settings.server_name.empty() ? endpoint.host : settings.server_name;
    X509_VERIFY_PARAM* const wanted = SSL_get0_param(tls_);
    if (X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str()) != 1) {
        ERR_clear_error();
        // The macro of that name casts in the old style.
        SSL_ctrl(tls_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 const_cast<char*>(name.c_str()));
        if (SSL_set1_host(tls_, name.c_str()) != 1) return tls_failure("TLS: the name " + name);
    }
    SSL_set_fd(tls_, socket_.fd());
    while (true) {
        const int result = SSL_connect(tls_);
        if (result == 1) return {};
        TRY_STATUS(wait_for_tls(result));
    }
}

// After a call that said it could not go on: until it can.
Status Wire::wait_for_tls(int result) {
    const int reason = SSL_get_error(tls_, result);
    if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) {
        const long verified = SSL_get_verify_result(tls_);
        if (verified != X509_V_OK)
            return failure(std::string("TLS: ") + X509_verify_cert_error_string(verified));
        return tls_failure("TLS");
    }
    bool ready = false;
    TRY_STATUS(wait_for(reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, timeout_ms_, ready));
    if (!ready) return failure("TLS: no answer in time");
    return {};
}

Status Wire::wait_for(short events, uint32_t timeout_ms, bool& ready) const {
    pollfd wanted{socket_.fd(), events, 0};
    const int count = ::poll(&wanted, 1, static_cast<int>(timeout_ms));
    if (count < 0 && errno != EINTR) return failure_errno("poll", errno);
    ready = count > 0;
    return {};
}

Status Wire::send(std::string_view bytes) {
    while (!bytes.empty()) {
        if (tls_ != nullptr) {
            std::size_t sent = 0;
            const int result = SSL_write_ex(tls_, bytes.data(), bytes.size(), &sent);
            if (result != 1)
                TRY_STATUS(wait_for_tls(result));
            else
                bytes.remove_prefix(sent);
            continue;
        }
        const ssize_t sent = ::send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return failure_errno("send", errno);
        bool ready = false;
        TRY_STATUS(wait_for(POLLOUT, timeout_ms_, ready));
        if (!ready) return failure("send: it takes nothing");
    }
    return {};
}

Result<bool> Wire::receive(std::string& into, uint32_t timeout_ms) {
    char buffer[16'384];
    const bool buffered = tls_ != nullptr && SSL_has_pending(tls_) == 1;
    if (!buffered) {
        bool ready = false;
        TRY_STATUS(wait_for(POLLIN, timeout_ms, ready));
        if (!ready) return false;
    }
    if (tls_ != nullptr) {
        std::size_t got = 0;
        const int result = SSL_read_ex(tls_, buffer, sizeof buffer, &got);
        if (result != 1) {
            const int reason = SSL_get_error(tls_, result);
            if (reason == SSL_ERROR_WANT_READ) return false;
            if (reason == SSL_ERROR_ZERO_RETURN) return failure("closed by the other side");
            return tls_failure("receive");
        }
        into.append(buffer, got);
        return true;
    }
    const ssize_t got = ::recv(socket_.fd(), buffer, sizeof buffer, 0);
    if (got > 0) {
        into.append(buffer, static_cast<std::size_t>(got));
        return true;
    }
    if (got == 0) return failure("closed by the other side");
    if (errno == EAGAIN || errno == EINTR) return false;
    return failure_errno("receive", errno);
}

}  // namespace glassgate::audit
