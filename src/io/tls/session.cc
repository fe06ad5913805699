#include "io/tls/session.h"

#include <arpa/inet.h>
#include <openssl/err.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "io/tls/session_bio.h"

namespace glassgate::io::tls {
namespace {

// Alerts and key updates a peer provokes while it does not read: more than this, and OpenSSL has to
// wait.
constexpr std::size_t kOutputMax = 128 * 1024;

bool is_address(const std::string& host) noexcept {
    unsigned char bytes[16];
    return inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
           inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

// The next piece to become one record: a view into a part, or small parts put together.
std::string_view next_record(std::span<const iovec> parts, std::size_t offset,
                             SessionScratch& scratch) noexcept {
    std::size_t i = 0;
    while (offset >= parts[i].iov_len) offset -= parts[i++].iov_len;
    const std::string_view first(static_cast<const char*>(parts[i].iov_base) + offset,
                                 parts[i].iov_len - offset);
    if (first.size() >= kRecordPlainMax || i + 1 == parts.size())
        return first.substr(0, kRecordPlainMax);
    std::size_t filled = 0;
    for (; i < parts.size() && filled < kRecordPlainMax; ++i, offset = 0) {
        const std::size_t n = std::min(parts[i].iov_len - offset, kRecordPlainMax - filled);
        if (n == 0) continue;
        std::memcpy(scratch.plain.data() + filled,
                    static_cast<const char*>(parts[i].iov_base) + offset, n);
        filled += n;
    }
    return {scratch.plain.data(), filled};
}

std::string printable(std::string_view text) {
    std::string safe;
    for (const char c : text) safe += c >= ' ' && c <= '~' ? c : '.';
    return safe;
}

}  // namespace

Session::Session(SSL_CTX* context, Transport& transport)
    : ssl_(SSL_new(context)), transport_(&transport) {
    GW_CHECK(ssl_ != nullptr);
    notes_.session = this;
    BIO* const bio = new_session_bio(notes_);
    SSL_set_bio(ssl_.get(), bio, bio);
}

std::unique_ptr<Session> Session::accept(std::shared_ptr<const ServerContext> context,
                                         Transport& transport) {
    std::unique_ptr<Session> session(new Session(context->first(), transport));
    session->context_ = std::move(context);
    session->server_ = true;
    SSL_set_accept_state(session->ssl_.get());
    return session;
}

std::unique_ptr<Session> Session::connect(std::shared_ptr<const ClientContext> context,
                                          Transport& transport, const TlsTarget& target,
                                          ResumptionCache* cache, int64_t now_s) {
    std::unique_ptr<Session> session(new Session(context->openssl(), transport));
    SSL* const ssl = session->ssl_.get();
    SSL_set_connect_state(ssl);
    const std::string& host = context->server_name().empty() ? target.host : context->server_name();
    const bool address = is_address(host);
    if (!address)  // the macro for it casts in the old style
        SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 const_cast<char*>(host.c_str()));
    if (context->verifies()) {
        X509_VERIFY_PARAM* const parameters = SSL_get0_param(ssl);
        X509_VERIFY_PARAM_set_hostflags(
            parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
        const int set = address ? X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str())
                                : X509_VERIFY_PARAM_set1_host(parameters, host.data(), host.size());
        GW_CHECK(set == 1);
    }
    if (cache != nullptr && context->resumes()) {
        std::string key = std::to_string(context->id()) + ' ' + host + ' ' + target.cache_key;
        // A copy: OpenSSL spoils the one that is used for any further use, and a server without
        // memory takes it again.
        if (SSL_SESSION* known = cache->find(key, now_s))
            if (const SessionPtr copy{SSL_SESSION_dup(known)}) SSL_set_session(ssl, copy.get());
        session->notes_.resumption.reset(new ResumptionPlace{cache, std::move(key)});
    }
    session->context_ = std::move(context);
    return session;
}

Session::~Session() {
    // Otherwise OpenSSL takes a connection that was cut for a broken one, and would not resume its
    // session.
    if (established_ && refusal_ == Refusal::none)
        SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

int Session::receive(char* buffer, int size) noexcept {
    if (size <= 0) return 0;
    const std::ptrdiff_t n = transport_->receive(buffer, static_cast<std::size_t>(size));
    if (n > 0) {
        const auto more = std::min(static_cast<std::size_t>(n), sizeof first_bytes_ - first_count_);
        std::memcpy(first_bytes_ + first_count_, buffer, more);
        first_count_ = static_cast<uint8_t>(first_count_ + more);
        return static_cast<int>(n);
    }
    if (n == 0) {
        ended_ = true;
        return 0;
    }
    if (n == Transport::kBroken) broken_ = true;
    return -1;
}

int Session::gather(const char* bytes, int size) noexcept {
    if (size <= 0) return 0;
    const auto count = static_cast<std::size_t>(size);
    SessionScratch& scratch = SessionScratch::of_thread();
    if (broken_) return -1;
    if (has_output()) {
        if (output_->bytes.size() - output_->begin + count > kOutputMax) return -1;
        keep_output(bytes, count);
        return size;
    }
    if (scratch.wire_bytes + count > scratch.wire.size()) {
        if (!send_gathered()) return broken_ ? -1 : gather(bytes, size);
    }
    if (scratch.wire_bytes == 0 && (!more_to_write_ || count > scratch.wire.size())) {
        const std::ptrdiff_t n = transport_->send(bytes, count);
        if (n == Transport::kBroken) {
            broken_ = true;
            return -1;
        }
        const std::size_t sent = n > 0 ? static_cast<std::size_t>(n) : 0;
        if (sent < count) keep_output(bytes + sent, count - sent);
        return size;
    }
    std::memcpy(scratch.wire.data() + scratch.wire_bytes, bytes, count);
    scratch.wire_bytes += count;
    return size;
}

void Session::keep_output(const char* bytes, std::size_t size) {
    if (output_ == nullptr) output_ = std::make_unique<Output>();
    output_->bytes.append(bytes, size);
}

bool Session::send_gathered() noexcept {
    SessionScratch& scratch = SessionScratch::of_thread();
    const std::size_t count = std::exchange(scratch.wire_bytes, 0);
    if (count == 0 || broken_) return !broken_;
    if (has_output()) {
        keep_output(scratch.wire.data(), count);
        return false;
    }
    const std::ptrdiff_t n = transport_->send(scratch.wire.data(), count);
    if (n == Transport::kBroken) {
        broken_ = true;
        return false;
    }
    const std::size_t sent = n > 0 ? static_cast<std::size_t>(n) : 0;
    if (sent < count) keep_output(scratch.wire.data() + sent, count - sent);
    return sent == count;
}

bool Session::send_output() noexcept {
    while (has_output()) {
        const std::string_view rest = std::string_view(output_->bytes).substr(output_->begin);
        const std::ptrdiff_t n = transport_->send(rest.data(), rest.size());
        if (n == Transport::kBroken) broken_ = true;
        if (n <= 0) return false;
        output_->begin += static_cast<std::size_t>(n);
        if (static_cast<std::size_t>(n) == rest.size()) output_.reset();
    }
    return true;
}

TlsResult Session::flush() noexcept {
    if (refusal_ != Refusal::none) return {TlsState::error, 0};
    if (send_output()) return {};
    return broken_ ? fail(SSL_ERROR_SYSCALL) : TlsResult{TlsState::want_write, 0};
}

void Session::finish_handshake() noexcept {
    established_ = true;
    // The staple that was sent would stay until the end of the connection.
    if (server_) SSL_set_tlsext_status_ocsp_resp(ssl_.get(), nullptr, 0);
    // A ticket renewed in a resumed session of TLS 1.2: OpenSSL tells nobody about it.
    if (notes_.resumption != nullptr && resumed() && SSL_version(ssl_.get()) == TLS1_2_VERSION)
        notes_.resumption->cache->put(notes_.resumption->key,
                                      SessionPtr(SSL_get1_session(ssl_.get())));
}

TlsResult Session::handshake() noexcept {
    if (refusal_ != Refusal::none) return {TlsState::error, 0};
    if (!send_output()) return flush();
    if (established_) return {};
    ERR_clear_error();
    more_to_write_ = true;  // a flight goes out in one piece
    const int done = SSL_do_handshake(ssl_.get());
    const int ssl_error = done == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), done);
    more_to_write_ = false;
    if (done == 1) finish_handshake();
    const bool sent = send_gathered() && !has_output();
    if (done != 1 && ssl_error != SSL_ERROR_WANT_READ && ssl_error != SSL_ERROR_WANT_WRITE)
        return fail(ssl_error);
    if (broken_) return fail(SSL_ERROR_SYSCALL);
    if (!sent || ssl_error == SSL_ERROR_WANT_WRITE) return {TlsState::want_write, 0};
    return {done == 1 ? TlsState::ok : TlsState::want_read, 0};
}

