// Upstreams: product-service, cart and checkout, served on one thread from three ports of the
// loopback interface. They behave as service_model.h says.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>
#include <unordered_set>

#include "base/ids.h"
#include "base/result.h"
#include "gateway/demo/scenario.h"
#include "gateway/demo/service_model.h"
#include "http/h1.h"
#include "io/socket.h"

namespace glassgate::gateway::demo {

enum class Service : uint8_t { product_service, cart, checkout };
inline constexpr std::size_t kServiceCount = 3;

class Upstreams {
public:
    // Listens on free ports and starts its thread.
    static Result<std::unique_ptr<Upstreams>> start(const ProductServiceFigures& figures,
                                                    uint64_t seed);
    ~Upstreams();
    Upstreams(const Upstreams&) = delete;
    Upstreams& operator=(const Upstreams&) = delete;

    [[nodiscard]] uint16_t port(Service service) const noexcept;
    // Any thread.
    [[nodiscard]] uint64_t received() const noexcept {
        return received_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] uint64_t hung() const noexcept { return hung_.load(std::memory_order_relaxed); }
    [[nodiscard]] double pressure() const noexcept {
        return pressure_shown_.load(std::memory_order_relaxed);
    }

private:
    explicit Upstreams(std::unique_ptr<io::Loop> loop, const ProductServiceFigures& figures,
                       uint64_t seed)
        : loop_(std::move(loop)), pressure_(figures), random_(seed) {}
    struct Listening {
        Upstreams* upstreams = nullptr;
        Service service = Service::product_service;
        std::unique_ptr<io::Acceptor> acceptor;
    };
    struct Connection;
    static void on_accept(void* listening, int fd, const sockaddr_storage& peer);
    io::Detached serve(io::Socket socket, Service service);
    struct Arrived {
        http::ParseState state;
        std::size_t bytes;  // of the whole request, when complete
        Endpoint endpoint;
    };
    static Arrived look(Connection& connection);
    io::Task<bool> receive(Connection& connection, uint64_t deadline_ns);
    io::Task<bool> answer(Connection& connection, Endpoint endpoint);
    Behaviour decide(Endpoint endpoint);
    void stop_here();

    std::unique_ptr<io::Loop> loop_;
    std::array<Listening, kServiceCount> listening_;
    std::unordered_set<Connection*> open_;  // the loop's thread
    Pressure pressure_;
    Random random_;
    bool stopping_ = false;
    std::atomic<uint64_t> received_{0}, hung_{0};
    std::atomic<double> pressure_shown_{0};
    std::thread thread_;
};

// The endpoint of a request to a service; products for what is not known.
[[nodiscard]] Endpoint endpoint_of(Service service, std::string_view path) noexcept;

}  // namespace glassgate::gateway::demo
