// A TLS server fed with any bytes, in two pieces: it never crashes, never takes them for a session,
// says why it refused, and answers with no more than what a handshake may take.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "io/tls/test_pair.h"

namespace {

using namespace glassgate::io::tls;

void expect(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "violated: %s\n", what);
    std::abort();
}

struct Bytes final : Transport {
    std::ptrdiff_t receive(char* buffer, std::size_t size) noexcept override {
        if (input.empty()) return ended ? 0 : kBlocked;
        const std::size_t n = std::min(size, input.size());
        std::memcpy(buffer, input.data(), n);
        input.remove_prefix(n);
        return static_cast<std::ptrdiff_t>(n);
    }
    std::ptrdiff_t send(const char*, std::size_t size) noexcept override {
        sent += size;
        return static_cast<std::ptrdiff_t>(size);
    }
    std::string_view input;
    bool ended = false;
    std::size_t sent = 0;
};

std::shared_ptr<const ServerContext> make_context() {
    const TestAuthority authority;
    ServerSettings settings = authority.server_settings();
    settings.ticket_keys = TicketKeys::make();
    settings.client_certificates = ClientCertificates::optional;
    settings.client_trust.authorities.push_back({{}, authority.root.pem()});
    return server_context(settings);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    static const auto context = make_context();
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    Bytes transport;
    const auto session = Session::accept(context, transport);
    transport.input = bytes.substr(0, size / 2);
    TlsResult r = session->handshake();
    transport.input = {transport.input.data() == nullptr ? bytes.data() : bytes.data() + size / 2,
                       size - size / 2};
    if (r.state == TlsState::want_read) r = session->handshake();
    transport.ended = true;
    if (r.state == TlsState::want_read) r = session->handshake();
    expect(r.state == TlsState::error && !session->established(), "nobody shook hands");
    expect(session->refusal() != Refusal::none, "it says why");
    expect(session->failure().starts_with(to_text(session->refusal())), "in words, too");
    expect(transport.sent < 64 * 1024, "a bounded answer");
    char buffer[16];
    expect(session->read(buffer, sizeof buffer).state == TlsState::error, "it stays refused");
    return 0;
}