TlsResult Session::read(char* buffer, std::size_t size) noexcept {
    if (refusal_ != Refusal::none) return {TlsState::error, 0};
    std::size_t filled = 0;
    int ssl_error = SSL_ERROR_NONE;
    ERR_clear_error();
    // One call of OpenSSL hands out one record; what has been received behind it is worth a look.
    while (filled < size && (filled == 0 || has_input())) {
        std::size_t n = 0;
        const int got = SSL_read_ex(ssl_.get(), buffer + filled, size - filled, &n);
        if (got != 1) {
            ssl_error = SSL_get_error(ssl_.get(), got);
            break;
        }
        filled += n;
    }
    send_gathered();
    if (filled != 0 &&
        (ssl_error == SSL_ERROR_SSL || (ssl_error == SSL_ERROR_SYSCALL && broken_))) {
        fail(ssl_error);  // the next call says so
        return {TlsState::ok, filled};
    }
    if (filled != 0 || size == 0) return {TlsState::ok, filled};
    if (ssl_error == SSL_ERROR_WANT_READ) return {TlsState::want_read, 0};
    if (ssl_error == SSL_ERROR_WANT_WRITE) return {TlsState::want_write, 0};
    if (ssl_error == SSL_ERROR_ZERO_RETURN) return {TlsState::closed, 0};
    return fail(ssl_error);
}

