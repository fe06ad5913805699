// What TLS costs here: handshakes (the server's side), bytes, and memory of an idle session.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <openssl/crypto.h>

#include <ctime>
#include <vector>

#include "io/tls/test_pair.h"

namespace glassgate::io::tls {
namespace {

double thread_cpu_s() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Setup {
    TestAuthority authority;
    std::shared_ptr<const ServerContext> server;
    std::shared_ptr<const ClientContext> client;

    Setup(bool rsa, bool tls13, bool mutual = false) {
        ServerSettings settings = authority.server_settings();
        if (rsa) {
            const TestCertificate certificate(
                TestIssue{.subject = {{"CN", "rsa"}}, .names = "DNS:shop.test", .rsa_bits = 2048},
                &authority.root);
            settings.certificates[0].identity = TestAuthority::identity(certificate);
        }
        settings.crypto.max_version = tls13 ? "1.3" : "1.2";
        settings.ticket_keys = TicketKeys::make();
        ClientSettings client_settings = authority.client_settings();
        if (mutual) {
            settings.client_certificates = ClientCertificates::required;
            settings.client_trust.authorities.push_back({{}, authority.root.pem()});
            client_settings.certificate = TestAuthority::identity(authority.client);
        }
        server = server_context(settings);
        client = client_context(client_settings);
    }
};

// Time: CPU of the calls of the server alone. flight_us: of the call that finds the client hello,
// which is how long one handshake holds a worker.
void handshake(benchmark::State& state, const Setup& setup, bool resume) {
    ResumptionCache cache;
    double flight = 0;
    if (resume) TestPair(setup.server, setup.client, {"shop.test", ""}, &cache).shake();
    for (auto _ : state) {
        TestPair pair(setup.server, setup.client, {"shop.test", ""}, resume ? &cache : nullptr);
        double used = 0;
        for (int i = 0; i < 10 && !(pair.client->established() && pair.server->established());
             ++i) {
            (void)pair.client->handshake();
            const double before = thread_cpu_s();
            (void)pair.server->handshake();
            const double took = thread_cpu_s() - before;
            used += took;
            if (i == 0) flight += took;
        }
        if (!pair.server->established() || pair.server->resumed() != resume)
            state.SkipWithError("no such handshake");
        char none[1];
        (void)pair.client->read(none, 1);
        state.SetIterationTime(used);
    }
    state.counters["flight_us"] =
        benchmark::Counter(flight * 1e6, benchmark::Counter::kAvgIterations);
}

const Setup& setup_of(bool rsa, bool tls13, bool mutual = false) {
    static const Setup made[] = {{false, false}, {false, true},        {true, false},
                                 {true, true},   {false, false, true}, {false, true, true}};
    return made[mutual ? 4 + (tls13 ? 1 : 0) : (rsa ? 2 : 0) + (tls13 ? 1 : 0)];
}

void BM_HandshakeP256Tls13(benchmark::State& s) { handshake(s, setup_of(false, true), false); }
void BM_HandshakeP256Tls12(benchmark::State& s) { handshake(s, setup_of(false, false), false); }
void BM_HandshakeRsa2048Tls13(benchmark::State& s) { handshake(s, setup_of(true, true), false); }
void BM_HandshakeRsa2048Tls12(benchmark::State& s) { handshake(s, setup_of(true, false), false); }
void BM_HandshakeMutualTls13(benchmark::State& s) {
    handshake(s, setup_of(false, true, true), false);
}
void BM_ResumeTls13(benchmark::State& s) { handshake(s, setup_of(false, true), true); }
void BM_ResumeTls12(benchmark::State& s) { handshake(s, setup_of(false, false), true); }
BENCHMARK(BM_HandshakeP256Tls13)->UseManualTime();
BENCHMARK(BM_HandshakeP256Tls12)->UseManualTime();
BENCHMARK(BM_HandshakeRsa2048Tls13)->UseManualTime();
BENCHMARK(BM_HandshakeRsa2048Tls12)->UseManualTime();
BENCHMARK(BM_HandshakeMutualTls13)->UseManualTime();
BENCHMARK(BM_ResumeTls13)->UseManualTime();
BENCHMARK(BM_ResumeTls12)->UseManualTime();

// One message there and back over a socket pair, both sides: request 200 bytes, answer state.range.
void BM_Exchange(benchmark::State& state) {
    const Setup& setup = setup_of(false, true);
    TestPair pair(setup.server, setup.client, {"shop.test", ""});
    pair.shake();
    const std::string request(200, 'q'), head(200, 'h'),
        body(static_cast<std::size_t>(state.range(0)), 'b');
    std::vector<char> buffer(72 * 1024);
    for (auto _ : state) {
        (void)pair.client->write(request);
        (void)pair.server->read(buffer.data(), buffer.size());
        const iovec parts[] = {{const_cast<char*>(head.data()), head.size()},
                               {const_cast<char*>(body.data()), body.size()}};
        std::size_t taken = 0, got = 0;
        while (got < head.size() + body.size()) {
            if (taken == 0) {
                taken = pair.server->write(parts).bytes;
            } else if (taken < head.size() + body.size()) {
                taken +=
                    pair.server->write(std::string_view(body).substr(taken - head.size())).bytes;
            } else if (pair.server->has_output()) {
                (void)pair.server->flush();
            }
            got += pair.client->read(buffer.data(), buffer.size()).bytes;
        }
    }
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(BM_Exchange)->Arg(100)->Arg(16 * 1024)->Arg(64 * 1024)->Arg(1024 * 1024);

// Heap bytes of one established server's session that has answered and waits.
void idle_memory(benchmark::State& state, const Setup& setup) {
    constexpr int kCount = 500;
    for (auto _ : state) {
        std::vector<std::unique_ptr<TestPair>> pairs;
        char buffer[100];
        for (int i = 0; i < kCount; ++i) {
            pairs.push_back(
                std::make_unique<TestPair>(setup.server, setup.client, TlsTarget{"shop.test", ""}));
            TestPair& pair = *pairs.back();
            pair.shake();
            (void)pair.client->write("request");
            (void)pair.server->read(buffer, sizeof buffer);
            (void)pair.server->write("answer");
            (void)pair.server->read(buffer, sizeof buffer);
        }
        const std::size_t with = mallinfo2().uordblks;
        for (auto& pair : pairs) pair->server.reset();
        const std::size_t without = mallinfo2().uordblks;
        state.counters["bytes"] = static_cast<double>(with - without) / kCount;
    }
}
void BM_IdleMemoryTls13(benchmark::State& s) { idle_memory(s, setup_of(false, true)); }
void BM_IdleMemoryTls12(benchmark::State& s) { idle_memory(s, setup_of(false, false)); }
void BM_IdleMemoryMutualTls13(benchmark::State& s) { idle_memory(s, setup_of(false, true, true)); }
BENCHMARK(BM_IdleMemoryTls13)->Iterations(1);
BENCHMARK(BM_IdleMemoryTls12)->Iterations(1);
BENCHMARK(BM_IdleMemoryMutualTls13)->Iterations(1);

}  // namespace
}  // namespace glassgate::io::tls
