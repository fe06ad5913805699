// Session: TLS over one non-blocking stream, for either side. Thread: one, but it may change
// between calls. No call waits.
//
// Memory: between calls a session that has nothing to send and no half record received holds no
// buffer, only OpenSSL's state. Reads go from the transport into a buffer that lives as long as a
// record is not used up; writes are gathered in scratch memory of the thread and sent with one call
// for up to four records. What the transport does not take at once is kept until it does; then no
// more is taken from the caller, so a slow reader costs at most four records.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "io/tls/certificate_facts.h"
#include "io/tls/client_context.h"
#include "io/tls/peer_notes.h"
#include "io/tls/refusal.h"
#include "io/tls/resumption_cache.h"
#include "io/tls/server_context.h"
#include "io/tls/transport.h"

namespace glassgate::io::tls {

enum class TlsState : uint8_t {
    ok,
    want_read,   // wait until the transport is readable, then call again
    want_write,  // wait until it is writable, then call again
    closed,      // the peer has said that it sends no more (close_notify)
    error,       // broken for good; refusal() says why
};

struct TlsResult {
    TlsState state = TlsState::ok;
    std::size_t bytes = 0;
    [[nodiscard]] bool ok() const noexcept { return state == TlsState::ok; }
};

// Whom a client's session talks to.
struct TlsTarget {
    std::string host;       // a name (asked for by SNI and verified) or an address (verified)
    std::string cache_key;  // sessions are resumed between equal keys: "upstream/192.0.2.7:443"
};

class Session {
public:
    // The transport must outlive the session.
    static std::unique_ptr<Session> accept(std::shared_ptr<const ServerContext> context,
                                           Transport& transport);
    // `cache`: where sessions are kept to be resumed; null: nowhere. It must outlive the session
    // and belong to its thread.
    static std::unique_ptr<Session> connect(std::shared_ptr<const ClientContext> context,
                                            Transport& transport, const TlsTarget& target,
                                            ResumptionCache* cache, int64_t now_s);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // ok: done, and what had to be sent is sent. The call that finds the peer's first flight there
    // does the private key's work (see HandshakeLimiter).
    [[nodiscard]] TlsResult handshake() noexcept;
    // Plain bytes, as many as there are up to `size`. `closed` and `error` come only when all bytes
    // before them have been handed out. An end without close_notify is the error `truncated`. Wait
    // for the transport only after want_read: bytes may be here already.
    [[nodiscard]] TlsResult read(char* buffer, std::size_t size) noexcept;
    // `bytes` of the parts have been taken. ok: all of them, and all is sent. want_write: call
    // again with what was not taken, or flush() when nothing is left.
    [[nodiscard]] TlsResult write(std::span<const iovec> parts) noexcept;
    [[nodiscard]] TlsResult write(std::string_view bytes) noexcept;
    [[nodiscard]] TlsResult flush() noexcept;
    // Says close_notify, once. Reading goes on working. ok: sent.
    [[nodiscard]] TlsResult shutdown() noexcept;

    // Something is waiting for the transport to be writable.
    [[nodiscard]] bool has_output() const noexcept { return output_ != nullptr; }
    // Bytes were received and not yet handed out (maybe half a record): a connection that has
    // none is idle.
    [[nodiscard]] bool has_input() const noexcept { return SSL_has_pending(ssl_.get()) == 1; }
    [[nodiscard]] bool established() const noexcept { return established_; }
    [[nodiscard]] bool is_server() const noexcept { return server_; }

    // Facts; good when established. The texts live as long as the session, or for ever.
    [[nodiscard]] std::string_view version() const noexcept;      // "TLSv1.3"
    [[nodiscard]] std::string_view cipher() const noexcept;       // IANA name
    [[nodiscard]] std::string_view alpn() const noexcept;         // "h2"; empty: none agreed
    [[nodiscard]] std::string_view server_name() const noexcept;  // as the client sent it; or empty
    [[nodiscard]] bool resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }
    // The peer's verified certificate, or null. After a refusal because of a certificate: that one.
    // The first call reads the certificate (some 20 us), the others only look.
    [[nodiscard]] const CertificateFacts* peer() const noexcept;
    // As PEM, with the chain the peer sent (not known of a resumed session: the leaf alone); empty
    // without. Allocates.
    [[nodiscard]] std::string peer_pem() const;
    [[nodiscard]] std::string peer_chain_pem() const;
    // What a name check of ours would compare: SAN URIs of the certificate we presented.
    [[nodiscard]] std::string local_uri() const;

    // After `error`: why.
    [[nodiscard]] Refusal refusal() const noexcept { return refusal_; }
    // The same for people: "certificate_expired: CN=a,O=b (certificate has expired)". Printable.
    [[nodiscard]] std::string_view failure() const noexcept {
        return failure_ == nullptr ? std::string_view{} : *failure_;
    }

private:
    friend struct SessionBio;
    Session(SSL_CTX* context, Transport& transport);
    TlsResult fail(int ssl_error) noexcept;
    TlsResult fail_with(Refusal refusal, std::string detail) noexcept;
    [[nodiscard]] Refusal classify(unsigned long error, int ssl_error) const noexcept;
    void finish_handshake() noexcept;
    // Hands what was gathered in this call to the transport; false: some of it has to wait.
    bool send_gathered() noexcept;
    bool send_output() noexcept;
    void keep_output(const char* bytes, std::size_t size);
    int receive(char* buffer, int size) noexcept;
    int gather(const char* bytes, int size) noexcept;

    // What the transport has not taken yet.
    struct Output {
        std::string bytes;
        std::size_t begin = 0;
    };

    PeerNotes notes_;  // before ssl_, which refers to it
    SslPtr ssl_;
    Transport* transport_;
    std::shared_ptr<const void> context_;
    std::unique_ptr<Output> output_;  // never without bytes
    std::unique_ptr<std::string> failure_;
    mutable std::unique_ptr<CertificateFacts> peer_;  // once somebody has asked
    char first_bytes_[12];                            // of the peer, to tell what it speaks
    uint8_t first_count_ = 0;
    bool server_ = false;
    bool established_ = false;
    bool more_to_write_ = false;  // another record follows in this call
    bool ended_ = false;          // the transport's end was seen
    bool broken_ = false;
    bool shut_down_ = false;
    Refusal refusal_ = Refusal::none;
};

}  // namespace glassgate::io::tls
