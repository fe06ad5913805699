// Golden lines of both formats, and what must hold of them whatever the client sent.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/ids.h"
#include "telemetry/project/exchange_events.h"
#include "telemetry/project/golden_test.h"
#include "telemetry/project/json_line.h"
#include "telemetry/project/span_example_test.h"
#include "telemetry/project/text_line.h"

namespace glassgate::telemetry {
namespace {

using model::Ending;
using model::Event;
using model::EventKind;
using testing::ExampleExchange;
using testing::expect_golden;

LineFormat format_of(std::initializer_list<const char*> names, model::PlanNames& plan,
                     LogFormat format = LogFormat::json, bool redact_query = true) {
    LoggingSettings settings;
    settings.format = format;
    settings.redact_query = redact_query;
    for (const char* name : names) {
        settings.fields.push_back(*plan.captured.add(name));
        settings.field_names.emplace_back(name);
    }
    return compile_line_format(settings);
}

std::string json(const model::Exchange& x, const LineFormat& format) {
    std::string scratch, out;
    append_json_line(x, format, scratch, out);
    return out;
}
std::string json(const Event& event) {
    std::string scratch, out;
    append_json_line(event, scratch, out);
    return out;
}
std::string text(const model::Exchange& x, const LineFormat& format) {
    std::string scratch, out;
    append_text_line(x, format, scratch, out);
    return out;
}
std::string text(const Event& event) {
    std::string scratch, out;
    append_text_line(event, scratch, out);
    return out;
}

constexpr std::initializer_list<const char*> kEveryField = {"request.id",
                                                            "request.timestamp",
                                                            "request.path",
                                                            "request.query",
                                                            "request.method",
                                                            "request.host",
                                                            "request.scheme",
                                                            "request.protocol",
                                                            "request.bytes",
                                                            "request.remoteAddress",
                                                            "request.userAgent",
                                                            "request.headers.x-tenant",
                                                            "request.headers.Authorization",
                                                            "request.headers.referer",
                                                            "response.status",
                                                            "response.bytes",
                                                            "response.duration_ms",
                                                            "response.ending",
                                                            "response.origin",
                                                            "route.id",
                                                            "route.path",
                                                            "api.name",
                                                            "client.id",
                                                            "client.name",
                                                            "jwt.sub",
                                                            "jwt.org_id",
                                                            "tls.version",
                                                            "tls.cipher",
                                                            "tls.clientCertSubject",
                                                            "tls.clientCertSerial",
                                                            "tls.clientCertSan",
                                                            "tls.clientCertFingerprint",
                                                            "tls.serverName",
                                                            "grpc.status",
                                                            "policy.outcomes",
                                                            "upstream.name",
                                                            "upstream.address",
                                                            "upstream.attempts",
                                                            "upstream.connect_ms",
                                                            "upstream.first_byte_ms",
                                                            "trace.id",
                                                            "span.id",
                                                            "gateway.name",
                                                            "gateway.mode"};

// The mission's payments line, and everything else there is.
struct FullExample : ExampleExchange {
    FullExample() {
        format = format_of(kEveryField, names);
        x.captures[0] = keep("retail");
        x.captures[1] = keep("Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln");
        x.captures[2] = keep("https://shop.example/?token=abc&page=2");
        x.captures[3] = keep("cardholder-7");
        x.tls_version = keep("TLSv1.3");
        x.tls_cipher = keep("TLS_AES_128_GCM_SHA256");
        x.tls_client_cert_subject = keep("CN=partner,O=\"Acme\\, Inc.\"");
        x.tls_client_cert_serial = keep("0a1b2c");
        x.tls_client_cert_san = keep("spiffe://acme.example/partner");
        x.tls_client_cert_fingerprint =
            keep("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
        x.tls_server_name = keep("shop.example");
        x.grpc = true;
        x.grpc_status = 4;
        x.scheme = model::Scheme::https;
        x.policies.push_back({1, 1, model::PolicyVerdict::reply, 12'345});
    }
    LineFormat format;
};

TEST(JsonLine, EveryField) {
    const FullExample example;
    expect_golden("log/every_field.json", json(example.x, example.format));
}

TEST(TextLine, EveryField) {
    FullExample example;
    expect_golden("log/every_field.txt", text(example.x, example.format));
}

TEST(JsonLine, WhatTheRecordDoesNotHaveIsNull) {
    ExampleExchange example;
    const LineFormat format = format_of(kEveryField, example.names);
    model::Exchange& x = example.x;
    x = model::Exchange{};
    x.names = &example.names;
    x.text = "";
    x.ending = Ending::malformed_request;
    x.origin = model::Origin::client;
    x.status = 400;
    x.opened_ns = 5;
    x.closed_ns = 499'505;
    x.opened_wall_ns = 1'795'770'863'999'999'999;
    expect_golden("log/nothing_known.json", json(x, format));
    expect_golden("log/nothing_known.txt", text(x, format));
}

TEST(JsonLine, AGrpcStatusOfZeroIsAStatus) {
    ExampleExchange example;
    const LineFormat format = format_of({"grpc.status"}, example.names);
    EXPECT_EQ(json(example.x, format), "{\"grpc.status\":null}\n");
    example.x.grpc_status = 0;
    EXPECT_EQ(json(example.x, format), "{\"grpc.status\":0}\n");
}

// What is known so far, marked; nobody knows yet how it will end.
TEST(Line, AnInterimRecordSaysSo) {
    ExampleExchange example;
    const LineFormat format = format_of({"response.bytes", "response.duration_ms",
                                         "response.ending", "response.origin", "grpc.status"},
                                        example.names);
    example.x.final = false;
    example.x.status = 200;
    EXPECT_EQ(json(example.x, format),
              "{\"response.bytes\":93,\"response.duration_ms\":8.100,\"response.ending\":null,"
              "\"response.origin\":null,\"grpc.status\":null,\"interim\":true}\n");
    EXPECT_EQ(json(example.x, LineFormat{}), "{\"interim\":true}\n");
    EXPECT_EQ(text(example.x, format),
              "09:14:23 INFO GET /api/products/42 200 8.100ms \xC2\xB7 response.bytes=93 \xC2\xB7 "
              "interim=true\n");
    EXPECT_TRUE(passes_level(model::Level::info, example.x));
    EXPECT_FALSE(passes_level(model::Level::warn, example.x));
    example.x.final = true;
    EXPECT_EQ(json(example.x, format).find("interim"), std::string::npos);
}

TEST(JsonLine, ThePlansOrderAndTheMissionsFields) {
    ExampleExchange example;
    const LineFormat format =
        format_of({"request.id", "request.path", "response.status"}, example.names);
    EXPECT_EQ(json(example.x, format),
              "{\"request.id\":\"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf\",\"request.path\":\"/api/"
              "products/42\","
              "\"response.status\":504}\n");
    EXPECT_EQ(json(example.x, LineFormat{}), "{}\n");
}

TEST(JsonLine, TheRequestIdOfATrustedPeer) {
    ExampleExchange example;
    const LineFormat format = format_of({"request.id", "trace.id"}, example.names);
    example.x.request_id_is_trace_id = false;
    example.x.request_id = example.keep("req-9f2b");
    EXPECT_EQ(json(example.x, format),
              "{\"request.id\":\"req-9f2b\",\"trace.id\":\"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf\"}\n");
}

TEST(JsonLine, QueryIsRedactedUnlessThePlanSaysOtherwise) {
    ExampleExchange example;
    example.x.query = example.keep("page=2&token=s3cr3t&card=4111111111111111");
    EXPECT_EQ(json(example.x, format_of({"request.query"}, example.names)),
              "{\"request.query\":\"page=***&token=***&card=***\"}\n");
    EXPECT_EQ(json(example.x, format_of({"request.query"}, example.names, LogFormat::json, false)),
              "{\"request.query\":\"page=2&token=***&card=************1111\"}\n");
}

TEST(JsonLine, CardNumbersNeverLeave) {
    ExampleExchange example;
    const LineFormat format =
        format_of({"request.path", "request.host", "request.userAgent", "client.id", "client.name",
                   "jwt.sub", "request.headers.x-note", "request.query", "tls.clientCertSubject",
                   "tls.clientCertSan", "tls.serverName"},
                  example.names, LogFormat::json, false);
    model::Exchange& x = example.x;
    for (model::TextRef* ref :
         {&x.path, &x.host, &x.user_agent, &x.client_id, &x.client_name, &x.captures[0],
          &x.captures[1], &x.query, &x.tls_client_cert_subject, &x.tls_client_cert_san,
          &x.tls_server_name})
        *ref = example.keep("n 4111 1111-1111%201111 n");
    for (const std::string& line : {json(x, format), text(x, format)}) {
        EXPECT_EQ(line.find("4111"), std::string::npos) << line;
        EXPECT_NE(line.find("**** ****-****%201111"), std::string::npos) << line;
    }
    Event event(EventKind::auth_failed, 1);
    event.with("client_id", "4111111111111111");
    EXPECT_NE(json(event).find("\"************1111\""), std::string::npos);
    EXPECT_NE(text(event).find("client_id=************1111"), std::string::npos);
}

// nlohmann's parser takes it, and reads back what went in (ill-formed bytes replaced).
TEST(JsonLine, IsJsonWhateverTheClientSent) {
    ExampleExchange example;
    const LineFormat format = format_of({"request.path", "request.userAgent"}, example.names);
    Random random(7);
    for (int i = 0; i < 3000; ++i) {
        std::string bytes;
        const uint64_t length = random.below(40);
        for (uint64_t j = 0; j < length; ++j) {
            const uint64_t pick = random.below(4);
            bytes += static_cast<char>(pick == 0   ? random.below(0x20)
                                       : pick == 1 ? random.below(256)
                                                   : 0x20 + random.below(0x60));
        }
        example.x.path = example.keep(bytes);
        example.x.user_agent = example.keep("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
        const std::string line = json(example.x, format);
        EXPECT_EQ(line.find('\n'), line.size() - 1);
        const auto parsed = nlohmann::json::parse(line, nullptr, false);
        ASSERT_FALSE(parsed.is_discarded()) << line;
        EXPECT_EQ(parsed["request.userAgent"], "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    }
    example.x.path = example.keep(std::string("/a\"b\\c\n\t\x01\x7f\0d\xFF", 12));
    EXPECT_NE(json(example.x, format).find(R"("/a\"b\\c\n\t\u0001\u007f\u0000d)"),
              std::string::npos);
}

TEST(TextLine, ControlCharactersCannotForgeALine) {
    Event event(EventKind::auth_failed, 0);
    event.with("reason", "x\n09:14:22 ERROR forged")
        .with("other", "a \xC2\xB7 limit=1")
        .with("esc", "\x1b[31m");
    EXPECT_EQ(text(event),
              "00:00:00 WARN auth_failed \xC2\xB7 reason=\"x\\n09:14:22 ERROR forged\" \xC2\xB7 "
              "other=\"a \xC2\xB7 limit=1\" \xC2\xB7 esc=\\u001b[31m\n");
}

// --- events made of exchanges --------------------------------------------------------------------

Event event_about(const model::Exchange& x) {
    std::string scratch;
    const auto kind = event_kind_of(x);
    EXPECT_TRUE(kind.has_value());
    return event_of(kind.value_or(EventKind::config_applied), x, scratch);
}

struct Incident : ExampleExchange {
    Incident() {
        x.path = keep("/api/products");
        x.request_id_is_trace_id = false;
        x.request_id = keep("req-9f2b");
        x.attempts.back().target = 0;
        x.closed_ns = x.opened_ns + 5'003'000'000;
        x.opened_wall_ns = 1'795'770'858'000'000'000;
    }
};

TEST(EventLine, TheMissionsLogStream) {
    Incident limited;
    limited.x.ending = Ending::rate_limited;
    limited.x.status = 429;
    limited.x.quota_limit = 100;
    limited.x.quota_current = 847;
    limited.x.quota_period_s = 60;
    limited.x.closed_ns = limited.x.opened_ns + 100'000;
    limited.x.opened_wall_ns = 1'795'770'862'000'000'000;
    const Incident timed_out;
    Incident refused;
    refused.x.ending = Ending::upstream_connect_failed;
    Incident unknown;
    unknown.x.ending = Ending::auth_failed;
    unknown.x.status = 401;
    unknown.x.client_id = {};
    unknown.x.policies.clear();
    unknown.x.policies.push_back({0, 1, model::PolicyVerdict::reply, 0});
    model::Connection handshake;
    handshake.ending = model::ConnectionEnding::tls_handshake_failed;
    std::snprintf(handshake.peer, sizeof handshake.peer, "192.0.2.9:4711");
    std::snprintf(handshake.listener_name, sizeof handshake.listener_name, "public");
    std::snprintf(handshake.reason, sizeof handshake.reason, "certificate_expired");
    std::snprintf(handshake.detail, sizeof handshake.detail,
                  "CN=partner expired on 2026-11-01T00:00:00Z");
    Event many = event_about(limited.x);
    many.count = 14;
    std::string as_json, as_text;
    for (const Event& event :
         {event_about(limited.x), many, event_about(timed_out.x), event_about(refused.x),
          event_about(unknown.x), event_of(handshake)}) {
        as_json += json(event);
        as_text += text(event);
    }
    expect_golden("log/events.json", as_json);
    expect_golden("log/events.txt", as_text);
}

TEST(EventLine, OnlyThoseEndings) {
    Incident x;
    for (std::size_t i = 0; i < model::kEndingCount; ++i) {
        x.x.ending = static_cast<Ending>(i);
        const auto kind = event_kind_of(x.x);
        const std::string_view slug = to_text(x.x.ending);
        const bool of_upstream = slug.starts_with("upstream_") || slug == "no_healthy_upstream";
        EXPECT_EQ(kind.has_value(), of_upstream || slug == "rate_limited" || slug == "auth_failed")
            << slug;
    }
}

TEST(EventLine, LongTextDoesNotEatTheOtherAttributes) {
    Incident x;
    x.x.path = x.keep("/" + std::string(5000, 'x'));
    x.x.ending = Ending::rate_limited;
    x.x.client_id = x.keep(std::string(5000, 'c'));
    x.x.quota_limit = 1;
    x.x.quota_period_s = 1;
    EXPECT_NE(text(event_about(x.x)).find("limit=1/s"), std::string::npos);
}

TEST(EventLine, WithoutCapturedFactsThereIsStillALine) {
    Incident x;
    x.x.path = x.x.client_id = x.x.remote_address = {};
    x.x.ending = Ending::rate_limited;
    EXPECT_NE(text(event_about(x.x)).find("path=/api/products/:id"), std::string::npos);
}

TEST(Level, DecidesWhatIsWritten) {
    ExampleExchange example;
    using enum model::Level;
    EXPECT_TRUE(passes_level(error, example.x));  // 504
    example.x.ending = Ending::completed;
    example.x.status = 200;
    example.x.grpc = true;
    example.x.grpc_status = 14;
    EXPECT_TRUE(passes_level(error, example.x));  // UNAVAILABLE inside a 200
    example.x.grpc_status = 5;
    EXPECT_FALSE(passes_level(warn, example.x));  // NOT_FOUND
    example.x.ending = Ending::rate_limited;
    example.x.status = 429;
    EXPECT_FALSE(passes_level(error, example.x));
    EXPECT_TRUE(passes_level(warn, example.x));
    example.x.ending = Ending::completed;
    example.x.status = 200;
    EXPECT_FALSE(passes_level(warn, example.x));
    EXPECT_TRUE(passes_level(info, example.x));
    EXPECT_TRUE(passes_level(debug, example.x));
}

TEST(LineFormats, EveryRecordHasTheFormatOfItsPlan) {
    LineFormats formats;
    auto first = std::make_shared<model::PlanNames>(),
         second = std::make_shared<model::PlanNames>();
    const auto make = [](const char* key) {
        LineFormat format;
        format.elements.push_back({model::Field::request_id, model::kNoSlot, false, key, key});
        return std::make_shared<const LineFormat>(format);
    };
    formats.add(first, make("first"));
    formats.add(second, make("second"));
    EXPECT_EQ(formats.of(first.get()).elements[0].name, "first");
    EXPECT_EQ(formats.of(second.get()).elements[0].name, "second");
    EXPECT_EQ(formats.newest().elements[0].name, "second");
    first.reset();
    formats.add(second, make("third"));
    EXPECT_EQ(formats.size(), 1u);  // the first is forgotten, the second replaced
    EXPECT_EQ(formats.of(second.get()).elements[0].name, "third");
}

}  // namespace
}  // namespace glassgate::telemetry
