// What a request costs here: parsing both heads and building both heads, without input and output.
// The counter "allocs" is heap allocations per iteration.
#include <benchmark/benchmark.h>

#include <string>

#include "http/allocations_bench.h"
#include "http/h1.h"
#include "http/path.h"
#include "http/rewrite.h"
#include "http/trace_context.h"

namespace glassgate::http {
namespace {

const std::string kRequest =
    "GET /api/products/4711?fields=name,price&lang=en HTTP/1.1\r\nHost: shop.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0 Safari/537.36\r\n"
    "Accept: application/json, text/plain, */*\r\nAccept-Encoding: gzip, deflate, "
    "br\r\nAccept-Language: en-US,en;q=0.9\r\n"
    "Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.abc\r\nclient_id: "
    "mob-4f7a\r\nConnection: keep-alive\r\n\r\n";
const std::string kResponse =
    "HTTP/1.1 200 OK\r\nDate: Fri, 27 Nov 2026 09:14:22 GMT\r\nServer: origin/1.0\r\nContent-Type: "
    "application/json; charset=utf-8\r\n"
    "Content-Length: 128\r\nCache-Control: public, max-age=60\r\nETag: "
    "\"5f2b-1a2b3c4d5e\"\r\nX-Powered-By: Express\r\n"
    "Vary: Accept-Encoding\r\nConnection: keep-alive\r\n\r\n";

UpstreamRequest upstream_request(const RequestHead& head) {
    UpstreamRequest out;
    out.head = &head;
    out.path = head.path;
    out.host = "product-service:3000";
    out.via = "glassgate";
    out.forwarded_for = "192.0.2.7";
    out.forwarded_proto = "http";
    out.forwarded_host = head.authority;
    out.request_id = "0af7651916cd43dd8448eb211c80319c";
    out.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    return out;
}
ClientResponse client_response(const ResponseHead& head) {
    ClientResponse out;
    out.head = &head;
    out.via = "glassgate";
    out.request_id = "0af7651916cd43dd8448eb211c80319c";
    out.date = "Fri, 27 Nov 2026 09:14:22 GMT";
    out.body = head.body;
    out.content_length = head.content_length;
    return out;
}

void ParseRequest(benchmark::State& state) {
    RequestHead head;
    const CountAllocations count(state);
    for (auto _ : state) {
        std::size_t resume = 0;
        benchmark::DoNotOptimize(parse_request_head(kRequest, {}, resume, head));
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kRequest.size()));
}
BENCHMARK(ParseRequest);

void ParseResponse(benchmark::State& state) {
    ResponseHead head;
    const CountAllocations count(state);
    for (auto _ : state) {
        std::size_t resume = 0;
        benchmark::DoNotOptimize(parse_response_head(kResponse, {}, Method::get, resume, head));
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kResponse.size()));
}
BENCHMARK(ParseResponse);

void BuildUpstreamHead(benchmark::State& state) {
    RequestHead head;
    std::size_t resume = 0;
    (void)parse_request_head(kRequest, {}, resume, head);
    const std::vector<HeaderEdit> edits{{"X-Client", "mob-4f7a"}, {"Authorization", "", true}};
    UpstreamRequest request = upstream_request(head);
    if (state.range(0) != 0) request.edits = &edits;
    std::string out;
    append_upstream_head(out, request);
    const CountAllocations count(state);
    for (auto _ : state) {
        out.clear();
        append_upstream_head(out, request);
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(BuildUpstreamHead)->ArgName("edits")->Arg(0)->Arg(1);

void BuildClientHead(benchmark::State& state) {
    ResponseHead head;
    std::size_t resume = 0;
    (void)parse_response_head(kResponse, {}, Method::get, resume, head);
    std::string out;
    append_client_head(out, client_response(head));
    const CountAllocations count(state);
    for (auto _ : state) {
        out.clear();
        append_client_head(out, client_response(head));
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(BuildClientHead);

void BothDirections(benchmark::State& state) {
    RequestHead request;
    ResponseHead response;
    std::string out, path;
    out.reserve(4096);
    const CountAllocations count(state);
    for (auto _ : state) {
        std::size_t resume = 0;
        (void)parse_request_head(kRequest, {}, resume, request);
        (void)normalize_path(request.path, path);
        out.clear();
        append_upstream_head(out, upstream_request(request));
        benchmark::DoNotOptimize(out.data());
        resume = 0;
        (void)parse_response_head(kResponse, {}, request.method, resume, response);
        out.clear();
        append_client_head(out, client_response(response));
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(BothDirections);

void LocalReplyHead(benchmark::State& state) {
    LocalReply reply;
    reply.status = 429;
    reply.message = "Too Many Requests";
    reply.keep_alive = true;
    reply.request_id = "0af7651916cd43dd8448eb211c80319c";
    reply.date = "Fri, 27 Nov 2026 09:14:22 GMT";
    std::string out;
    out.reserve(4096);
    const CountAllocations count(state);
    for (auto _ : state) {
        out.clear();
        append_local_reply(out, reply);
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(LocalReplyHead);

void ExtractTrace(benchmark::State& state) {
    HeaderList headers;
    headers.push_back({"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                       KnownHeader::traceparent});
    headers.push_back(
        {"tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", KnownHeader::tracestate});
    const CountAllocations count(state);
    for (auto _ : state) {
        TraceParent parent;
        benchmark::DoNotOptimize(extract_w3c(headers, parent));
    }
}
BENCHMARK(ExtractTrace);

void NormalizePath(benchmark::State& state) {
    const char* const paths[] = {"/api/products/4711", "/api/%7Eproducts/./a/../4711%2f"};
    const std::string raw = paths[state.range(0)];
    std::string out;
    out.reserve(256);
    const CountAllocations count(state);
    for (auto _ : state) {
        benchmark::DoNotOptimize(normalize_path(raw, out));
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(NormalizePath)->ArgName("odd")->Arg(0)->Arg(1);

}  // namespace
}  // namespace glassgate::http
