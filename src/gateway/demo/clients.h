// Clients: everybody who talks to the gateway, on one thread. Arrivals are open-loop: a request is
// sent when it is due, whether or not earlier ones have been answered, as many independent people
// would. Connections are kept alive and shared, as browsers' and apps' connection pools do. On a
// machine that cannot keep up, what is under way would grow without end: above a bound a request
// that is due is not sent, and counted.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "gateway/demo/scenario.h"
#include "http/h1.h"
#include "io/socket.h"

namespace glassgate::gateway::demo {

// What the clients saw. Every request sent is in exactly one of the three endings, or still open.
struct ClientTotals {
    uint64_t sent = 0;
    uint64_t answered = 0;
    uint64_t broken = 0;        // connection refused, reset or closed before the response's end
    uint64_t by_class[6] = {};  // answered, by first digit of the status
    uint64_t limited = 0;       // of by_class[4]: 429
    uint64_t open = 0;
    uint64_t held_back = 0;  // due but not sent, and not in `sent`
};

class Clients {
public:
    // Sends to 127.0.0.1:port. The scenario's clock starts now.
    static Result<std::unique_ptr<Clients>> start(const Scenario& scenario, uint16_t port,
                                                  uint64_t seed, uint64_t max_under_way);
    ~Clients();  // gives up what is open
    Clients(const Clients&) = delete;
    Clients& operator=(const Clients&) = delete;

    [[nodiscard]] uint64_t started_ns() const noexcept { return started_ns_; }
    // Any thread.
    [[nodiscard]] ClientTotals totals() const noexcept;
    // Any thread. No new requests; those under way go on.
    void stop_sending();
    // Any thread. True when nothing is under way any more, false when the deadline is over before.
    [[nodiscard]] bool wait_idle(uint32_t deadline_ms) const;

private:
    Clients(std::unique_ptr<io::Loop> loop, const Scenario& scenario, uint16_t port, uint64_t seed,
            uint64_t max_under_way);
    struct Connection {
        io::Socket socket;
        std::string buffer;
        char room[2048];
    };
    struct Request {
        Endpoint endpoint = Endpoint::products;
        std::size_t poller = kNoPoller;
        uint32_t shopper = 0;
    };
    struct Answer {
        bool whole = false;
        bool keep_alive = false;
        uint16_t status = 0;
        uint32_t retry_after_s = 0;
    };
    static constexpr std::size_t kNoPoller = ~std::size_t{0};

    static void on_tick(void* self);
    void send_due();
    void send_due_pollers(double now_s);
    io::Detached perform(Request request);
    io::Task<std::unique_ptr<Connection>> obtain();
    io::Task<Answer> exchange(Connection& connection, Request request, std::string text);
    static http::ParseState look(const Connection& connection, Method method, std::size_t& resume,
                                 Answer& answer, std::size_t& bytes);
    void note(const Request& request, const Answer& answer);
    [[nodiscard]] std::string request_text(const Request& request);
    void stop_here();
    void end_if_done();

    std::unique_ptr<io::Loop> loop_;
    const Scenario scenario_;
    sockaddr_storage address_{};
    uint64_t started_ns_ = 0;
    Random random_;
    io::Timer tick_;
    std::array<double, kEndpointCount> next_s_{};  // due time of each stream's next arrival
    std::vector<double> poller_next_s_;
    std::vector<std::unique_ptr<Connection>> idle_;
    std::unordered_set<Connection*> busy_;
    uint64_t performing_ = 0;
    const uint64_t max_performing_;
    bool sending_ = true, stopping_ = false;
    std::atomic<uint64_t> sent_{0}, broken_{0}, limited_{0}, held_back_{0};
    std::array<std::atomic<uint64_t>, 6> by_class_{};
    std::thread thread_;
};

}  // namespace glassgate::gateway::demo
