// gRPC's small grammars: timeouts, statuses, messages, trailers, health answers.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/grpc.h"
#include "http/websocket.h"

namespace {
void expect(bool good) {
    if (!good) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    using namespace glassgate::http;
    const std::string text(reinterpret_cast<const char*>(data), size);
    if (const auto ns = grpc::read_timeout_ns(text)) {
        std::string written;
        grpc::append_timeout(written, *ns);
        const auto again = grpc::read_timeout_ns(written);
        expect(again.has_value() && *again >= *ns);
    }
    (void)grpc::read_status(text);
    (void)grpc::is_grpc(text);
    (void)is_event_stream(text);
    std::string encoded, decoded;
    grpc::append_encoded_message(encoded, text);
    for (const char c : encoded) expect(c >= 0x20 && c <= 0x7e);
    grpc::append_decoded_message(decoded, encoded);
    expect(decoded == text);
    decoded.clear();
    grpc::append_decoded_message(decoded, text);
    expect(decoded.size() <= text.size());
    const grpc::Outcome outcome = grpc::outcome_of_trailers(text);
    expect(outcome.message.size() <= text.size());
    (void)grpc::read_health_response(text);
    return 0;
}
