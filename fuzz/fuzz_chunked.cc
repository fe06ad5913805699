// A chunked body: fed whole, byte by byte and in pieces that the input itself chooses, it decodes
// to the same data, trailers and verdict; what was decoded and encoded again decodes to the same.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/h1.h"

namespace {

using namespace glassgate::http;

void expect(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "violated: %s\n", what);
    std::abort();
}

struct Decoded {
    ParseState state = ParseState::incomplete;
    ParseError error = ParseError::none;
    std::string data, trailers;
    std::size_t consumed = 0;
    bool operator==(const Decoded&) const = default;
};

template <typename Cut>
Decoded decode(std::string_view bytes, Cut&& cut) {
    ChunkedDecoder decoder;
    Decoded out;
    while (out.consumed < bytes.size() && out.state == ParseState::incomplete) {
        std::string_view piece = bytes.substr(out.consumed, cut(out.consumed));
        while (!piece.empty() && out.state == ParseState::incomplete) {
            const auto step = decoder.decode(piece);
            expect(step.consumed > 0 && step.consumed <= piece.size(), "goes on, inside the piece");
            expect(step.data.empty() ||
                       (step.data.data() >= piece.data() &&
                        step.data.data() + step.data.size() <= piece.data() + step.consumed),
                   "data lies in what was consumed");
            out.data += step.data;
            out.consumed += step.consumed;
            piece.remove_prefix(step.consumed);
            out.state = step.state;
            out.error = step.error;
        }
    }
    out.trailers = decoder.trailers();
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const Decoded whole = decode(bytes, [&](std::size_t) { return size; });
    expect(decode(bytes, [](std::size_t) { return 1; }) == whole, "byte by byte is the same");
    expect(decode(bytes, [&](std::size_t at) { return data[at] % 7 + 1; }) == whole,
           "any split is the same");
    if (whole.state != ParseState::complete) return 0;
    std::string again;
    char line[24];
    if (!whole.data.empty()) {
        again.append(line, write_chunk_size(line, whole.data.size()))
            .append(whole.data)
            .append("\r\n");
    }
    again.append("0\r\n").append(whole.trailers).append("\r\n");
    const Decoded second = decode(again, [&](std::size_t) { return again.size(); });
    expect(second.state == ParseState::complete && second.consumed == again.size(),
           "encoded again it is whole");
    expect(second.data == whole.data && second.trailers == whole.trailers,
           "encoded again it says the same");
    return 0;
}
