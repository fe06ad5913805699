#include "io/tls/session_bio.h"

#include <memory>

#include "base/check.h"
#include "io/tls/session.h"

namespace glassgate::io::tls {

struct SessionBio {
    static Session& session(BIO* bio) noexcept {
        return *static_cast<PeerNotes*>(BIO_get_data(bio))->session;
    }
    static int read(BIO* bio, char* buffer, int size) noexcept {
        BIO_clear_retry_flags(bio);
        const int n = session(bio).receive(buffer, size);
        if (n < 0 && !session(bio).broken_) BIO_set_retry_read(bio);
        return n;
    }
    static int write(BIO* bio, const char* bytes, int size) noexcept {
        BIO_clear_retry_flags(bio);
        const int n = session(bio).gather(bytes, size);
        if (n < 0 && !session(bio).broken_) BIO_set_retry_write(bio);
        return n;
    }
    static long control(BIO* bio, int command, long, void*) noexcept {
        if (command == BIO_CTRL_EOF) return session(bio).ended_ ? 1 : 0;
        return command == BIO_CTRL_FLUSH ? 1 : 0;
    }
    static int type() noexcept {
        static const int type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK;
        return type;
    }
    static const BIO_METHOD* method() noexcept {
        static const BIO_METHOD* const method = [] {
            BIO_METHOD* const made = BIO_meth_new(type(), "glassgate session");
            GW_CHECK(made != nullptr);
            BIO_meth_set_read(made, &read);
            BIO_meth_set_write(made, &write);
            BIO_meth_set_ctrl(made, &control);
            return made;
        }();
        return method;
    }
};

SessionScratch& SessionScratch::of_thread() {
    thread_local const std::unique_ptr<SessionScratch> scratch(new SessionScratch);
    return *scratch;
}

BIO* new_session_bio(PeerNotes& notes) noexcept {
    BIO* const bio = BIO_new(SessionBio::method());
    GW_CHECK(bio != nullptr);
    BIO_set_data(bio, &notes);
    BIO_set_init(bio, 1);
    return bio;
}

PeerNotes* PeerNotes::of(const SSL* ssl) noexcept {
    BIO* const bio = SSL_get_rbio(ssl);
    if (bio == nullptr || BIO_method_type(bio) != SessionBio::type()) return nullptr;
    return static_cast<PeerNotes*>(BIO_get_data(bio));
}

}  // namespace glassgate::io::tls
