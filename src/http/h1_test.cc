#include "http/h1.h"

#include <gtest/gtest.h>

namespace glassgate::http {
namespace {

ParseError request_error(std::string_view bytes) {
    RequestHead head;
    std::size_t resume = 0;
    return parse_request_head(bytes, {}, resume, head).error;
}

TEST(H1Request, ReadsAnOrdinaryHead) {
    RequestHead head;
    std::size_t resume = 0;
    const std::string_view bytes = "GET /a/b?x=1 HTTP/1.1\r\nHost: shop:8080\r\nConnection: close\r\n\r\nnext";
    const ParseResult r = parse_request_head(bytes, {}, resume, head);
    ASSERT_EQ(r.state, ParseState::complete);
    EXPECT_EQ(bytes.substr(r.consumed), "next");
    EXPECT_EQ(head.path, "/a/b");
    EXPECT_EQ(head.query, "x=1");
    EXPECT_EQ(head.authority, "shop:8080");
    EXPECT_FALSE(head.keep_alive);
}

TEST(H1Request, RefusesWhatSmugglersTry) {
    const auto with = [](std::string fields) {
        return request_error("POST / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n");
    };
    EXPECT_EQ(with("Content-Length: 1\r\nContent-Length: 2\r\n"), ParseError::conflicting_content_length);
    EXPECT_EQ(with("Content-Length: 1\r\nContent-Length: 1\r\n"), ParseError::repeated_content_length);
    EXPECT_EQ(with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
              ParseError::content_length_with_transfer_encoding);
    EXPECT_EQ(with("Content-Length: +1\r\n"), ParseError::bad_content_length);
    EXPECT_EQ(with("Transfer-Encoding: xchunked\r\n"), ParseError::bad_transfer_encoding);
    EXPECT_EQ(with("A: 1\r\n folded\r\n"), ParseError::obs_fold);
    EXPECT_EQ(with("A : 1\r\n"), ParseError::space_before_colon);
    EXPECT_EQ(with("A: 1\nB: 2\r\n"), ParseError::bare_lf);
    EXPECT_EQ(with(std::string("A: \0\r\n", 6)), ParseError::nul_byte);
    EXPECT_EQ(request_error("GET / HTTP/1.1\r\n\r\n"), ParseError::missing_host);
    EXPECT_EQ(request_error("PRI * HTTP/2.0\r\n\r\n"), ParseError::unsupported_version);
}

TEST(Chunked, SplitsAnywhereAndRefusesBadSizes) {
    const std::string_view body = "4;a=b\r\nabcd\r\n0\r\nT: 1\r\n\r\n";
    ChunkedDecoder decoder;
    std::string data;
    ChunkedDecoder::Step step;
    for (const char& c : body) {
        step = decoder.decode({&c, 1});
        data += step.data;
    }
    EXPECT_EQ(step.state, ParseState::complete);
    EXPECT_EQ(data, "abcd");
    EXPECT_EQ(decoder.trailers(), "T: 1\r\n");
    for (const std::string_view bad : {"-1\r\n", "0x4\r\n", " 4\r\n", "\r\n", "4\n"})
        EXPECT_EQ(ChunkedDecoder().decode(bad).state, ParseState::failed) << bad;
}

}  // namespace
}  // namespace glassgate::http
