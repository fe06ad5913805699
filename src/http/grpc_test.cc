#include "http/grpc.h"

#include <gtest/gtest.h>

#include <set>

#include "http/h1_samples.h"

namespace glassgate::http::grpc {
namespace {

TEST(Grpc, IsKnownByItsContentType) {
    for (const char* yes :
         {"application/grpc", "application/grpc+proto", "application/grpc+json",
          "application/grpc;charset=utf-8", "Application/gRPC", "application/grpc ;x"})
        EXPECT_TRUE(is_grpc(yes)) << yes;
    for (const char* no :
         {"", "application/grp", "application/grpc-web", "application/grpc-web+proto",
          "application/grpcx", "text/plain", "application/json"})
        EXPECT_FALSE(is_grpc(no)) << no;
}

TEST(Grpc, Statuses) {
    EXPECT_EQ(read_status("0"), Status::ok);
    EXPECT_EQ(read_status("16"), Status::unauthenticated);
    EXPECT_EQ(read_status("17"), Status::unknown);
    EXPECT_EQ(read_status("4294967296"), Status::unknown);
    for (const char* none : {"", "-1", "x", "0x1", "1 ", "99999999999999999999999"})
        EXPECT_EQ(read_status(none), std::nullopt) << none;
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < kStatusCount; ++i)
        EXPECT_TRUE(names.insert(to_text(static_cast<Status>(i))).second);
    EXPECT_EQ(to_text(Status::deadline_exceeded), "DEADLINE_EXCEEDED");
    EXPECT_EQ(to_text(static_cast<Status>(99)), "UNKNOWN");
}

std::string decoded(std::string_view text) {
    std::string out;
    append_decoded_message(out, text);
    return out;
}
std::string encoded(std::string_view text) {
    std::string out;
    append_encoded_message(out, text);
    return out;
}

TEST(Grpc, MessagesArePercentEncoded) {
    EXPECT_EQ(decoded("not%20found: %E2%82%AC %41"), "not found: \xe2\x82\xac A");
    EXPECT_EQ(decoded("100%"), "100%");
    EXPECT_EQ(decoded("%4"), "%4");
    EXPECT_EQ(decoded("%zz%2"), "%zz%2");
    EXPECT_EQ(encoded("a b~\x7f\n%\xe2\x82\xac"), "a b~%7F%0A%25%E2%82%AC");
    std::string all;
    for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
    EXPECT_EQ(decoded(encoded(all)), all);
    for (const char c : encoded(all)) EXPECT_TRUE(c >= 0x20 && c <= 0x7e);
}

TEST(Grpc, OutcomesFromTrailersAndHeads) {
    const Outcome failed =
        outcome_of_trailers("x: y\r\ngrpc-status: 5\r\ngrpc-message: no%20such\r\n");
    EXPECT_EQ(failed.status, Status::not_found);
    EXPECT_EQ(failed.message, "no%20such");
    EXPECT_EQ(outcome_of_trailers("Grpc-Status:0\r\n").status, Status::ok);
    EXPECT_EQ(outcome_of_trailers("").status, std::nullopt);
    EXPECT_EQ(outcome_of_trailers("grpc-status").status, std::nullopt);
    const ResponseOutcome head = parse_response(
        "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 14\r\n\r\n");
    EXPECT_EQ(outcome_of_head(head.head).status, Status::unavailable);
    const ResponseOutcome without = parse_response("HTTP/1.1 200 OK\r\n\r\n");
    EXPECT_EQ(outcome_of_head(without.head).status, std::nullopt);
}

TEST(Grpc, HttpStatusesMeanStatuses) {
    const std::pair<uint16_t, Status> cases[] = {{400, Status::internal},
                                                 {401, Status::unauthenticated},
                                                 {403, Status::permission_denied},
                                                 {404, Status::unimplemented},
                                                 {429, Status::unavailable},
                                                 {502, Status::unavailable},
                                                 {503, Status::unavailable},
                                                 {504, Status::unavailable},
                                                 {500, Status::unknown},
                                                 {200, Status::unknown},
                                                 {418, Status::unknown}};
    for (const auto& [http, status] : cases) EXPECT_EQ(status_of_http(http), status) << http;
}

TEST(Grpc, Timeouts) {
    EXPECT_EQ(read_timeout_ns("1n"), 1u);
    EXPECT_EQ(read_timeout_ns("20u"), 20'000u);
    EXPECT_EQ(read_timeout_ns("100m"), 100'000'000u);
    EXPECT_EQ(read_timeout_ns("5S"), 5'000'000'000u);
    EXPECT_EQ(read_timeout_ns("2M"), 120'000'000'000u);
    EXPECT_EQ(read_timeout_ns("1H"), 3'600'000'000'000u);
    EXPECT_EQ(read_timeout_ns("0m"), 0u);
    EXPECT_EQ(read_timeout_ns("99999999H"), UINT64_MAX);
    for (const char* bad : {"", "m", "5", "5s", "123456789m", "-5m", "5.5S", "5 S", " 5S", "5Sx"})
        EXPECT_EQ(read_timeout_ns(bad), std::nullopt) << bad;
    const auto text = [](uint64_t ns) {
        std::string out;
        append_timeout(out, ns);
        return out;
    };
    EXPECT_EQ(text(0), "0n");
    EXPECT_EQ(text(99'999'999), "99999999n");
    EXPECT_EQ(text(100'000'000), "100000u");
    EXPECT_EQ(text(100'000'001), "100001u");
    EXPECT_EQ(text(UINT64_MAX), "5124096H");
    for (uint64_t ns = 1; ns < UINT64_MAX / 8; ns = ns * 7 + 3) {
        const auto back = read_timeout_ns(text(ns));
        ASSERT_TRUE(back);
        EXPECT_GE(*back, ns);  // a deadline is never shortened
        EXPECT_LE(text(ns).size(), 9u);
    }
}

TEST(Grpc, RefusalsAreHeadsThatAreTrailers) {
    h2::FieldList out;
    write_refusal(out, Status::resource_exhausted, "slow down: 100%");
    EXPECT_EQ(out.find(":status"), "200");
    EXPECT_EQ(out.find("content-type"), "application/grpc");
    EXPECT_EQ(out.find("grpc-status"), "8");
    EXPECT_EQ(out.find("grpc-message"), "slow down: 100%25");
    write_refusal(out, Status::internal, "");
    EXPECT_EQ(out.find("grpc-message").data(), nullptr);
}

TEST(Grpc, HealthChecks) {
    std::string request;
    append_health_request(request, "");
    EXPECT_EQ(request, std::string("\0\0\0\0\0", 5));
    request.clear();
    append_health_request(request, "shop.Cart");
    EXPECT_EQ(request, std::string("\0\0\0\0\x0b\x0a\x09shop.Cart", 16));
    const auto health = [](std::string_view message, char compressed = 0) {
        std::string body(1, compressed);
        body += std::string("\0\0\0", 3);
        body.push_back(static_cast<char>(message.size()));
        return read_health_response(body.append(message));
    };
    EXPECT_EQ(health("\x08\x01"), Health::serving);
    EXPECT_EQ(health("\x08\x02"), Health::not_serving);
    EXPECT_EQ(health("\x08\x03"), Health::service_unknown);
    EXPECT_EQ(health(""), Health::unknown);
    EXPECT_EQ(health("\x08\x09"), Health::unknown);
    EXPECT_EQ(health("\x12\x03"
                     "abc\x08\x01\x1d\x01\x02\x03\x04"),
              Health::serving);  // with fields of a later version
    EXPECT_EQ(health("\x08\x01", 1), std::nullopt);
    EXPECT_EQ(health("\x08"), std::nullopt);
    EXPECT_EQ(health("\x12\x7f"), std::nullopt);
    EXPECT_EQ(health(std::string_view("\x00\x01", 2)), std::nullopt);
    EXPECT_EQ(read_health_response(""), std::nullopt);
    EXPECT_EQ(read_health_response(std::string("\0\0\0\0\x09\x08\x01", 7)), std::nullopt);
    EXPECT_EQ(read_health_response(std::string("\0\0\0\0\x02\x08\x01x", 8)), std::nullopt);
}

}  // namespace
}  // namespace glassgate::http::grpc
