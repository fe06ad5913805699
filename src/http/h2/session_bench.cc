// What an HTTP/2 exchange costs here: a client's and a server's session and the bytes between them,
// without input and output. Both sides are counted: a proxy does the work of one of each for a
// request it passes from HTTP/2 to HTTP/2.
#include <benchmark/benchmark.h>

#include <string>

#include "http/allocations_bench.h"
#include "http/h2/session.h"
#include "http/h2/write_head.h"

namespace glassgate::http::h2 {
namespace {

const std::string kBody(200, 'b');

void add_request(FieldList& out, bool post) {
    out.add(":method", post ? "POST" : "GET");
    out.add(":scheme", "https");
    out.add(":authority", "shop.example.com");
    out.add(":path", "/api/products/4711?fields=name,price&lang=en");
    out.add("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36");
    out.add("accept", "application/json, text/plain, */*");
    out.add("accept-encoding", "gzip, deflate, br");
    out.add("authorization", "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.abc");
    out.add("client_id", "mob-4f7a");
    out.add_volatile("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
}
void add_response(FieldList& out) {
    out.add(":status", "200");
    out.add("date", "Fri, 27 Nov 2026 09:14:22 GMT");
    out.add("content-type", "application/json; charset=utf-8");
    out.add("content-length", "200");
    out.add("cache-control", "public, max-age=60");
    out.add("server", "origin/1.0");
    out.add_volatile("x-request-id", "0af7651916cd43dd8448eb211c80319c");
}

class Server final : public Listener {
public:
    Session* session = nullptr;
    void on_head(Stream& stream) override {
        (void)session->read_request(stream, head_, text_);
        if (stream.ended()) answer(stream);
    }
    void on_data(Stream& stream) override { session->consume(stream, stream.received().size()); }
    void on_end(Stream& stream) override { answer(stream); }
    void on_sent(Stream&) override {}
    void on_closed(Stream& stream) override { session->release(stream); }

private:
    void answer(Stream& stream) {
        fields_.clear();
        add_response(fields_);
        session->respond(stream, fields_, false);
        session->send(stream, kBody, true);
    }
    RequestHead head_;
    std::string text_;
    FieldList fields_;
};

class Client final : public Listener {
public:
    Session* session = nullptr;
    uint64_t answered = 0;
    void on_head(Stream& stream) override { (void)session->read_response(stream, head_, text_); }
    void on_data(Stream& stream) override { session->consume(stream, stream.received().size()); }
    void on_end(Stream&) override {}
    void on_sent(Stream&) override {}
    void on_closed(Stream& stream) override {
        ++answered;
        session->release(stream);
    }

private:
    ResponseHead head_;
    std::string text_;
};

// `at_once` requests are under way on one connection.
void Exchange(benchmark::State& state) {
    const auto at_once = static_cast<int>(state.range(0));
    const bool post = state.range(1) != 0;
    io::BufferPool buffers;
    Context context(buffers);
    Server server;
    Client client;
    Session at_server(context, Role::server, {}, server, 1);
    Session at_client(context, Role::client, {}, client, 1);
    server.session = &at_server;
    client.session = &at_client;
    std::string wire(64 * 1024, '\0');
    uint64_t now_ns = 1, writes = 0, bytes = 0;
    FieldList fields;
    add_request(fields, post);
    const auto carry = [&](Session& from, Session& to) {
        while (const std::size_t n = from.pull(wire.data(), wire.size(), now_ns)) {
            (void)to.feed({wire.data(), n}, now_ns);
            ++writes;
            bytes += n;
        }
    };
    const auto turn = [&] {
        now_ns += 100'000;
        for (int i = 0; i < at_once; ++i) {
            Stream* const stream = at_client.request(fields, !post, nullptr);
            if (stream != nullptr && post) at_client.send(*stream, kBody, true);
        }
        carry(at_client, at_server);
        carry(at_server, at_client);
    };
    for (int i = 0; i < 100; ++i) turn();
    client.answered = writes = bytes = 0;
    const uint64_t before = heap_allocations() + context.memory().heap_allocations();
    for (auto _ : state) turn();
    const uint64_t after = heap_allocations() + context.memory().heap_allocations();
    const auto answered = static_cast<double>(client.answered);
    state.SetItemsProcessed(static_cast<int64_t>(client.answered));
    state.counters["allocs"] = static_cast<double>(after - before) / answered;
    state.counters["writes"] = static_cast<double>(writes) / answered;
    state.counters["wire_bytes"] = static_cast<double>(bytes) / answered;
    if (at_server.violation() != Violation::none) state.SkipWithError("violation");
}
BENCHMARK(Exchange)
    ->ArgNames({"at_once", "post"})
    ->Args({1, 0})
    ->Args({10, 0})
    ->Args({100, 0})
    ->Args({1, 1})
    ->Args({100, 1});

// Bodies: how many bytes a second go through, copied once into the output and once out of it.
void Bulk(benchmark::State& state) {
    io::BufferPool buffers;
    Context context(buffers);
    Server server;
    Client client;
    Session at_server(context, Role::server, {}, server, 1);
    Session at_client(context, Role::client, {}, client, 1);
    server.session = &at_server;
    client.session = &at_client;
    std::string wire(64 * 1024, '\0');
    const std::string body(60000, 'x');
    FieldList fields;
    add_request(fields, true);
    const auto carry = [&](Session& from, Session& to) {
        while (const std::size_t n = from.pull(wire.data(), wire.size(), 1))
            (void)to.feed({wire.data(), n}, 1);
    };
    for (auto _ : state) {
        Stream* const stream = at_client.request(fields, false, nullptr);
        at_client.send(*stream, body, true);
        for (int i = 0; i < 2; ++i) {
            carry(at_client, at_server);
            carry(at_server, at_client);
        }
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * body.size()));
}
BENCHMARK(Bulk);

// A connection that does nothing: what it holds.
void IdleConnection(benchmark::State& state) {
    io::BufferPool buffers;
    Context context(buffers);
    Server server;
    for (auto _ : state) {
        Session session(context, Role::server, {}, server, 1);
        benchmark::DoNotOptimize(&session);
    }
}
BENCHMARK(IdleConnection);

}  // namespace
}  // namespace glassgate::http::h2
