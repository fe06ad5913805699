#include "telemetry/project/span.h"

#include <gtest/gtest.h>

#include "telemetry/project/span_decode_test.h"
#include "telemetry/project/span_example_test.h"
#include "telemetry/project/span_writer.h"

namespace glassgate::telemetry {
namespace {

using model::Ending;
using testing::ExampleExchange;

void redact_nothing(std::string_view text, std::string& out) { out += text; }
void redact_values(std::string_view text, std::string& out) {
    out += text.substr(0, text.find('='));
    out += "=REDACTED";
}
constexpr SpanOptions kOptions{true, 500 * 1'000'000u, redact_nothing, redact_values};

std::string spans_of(const model::Exchange& x, const SpanOptions& options = kOptions) {
    std::string out;
    EXPECT_EQ(SpanProjector(options).project(x, out), Projected::queued);
    return testing::decode_unit(out);
}
bool has(const std::string& spans, std::string_view line) {
    return spans.find("  " + std::string(line) + "\n") != std::string::npos;
}

TEST(Span, UpstreamTimeoutAfterARetry) {
    const ExampleExchange example;
    EXPECT_EQ(spans_of(example.x), R"(span
  trace_id a0a1a2a3a4a5a6a7a8a9aaabacadaeaf
  span_id 0102030405060708
  trace_state vendor=1
  parent 0909090909090909
  flags 769
  name GET /api/products/:id
  kind 2
  start 1795770863000000000
  end 1795770863008100000
  http.request.method="GET"
  url.path="/api/products/42"
  url.query="token=REDACTED"
  url.scheme="http"
  http.route="/api/products/:id"
  http.response.status_code=504
  http.response.body.size=93
  user_agent.original="mobile-app/3.2"
  server.address="shop.example"
  server.port=8080
  client.address="192.0.2.7"
  network.peer.address="192.0.2.7"
  network.peer.port=52114
  network.protocol.version="1.1"
  flex.ending="upstream_timeout"
  flex.origin="upstream"
  flex.sampling="head"
  flex.route.id="product-catalog"
  flex.api.name="shop"
  flex.client.id="mob-4f7a"
  request.id="a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
  flex.upstream.attempts=2
  error.type="upstream_timeout"
  status 2 no response head within 5000 ms
  event 1795770863000050000 flex.request.head_received
  event 1795770863000052000 flex.policy policy="client-id" verdict="pass" reason="pass" ms=0.002000
  event 1795770863000052000 flex.policy policy="rate-limit" verdict="pass" reason="pass"
  event 1795770863002000000 flex.request.sent
  event 1795770863008000000 flex.response.head
span
  trace_id a0a1a2a3a4a5a6a7a8a9aaabacadaeaf
  span_id 1102030405060708
  trace_state vendor=1
  parent 0102030405060708
  flags 257
  name GET
  kind 3
  start 1795770863000200000
  end 1795770863001100000
  http.request.method="GET"
  flex.upstream.name="product-service"
  server.address="product-service"
  server.port=3000
  network.peer.address="10.0.0.7"
  network.peer.port=3000
  http.response.status_code=503
  flex.attempt.result="response"
  flex.connection.reused=true
  error.type="503"
  status 2
  event 1795770863001000000 flex.response.head
span
  trace_id a0a1a2a3a4a5a6a7a8a9aaabacadaeaf
  span_id 2202030405060708
  trace_state vendor=1
  parent 0102030405060708
  flags 257
  name GET
  kind 3
  start 1795770863001200000
  end 1795770863007900000
  http.request.method="GET"
  flex.upstream.name="product-service"
  server.address="spare.local"
  server.port=3001
  network.peer.address="2001:db8::8"
  network.peer.port=3001
  http.request.resend_count=1
  flex.attempt.result="timeout"
  flex.connection.reused=false
  error.type="timeout"
  status 2
  event 1795770863001500000 flex.connected
)");
}

TEST(Span, ARefusalOfAnUnknownMethodWithoutARoute) {
    ExampleExchange example;
    model::Exchange& x = example.x;
    x.parent_span_id = {};
    x.trace_state = {};
    x.sampled = false;
    x.method = Method::other;
    x.method_text = example.keep("BREW");
    x.route = model::kNone;
    x.host = example.keep("[::1]");
    x.ending = Ending::no_route;
    x.origin = model::Origin::client;
    x.status = 404;
    x.attempt_count = 0;
    x.attempts.clear();
    x.policies.clear();
    x.closed_ns = x.opened_ns + 600'000'000;
    x.request_id_is_trace_id = false;
    x.request_id = example.keep("req-9f2b");
    x.remote_port = 0;
    const std::string spans = spans_of(x);
    EXPECT_TRUE(has(spans, "name HTTP"));
    EXPECT_TRUE(has(spans, "flags 256"));
    EXPECT_TRUE(has(spans, "http.request.method=\"_OTHER\""));
    EXPECT_TRUE(has(spans, "http.request.method_original=\"BREW\""));
    EXPECT_TRUE(has(spans, "server.address=\"::1\""));
    EXPECT_TRUE(has(spans, "request.id=\"req-9f2b\""));
    EXPECT_TRUE(has(spans, "flex.sampling=\"slow\""));
    for (const char* absent : {"status 2", "error.type", "parent", "trace_state", "http.route",
                               "network.peer", "server.port", "flex.route.id"})
        EXPECT_EQ(spans.find(absent), std::string::npos) << absent;
}

TEST(Span, ServerStatusIsAnErrorOnlyForFailures) {
    ExampleExchange example;
    model::Exchange& x = example.x;
    x.attempts.clear();
    struct Case {
        Ending ending;
        uint16_t status;
        const char* error_type;  // null: no error
    };
    for (const Case c :
         {Case{Ending::completed, 200, nullptr}, Case{Ending::completed, 404, nullptr},
          Case{Ending::completed, 500, "500"}, Case{Ending::rate_limited, 429, nullptr},
          Case{Ending::client_abort, 499, nullptr}, Case{Ending::circuit_open, 503, "circuit_open"},
          Case{Ending::upstream_body_reset, 200, "upstream_body_reset"}}) {
        x.ending = c.ending;
        x.status = c.status;
        const std::string spans = spans_of(x);
        EXPECT_EQ(spans.find("  status 2") != std::string::npos, c.error_type != nullptr)
            << c.status;
        if (c.error_type != nullptr) {
            EXPECT_TRUE(has(spans, std::string("error.type=\"") + c.error_type + "\"")) << spans;
        }
    }
    // Explained by its number (semantic conventions): no description.
    x.ending = Ending::completed;
    x.status = 500;
    EXPECT_TRUE(has(spans_of(x), "status 2"));
}

struct GrpcExample : ExampleExchange {
    GrpcExample() {
        x.protocol = model::Protocol::http2;
        x.method = Method::post;
        x.path = keep("/shop.v1.Catalog/Find");
        x.query = {};
        x.ending = Ending::completed;
        x.status = 200;
        x.grpc = true;
        x.grpc_status = 14;
        model::Attempt& last = x.attempts.back();
        last.result = model::AttemptResult::response;
        last.status = 200;
    }
    // Spans of the exchange and of its attempts.
    [[nodiscard]] std::vector<std::string> spans(const SpanOptions& options = kOptions) const {
        std::vector<std::string> all;
        std::string rest = spans_of(x, options);
        while (!rest.empty()) {
            const std::size_t next = rest.find("\nspan\n");
            all.push_back(rest.substr(0, next == std::string::npos ? next : next + 1));
            rest.erase(0, all.back().size());
        }
        return all;
    }
};

TEST(Span, AGrpcCallThatFailedInsideA200) {
    const GrpcExample example;
    const std::vector<std::string> spans = example.spans();
    ASSERT_EQ(spans.size(), 3u);
    for (const std::string& span : spans) {
        EXPECT_TRUE(has(span, "rpc.system=\"grpc\"")) << span;
        EXPECT_TRUE(has(span, "rpc.service=\"shop.v1.Catalog\"")) << span;
        EXPECT_TRUE(has(span, "rpc.method=\"Find\"")) << span;
    }
    EXPECT_TRUE(has(spans[0], "network.protocol.version=\"2\""));
    EXPECT_TRUE(has(spans[0], "http.response.status_code=200"));
    for (const std::size_t ended : {0u, 2u}) {
        EXPECT_TRUE(has(spans[ended], "rpc.grpc.status_code=14")) << spans[ended];
        EXPECT_TRUE(has(spans[ended], "error.type=\"UNAVAILABLE\"")) << spans[ended];
        EXPECT_TRUE(has(spans[ended], "status 2")) << spans[ended];
    }
    // What the first attempt's status was nobody kept.
    EXPECT_EQ(spans[1].find("rpc.grpc.status_code"), std::string::npos);
    EXPECT_TRUE(has(spans[1], "error.type=\"503\""));
}

// grpc.md: of a server span only what is the server's fault is an error, of a client span all.
TEST(Span, WhichGrpcStatusIsAnError) {
    GrpcExample example;
    for (int8_t status = 0; status <= 16; ++status) {
        example.x.grpc_status = status;
        const std::vector<std::string> spans = example.spans();
        EXPECT_EQ(has(spans[0], "status 2"), model::is_grpc_error(status)) << int{status};
        EXPECT_EQ(has(spans[2], "status 2"), status != 0) << int{status};
    }
    example.x.grpc_status = -1;
    EXPECT_EQ(example.spans()[0].find("rpc.grpc.status_code"), std::string::npos);
    EXPECT_FALSE(has(example.spans()[2], "status 2"));
    // The gateway's own word: no attempt brought it.
    example.x.ending = Ending::upstream_timeout;
    example.x.grpc_status = 4;
    example.x.attempts.back().result = model::AttemptResult::timeout;
    EXPECT_TRUE(has(example.spans()[0], "error.type=\"upstream_timeout\""));
    EXPECT_TRUE(has(example.spans()[0], "rpc.grpc.status_code=4"));
    EXPECT_TRUE(has(example.spans()[2], "error.type=\"timeout\""));
    EXPECT_EQ(example.spans()[2].find("rpc.grpc.status_code"), std::string::npos);
}

TEST(Span, AGrpcFailureIsKeptAsAnError) {
    GrpcExample example;
    example.x.sampled = false;
    EXPECT_EQ(sampling_reason(example.x, kOptions), "error");
    example.x.grpc_status = 0;
    EXPECT_EQ(sampling_reason(example.x, kOptions), "");
}

TEST(Span, ServiceAndMethodAreThoseOfAPathThatHasThem) {
    GrpcExample example;
    for (const char* path : {"/", "//", "/a", "/a/", "//b", "/a/b/c", "a/b", ""}) {
        example.x.path = example.keep(path);
        const std::string spans = spans_of(example.x);
        EXPECT_TRUE(has(spans, "rpc.system=\"grpc\""));
        EXPECT_EQ(spans.find("rpc.service"), std::string::npos) << path;
        EXPECT_EQ(spans.find("rpc.method"), std::string::npos) << path;
    }
    example.x.path = example.keep("/a/b");
    EXPECT_EQ(spans_of(example.x, {}).find("rpc.service"), std::string::npos);  // no redactor
    example.x.grpc = false;
    EXPECT_EQ(spans_of(example.x).find("rpc."), std::string::npos);
}

TEST(Span, TlsByTheConventions) {
    ExampleExchange example;
    EXPECT_EQ(spans_of(example.x).find("tls."), std::string::npos);
    example.x.tls_version = example.keep("TLSv1.3");
    example.x.tls_cipher = example.keep("TLS_AES_128_GCM_SHA256");
    example.x.tls_client_cert_subject = example.keep("CN=partner,O=Acme");
    example.x.tls_client_cert_fingerprint = example.keep("9f86d081");
    const std::string spans = spans_of(example.x);
    for (const char* line :
         {"tls.protocol.name=\"tls\"", "tls.protocol.version=\"1.3\"",
          "tls.cipher=\"TLS_AES_128_GCM_SHA256\"", "tls.client.subject=\"CN=partner,O=Acme\"",
          "tls.client.hash.sha256=\"9F86D081\""})
        EXPECT_TRUE(has(spans, line)) << line;
    EXPECT_EQ(spans_of(example.x, {}).find("CN=partner"), std::string::npos);  // no redactor
}

TEST(Span, WhatItShowsIsCaptured) {
    model::FieldSelection captured;
    select_span_fields(captured);
    using enum model::Field;
    for (const model::Field field : {request_path, grpc_status, tls_version, tls_cipher,
                                     tls_client_cert_subject, tls_client_cert_fingerprint})
        EXPECT_TRUE(captured.has(field)) << describe(field).name;
}

TEST(Span, A499ThatNobodySentIsNoStatusCode) {
    ExampleExchange example;
    example.x.ending = Ending::client_abort;
    example.x.status = 499;
    example.x.attempts.clear();
    example.x.response_head_ns = 0;
    EXPECT_EQ(spans_of(example.x).find("status_code"), std::string::npos);
}

TEST(Span, Sampling) {
    ExampleExchange example;
    model::Exchange& x = example.x;
    EXPECT_EQ(sampling_reason(x, {}), "head");
    x.sampled = false;
    EXPECT_EQ(sampling_reason(x, {}), "");
    EXPECT_EQ(sampling_reason(x, kOptions), "error");
    x.ending = Ending::completed;
    x.status = 200;
    x.closed_ns = x.opened_ns + kOptions.keep_slower_than_ns - 1;
    EXPECT_EQ(sampling_reason(x, kOptions), "");
    ++x.closed_ns;
    EXPECT_EQ(sampling_reason(x, kOptions), "slow");
    std::string out = "untouched";
    EXPECT_EQ(SpanProjector({}).project(x, out), Projected::sampled_out);
    x.sampled = true;
    x.final = false;
    EXPECT_EQ(SpanProjector(kOptions).project(x, out), Projected::filtered);
    EXPECT_EQ(out, "untouched");
}

TEST(Span, WithoutARedactorTextStaysInside) {
    const ExampleExchange example;
    const std::string spans = spans_of(example.x, {});
    for (const char* absent :
         {"/api/products/42", "s3cr3t", "mobile-app", "shop.example", "mob-4f7a"})
        EXPECT_EQ(spans.find(absent), std::string::npos) << absent;
}

TEST(Span, IllFormedTextBecomesUtf8) {
    ExampleExchange example;
    example.x.path = example.keep("/caf\xC3\xA9/\xFF\xE2\x82/\xC0\xAF");
    EXPECT_TRUE(has(spans_of(example.x),
                    "url.path=\"/caf\xC3\xA9/\xEF\xBF\xBD\xEF\xBF\xBD/\xEF\xBF\xBD\xEF\xBF\xBD\""));
}

TEST(AttributeText, Utf8) {
    std::string scratch;
    const auto fixed = [&](std::string_view in) {
        return std::string(as_attribute_text(in, scratch));
    };
    for (const std::string_view good :
         {"", "ascii", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\x9F\xBF"})
        EXPECT_EQ(fixed(good), good);
    const std::string bad = "\xEF\xBF\xBD";
    EXPECT_EQ(fixed("\x80"), bad);
    EXPECT_EQ(fixed("\xED\xA0\x80"), bad + bad + bad);                   // a surrogate
    EXPECT_EQ(fixed("\xF0\x80\x80\x80x"), bad + bad + bad + bad + "x");  // overlong
    EXPECT_EQ(fixed("\xF4\x90"), bad + bad);                             // above U+10FFFF
    EXPECT_EQ(fixed("\xF0\x9F\x98"), bad);                               // cut
    EXPECT_EQ(fixed(std::string(kAttributeBytesMax + 9, 'x')),
              std::string(kAttributeBytesMax, 'x'));
    const std::string cut = fixed(std::string(kAttributeBytesMax - 1, 'x') + "\xC3\xA9");
    EXPECT_EQ(cut, std::string(kAttributeBytesMax - 1, 'x'));
    EXPECT_EQ(fixed(std::string(kAttributeBytesMax + 9, '\xFF')).size(),
              kAttributeBytesMax / 3 * 3);
}

TEST(HostPort, Forms) {
    const auto split = [](std::string_view s) {
        const HostPort h = split_host_port(s);
        return std::string(h.host) + "|" + std::to_string(h.port);
    };
    EXPECT_EQ(split("a.example:80"), "a.example|80");
    EXPECT_EQ(split("a.example"), "a.example|0");
    EXPECT_EQ(split("[::1]:443"), "::1|443");
    EXPECT_EQ(split("[::1]"), "::1|0");
    EXPECT_EQ(split("::1"), "::1|0");
    EXPECT_EQ(split("a:99999"), "a|0");
    EXPECT_EQ(split("[::1"), "[::1|0");
    EXPECT_EQ(split(""), "|0");
}

}  // namespace
}  // namespace glassgate::telemetry