TlsResult Session::write(std::string_view bytes) noexcept {
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    return write({&part, 1});
}

TlsResult Session::write(std::span<const iovec> parts) noexcept {
    if (refusal_ != Refusal::none) return {TlsState::error, 0};
    if (!send_output()) return flush();
    std::size_t total = 0, taken = 0;
    for (const iovec& part : parts) total += part.iov_len;
    ERR_clear_error();
    SessionScratch& scratch = SessionScratch::of_thread();
    while (taken < total && !has_output()) {
        const std::string_view record = next_record(parts, taken, scratch);
        more_to_write_ = taken + record.size() < total;
        std::size_t n = 0;
        const int put = SSL_write_ex(ssl_.get(), record.data(), record.size(), &n);
        if (put != 1) {
            const int ssl_error = SSL_get_error(ssl_.get(), put);
            more_to_write_ = false;
            send_gathered();
            // Everything a record needs fits behind empty output, so nothing has to wait here.
            return fail(ssl_error);
        }
        taken += n;
    }
    more_to_write_ = false;
    send_gathered();
    if (broken_) return fail(SSL_ERROR_SYSCALL);
    return {taken < total || has_output() ? TlsState::want_write : TlsState::ok, taken};
}

TlsResult Session::shutdown() noexcept {
    if (refusal_ != Refusal::none) return {TlsState::error, 0};
    if (!established_) return {};
    if (!shut_down_) {
        shut_down_ = true;
        ERR_clear_error();
        const int rc = SSL_shutdown(ssl_.get());
        send_gathered();
        if (rc < 0 && broken_) return fail(SSL_ERROR_SYSCALL);
    }
    return flush();
}

