#include <gtest/gtest.h>

#include "base/ids.h"
#include "http/h1.h"
#include "http/h1_samples.h"

namespace glassgate::http {
namespace {

struct Decoded {
    ParseState state = ParseState::incomplete;
    ParseError error = ParseError::none;
    std::string data, trailers;
    std::size_t consumed = 0;
    bool operator==(const Decoded&) const = default;
};

template <typename Cut>
Decoded decode(std::string_view bytes, Cut&& next_cut) {
    ChunkedDecoder decoder;
    Decoded out;
    while (out.consumed < bytes.size() && out.state == ParseState::incomplete) {
        const std::string piece(bytes.substr(out.consumed, next_cut()));
        std::size_t used = 0;
        while (used < piece.size() && out.state == ParseState::incomplete) {
            const auto step = decoder.decode(std::string_view(piece).substr(used));
            EXPECT_GT(step.consumed, 0u) << "always goes on";
            out.data += step.data;
            used += step.consumed;
            out.state = step.state;
            out.error = step.error;
        }
        out.consumed += used;
    }
    out.trailers = decoder.trailers();
    return out;
}
Decoded decode(std::string_view bytes) {
    return decode(bytes, [&] { return bytes.size(); });
}

TEST(Chunked, RefusesEverySampleForItsReason) {
    for (const BadSample& sample : bad_chunks()) {
        const Decoded out = decode(sample.bytes);
        EXPECT_EQ(out.state, ParseState::failed) << printable(sample.bytes);
        EXPECT_EQ(to_text(out.error), to_text(sample.error)) << printable(sample.bytes);
    }
}

TEST(Chunked, DecodesData) {
    Decoded out = decode("4\r\nabcd\r\n00A;x=\"y;\\\"\"\r\n0123456789\r\n0\r\n\r\nnext");
    EXPECT_EQ(out.state, ParseState::complete);
    EXPECT_EQ(out.data, "abcd0123456789");
    EXPECT_EQ(out.consumed, 40u) << "not the next message";
    EXPECT_EQ(decode("1\r\n\r\r\n0\r\n\r\n").data, "\r");
    EXPECT_EQ(decode("ABCDEF\r\n").state, ParseState::incomplete);
    EXPECT_EQ(decode("fffffffffffffff\r\nx").data, "x") << "sizes below 2^60 are sizes";
}

TEST(Chunked, EverySampleIsGood) {
    for (const std::string& sample : good_chunks())
        EXPECT_EQ(decode(sample).state, ParseState::complete) << printable(sample);
}

TEST(Chunked, AnySplitSaysTheSame) {
    std::vector<std::string> samples(good_chunks().begin(), good_chunks().end());
    for (const BadSample& sample : bad_chunks()) samples.push_back(sample.bytes);
    Random random(3);
    for (const std::string& sample : samples) {
        const Decoded whole = decode(sample);
        EXPECT_EQ(decode(sample, [] { return 1; }), whole) << printable(sample);
        for (int i = 0; i < 20; ++i)
            EXPECT_EQ(decode(sample, [&] { return 1 + random.below(9); }), whole)
                << printable(sample);
        for (std::size_t cut = 1; cut < std::min<std::size_t>(sample.size(), 100); ++cut) {
            bool first = true;
            EXPECT_EQ(
                decode(sample, [&] { return std::exchange(first, false) ? cut : sample.size(); }),
                whole);
        }
    }
}

TEST(Chunked, TrailersAreKeptOrDropped) {
    EXPECT_EQ(decode("0\r\nT: 1\r\nu:\r\nV:  x y \r\nT: 2\r\n\r\n").trailers,
              "T: 1\r\nu:\r\nV:  x y \r\nT: 2\r\n");
    for (const char* name : {"Content-Length",
                             "transfer-encoding",
                             "HOST",
                             "Connection",
                             "Keep-Alive",
                             "TE",
                             "Trailer",
                             "Upgrade",
                             "Expect",
                             "Authorization",
                             "Proxy-Authorization",
                             "WWW-Authenticate",
                             "Set-Cookie",
                             "Cookie",
                             "Cache-Control",
                             "Range",
                             "If-Match",
                             "If-None-Match",
                             "Max-Forwards",
                             "Pragma",
                             "Age",
                             "Date",
                             "Expires",
                             "Location",
                             "Retry-After",
                             "Vary",
                             "Content-Type",
                             "Content-Encoding",
                             "Content-Range",
                             "Via",
                             "X-Forwarded-For",
                             "X-Forwarded-Anything",
                             "Forwarded",
                             "X-Real-IP",
                             "X-Request-Id",
                             "traceparent",
                             "tracestate",
                             "b3",
                             "X-B3-TraceId",
                             "client_id",
                             "client_secret"})
        EXPECT_EQ(decode("0\r\nA: 1\r\n" + std::string(name) + ": v\r\nB: 2\r\n\r\n").trailers,
                  "A: 1\r\nB: 2\r\n")
            << name;
    EXPECT_EQ(decode("0\r\nGrpc-Status: 0\r\nContent-MD5: x\r\n\r\n").trailers,
              "Grpc-Status: 0\r\nContent-MD5: x\r\n");
}

TEST(Chunked, LimitsAreExact) {
    const auto line = [](std::size_t n) {
        return "4;a=\"" + std::string(n - 6, 'b') + "\"\r\nabcd\r\n0\r\n\r\n";
    };
    EXPECT_EQ(decode(line(ChunkedDecoder::kMaxLineBytes)).state, ParseState::complete);
    EXPECT_EQ(decode(line(ChunkedDecoder::kMaxLineBytes + 1)).error,
              ParseError::bad_chunk_extension);
    const auto trailers = [](std::size_t n) {
        return "0\r\nT: " + std::string(n - 7, 'a') + "\r\n\r\n";
    };
    EXPECT_EQ(decode(trailers(ChunkedDecoder::kMaxTrailerBytes)).state, ParseState::complete);
    EXPECT_EQ(decode(trailers(ChunkedDecoder::kMaxTrailerBytes + 1)).error,
              ParseError::trailer_too_large);
    EXPECT_EQ(decode("000000000000001\r\na\r\n0\r\n\r\n").state, ParseState::complete);
    EXPECT_EQ(decode("0000000000000001\r\na\r\n0\r\n\r\n").error, ParseError::chunk_size_overflow);
}

TEST(Chunked, ResetBeginsAnew) {
    ChunkedDecoder decoder;
    EXPECT_EQ(decoder.decode("0\r\nT: 1\r\n\r\n").state, ParseState::complete);
    EXPECT_EQ(decoder.decode("more").consumed, 0u);
    EXPECT_EQ(decoder.decode("more").state, ParseState::complete);
    decoder.reset();
    EXPECT_EQ(decoder.trailers(), "");
    EXPECT_EQ(decoder.decode("0\r\nhalf").state, ParseState::incomplete);
    decoder.reset();
    EXPECT_EQ(decoder.decode("1\r\n").state, ParseState::incomplete);
    EXPECT_EQ(decoder.decode("a").data, "a");
}

TEST(Chunked, WritesSizes) {
    char text[20];
    EXPECT_EQ(std::string_view(text, write_chunk_size(text, 0x1a2b)), "1a2b\r\n");
    EXPECT_EQ(std::string_view(text, write_chunk_size(text, 0)), "0\r\n");
    EXPECT_EQ(std::string_view(text, write_chunk_size(text, UINT64_MAX)), "ffffffffffffffff\r\n");
}

}  // namespace
}  // namespace glassgate::http
