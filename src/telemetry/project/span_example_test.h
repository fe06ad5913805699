// For tests and benchmarks: the mission's upstream_timeout as a record, with a retry before it.
#pragma once

#include <string>

#include "model/exchange.h"

namespace glassgate::telemetry::testing {

class ExampleExchange {
public:
    ExampleExchange() {
        names.generation = 7;
        names.gateway = "retailco-gateway";
        names.mode = "connected";
        names.routes = {{"product-catalog",
                         "shop",
                         {"/api/products", "/api/products/:id"},
                         kAllMethods,
                         {0, 1},
                         0}};
        names.policies = {{"client-id", "security", {"pass", "missing"}},
                          {"rate-limit", "traffic", {"pass", "exceeded"}}};
        names.upstreams = {{"product-service", {"product-service:3000", "spare.local:3001"}}};
        fill();
    }
    ExampleExchange(const ExampleExchange&) = delete;
    ExampleExchange& operator=(const ExampleExchange&) = delete;

    model::TextRef keep(std::string_view s) {
        const model::TextRef ref{static_cast<uint32_t>(text.size()),
                                 static_cast<uint32_t>(s.size())};
        text += s;
        x.text = text.data();
        x.text_size = static_cast<uint32_t>(text.size());
        return ref;
    }

    model::PlanNames names;
    std::string text;
    model::Exchange x;

private:
    void fill() {
        x.names = &names;
        for (uint8_t i = 0; i < 16; ++i) x.trace_id.bytes[i] = static_cast<uint8_t>(0xa0 + i);
        x.span_id.bytes = {1, 2, 3, 4, 5, 6, 7, 8};
        x.parent_span_id.bytes = {9, 9, 9, 9, 9, 9, 9, 9};
        x.sampled = true;
        x.trace_state = keep("vendor=1");
        x.method = Method::get;
        x.protocol = model::Protocol::http11;
        x.route = 0;
        x.pattern = 1;
        x.path = keep("/api/products/42");
        x.query = keep("token=s3cr3t");
        x.host = keep("shop.example:8080");
        x.user_agent = keep("mobile-app/3.2");
        x.remote_address = keep("192.0.2.7");
        x.remote_port = 52114;
        x.client_id = keep("mob-4f7a");
        x.ending = model::Ending::upstream_timeout;
        x.origin = model::Origin::upstream;
        x.status = 504;
        x.response_bytes = 93;
        x.detail = keep("no response head within 5000 ms");
        x.opened_wall_ns = 1'795'770'863'000'000'000;
        x.opened_ns = 1'000'000;
        x.head_received_ns = 1'050'000;
        x.request_sent_ns = 3'000'000;
        x.response_head_ns = 9'000'000;
        x.closed_ns = 9'100'000;
        x.attempt_count = 2;
        model::Attempt first;
        first.upstream = 0;
        first.target = 0;
        first.span_id.bytes = {0x11, 2, 3, 4, 5, 6, 7, 8};
        first.address = keep("10.0.0.7:3000");
        first.start_ns = first.connected_ns = 1'200'000;
        first.first_byte_ns = 2'000'000;
        first.end_ns = 2'100'000;
        first.status = 503;
        first.result = model::AttemptResult::response;
        first.reused = true;
        x.attempts.push_back(first);
        model::Attempt second = first;
        second.target = 1;
        second.span_id.bytes[0] = 0x22;
        second.address = keep("[2001:db8::8]:3001");
        second.start_ns = 2'200'000;
        second.connected_ns = 2'500'000;
        second.first_byte_ns = 0;
        second.end_ns = 8'900'000;
        second.status = 0;
        second.result = model::AttemptResult::timeout;
        second.reused = false;
        x.attempts.push_back(second);
        x.policies.push_back({0, 0, model::PolicyVerdict::pass, 2000});
        x.policies.push_back({1, 0, model::PolicyVerdict::pass, 0});
    }
};

}  // namespace glassgate::telemetry::testing