Refusal Session::classify(unsigned long error, int ssl_error) const noexcept {
    if (notes_.refusal != Refusal::none) return notes_.refusal;
    if (!established_) {
        const Refusal speaks = refusal_of_first_bytes({first_bytes_, first_count_});
        if (speaks != Refusal::none) return speaks;
    }
    // Asked first: the alert that OpenSSL sends after an end may break the transport, too.
    if (ended_ && ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return established_ ? Refusal::truncated : Refusal::closed;
    if (broken_ || ssl_error == SSL_ERROR_SYSCALL) return Refusal::reset;
    return refusal_of_error(error, notes_.verify_error);
}

TlsResult Session::fail(int ssl_error) noexcept {
    const unsigned long error = ERR_peek_error();
    std::string detail;
    const Refusal refusal = classify(error, ssl_error);
    if (notes_.verify_error != X509_V_OK && notes_.refused != nullptr) {
        detail =
            notes_.refused->subject + " (" + X509_verify_cert_error_string(notes_.verify_error);
        if (notes_.verify_depth > 0)
            detail += ", certificate " + std::to_string(notes_.verify_depth) + " above it";
        detail += ')';
    } else if (refusal == Refusal::plain_http || refusal == Refusal::not_tls) {
        detail = "the peer began with '" + printable({first_bytes_, first_count_}) + "'";
    } else if (const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error)) {
        detail = reason;
    }
    ERR_clear_error();
    return fail_with(refusal, std::move(detail));
}

TlsResult Session::fail_with(Refusal refusal, std::string detail) noexcept {
    refusal_ = refusal;
    failure_ = std::make_unique<std::string>(to_text(refusal));
    if (!detail.empty()) *failure_ += ": " + detail;
    if (!established_ && notes_.resumption != nullptr)
        notes_.resumption->cache->forget(notes_.resumption->key);
    output_.reset();
    return {TlsState::error, 0};
}

std::string_view Session::version() const noexcept { return SSL_get_version(ssl_.get()); }

std::string_view Session::cipher() const noexcept {
    const SSL_CIPHER* const cipher = SSL_get_current_cipher(ssl_.get());
    const char* const name = cipher == nullptr ? nullptr : SSL_CIPHER_standard_name(cipher);
    return name == nullptr ? std::string_view{} : name;
}

std::string_view Session::alpn() const noexcept {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

std::string_view Session::server_name() const noexcept {
    const char* const name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? std::string_view{} : name;
}

const CertificateFacts* Session::peer() const noexcept {
    if (notes_.refused != nullptr || !established_) return notes_.refused.get();
    if (peer_ == nullptr)
        if (X509* const certificate = SSL_get0_peer_certificate(ssl_.get()))
            peer_ = std::make_unique<CertificateFacts>(facts_of(certificate));
    return peer_.get();
}

std::string Session::peer_pem() const {
    X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
    return certificate == nullptr ? std::string{} : pem_of(certificate);
}

std::string Session::peer_chain_pem() const {
    std::string chain = peer_pem();
    const STACK_OF(X509)* const sent = SSL_get_peer_cert_chain(ssl_.get());
    // A client's chain begins with the leaf, a server does not count it.
    for (int i = server_ ? 0 : 1; i < sk_X509_num(sent); ++i)
        chain += pem_of(sk_X509_value(sent, i));
    return chain;
}

std::string Session::local_uri() const {
    X509* const certificate = SSL_get_certificate(ssl_.get());
    if (certificate == nullptr) return {};
    const CertificateFacts facts = facts_of(certificate);
    return facts.uris.empty() ? std::string{} : facts.uris.front();
}

}  // namespace glassgate::io::tls
