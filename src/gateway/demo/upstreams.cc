#include "gateway/demo/upstreams.h"

#include <string>

#include "base/clock.h"
#include "base/text.h"
#include "http/h1.h"

namespace glassgate::gateway::demo {
namespace {

constexpr uint64_t kIdleNs = 300 * kNsPerSecond;
constexpr uint64_t kWriteStallNs = 10 * kNsPerSecond;

std::string response_text(uint16_t status, Endpoint endpoint) {
    std::string_view body =
        R"({"items":[{"id":"sku-1001","name":"Wireless headphones","price":"79.90"}]})";
    if (status >= 500)
        body = R"({"error":"out of capacity"})";
    else if (endpoint == Endpoint::health)
        body = R"({"status":"up"})";
    else if (endpoint == Endpoint::cart)
        body = R"({"cart":"c-7","items":3})";
    else if (endpoint == Endpoint::checkout)
        body = R"({"order":"o-9","state":"accepted"})";
    std::string out = "HTTP/1.1 ";
    append_u64(out, status);
    out.append(" ").append(http::reason_phrase(status));
    out.append("\r\nContent-Type: application/json\r\nContent-Length: ");
    append_u64(out, body.size());
    out.append("\r\n\r\n").append(body);
    return out;
}

}  // namespace

Endpoint endpoint_of(Service service, std::string_view path) noexcept {
    if (service == Service::cart) return Endpoint::cart;
    if (service == Service::checkout) return Endpoint::checkout;
    if (path == "/health") return Endpoint::health;
    return path.starts_with("/api/products/") ? Endpoint::product : Endpoint::products;
}

struct Upstreams::Connection {
    io::Socket socket;
    Service service;
    std::string buffer;
    std::size_t resume = 0;
    char room[2048];
};

// Not in a coroutine: a head is large, a coroutine's frame should not be.
Upstreams::Arrived Upstreams::look(Connection& connection) {
    http::RequestHead head;
    const http::ParseResult parsed =
        http::parse_request_head(connection.buffer, {}, connection.resume, head);
    Arrived arrived{parsed.state, 0, endpoint_of(connection.service, head.path)};
    if (parsed.state != http::ParseState::complete) return arrived;
    arrived.bytes = parsed.consumed + static_cast<std::size_t>(head.content_length);
    if (head.body == http::BodyKind::chunked)  // the built-in clients send none
        arrived.state = http::ParseState::failed;
    else if (connection.buffer.size() < arrived.bytes)
        arrived.state = http::ParseState::incomplete;
    return arrived;
}

Result<std::unique_ptr<Upstreams>> Upstreams::start(const ProductServiceFigures& figures,
                                                    uint64_t seed) {
    auto loop = TRY(io::Loop::create());
    std::unique_ptr<Upstreams> self(new Upstreams(std::move(loop), figures, seed));
    for (std::size_t i = 0; i < kServiceCount; ++i) {
        Listening& l = self->listening_[i];
        l.upstreams = self.get();
        l.service = static_cast<Service>(i);
        l.acceptor =
            TRY(io::Acceptor::listen(*self->loop_, "127.0.0.1", 0, &Upstreams::on_accept, &l));
    }
    self->thread_ = std::thread([raw = self.get()] { raw->loop_->run(); });
    return self;
}

Upstreams::~Upstreams() {
    if (!thread_.joinable()) return;
    loop_->post([this] { stop_here(); });
    thread_.join();
}

void Upstreams::stop_here() {
    stopping_ = true;
    for (Listening& l : listening_) l.acceptor.reset();
    // Each wait that is cancelled ends its coroutine, which takes itself out of the set.
    const std::unordered_set<Connection*> open = open_;
    for (Connection* connection : open) connection->socket.cancel();
    if (open_.empty()) loop_->stop();
}

uint16_t Upstreams::port(Service service) const noexcept {
    return listening_[static_cast<std::size_t>(service)].acceptor->port();
}

void Upstreams::on_accept(void* listening, int fd, const sockaddr_storage&) {
    const auto& l = *static_cast<Listening*>(listening);
    auto socket = io::Socket::adopt(*l.upstreams->loop_, fd);
    if (socket) l.upstreams->serve(std::move(*socket), l.service);
}

io::Detached Upstreams::serve(io::Socket socket, Service service) {
    Connection connection{std::move(socket), service, {}, 0, {}};
    open_.insert(&connection);
    while (!stopping_) {
        const Arrived arrived = look(connection);
        if (arrived.state == http::ParseState::failed) break;
        if (arrived.state == http::ParseState::complete) {
            connection.buffer.erase(0, arrived.bytes);
            connection.resume = 0;
            if (!co_await answer(connection, arrived.endpoint)) break;
        } else if (!co_await receive(connection, loop_->now_ns() + kIdleNs)) {
            break;
        }
    }
    open_.erase(&connection);
    connection.socket.close();
    if (stopping_ && open_.empty()) loop_->stop();
}

// True when something came before the deadline.
io::Task<bool> Upstreams::receive(Connection& connection, uint64_t deadline_ns) {
    const io::IoResult got =
        co_await connection.socket.read(connection.room, sizeof connection.room, deadline_ns);
    if (got.ok()) connection.buffer.append(connection.room, got.bytes);
    co_return got.ok();
}

Behaviour Upstreams::decide(Endpoint endpoint) {
    received_.fetch_add(1, std::memory_order_relaxed);
    const uint64_t now_ns = loop_->now_ns();
    if (endpoint == Endpoint::products || endpoint == Endpoint::product)
        pressure_.arrived(now_ns);
    else
        pressure_.advance(now_ns);
    pressure_shown_.store(pressure_.value(), std::memory_order_relaxed);
    Behaviour behaviour = behave(endpoint, pressure_.value(), random_);
    if (endpoint == Endpoint::products && pressure_.stalls(now_ns)) {
        behaviour.kind = Behaviour::Kind::hang;
        hung_.fetch_add(1, std::memory_order_relaxed);
    }
    return behaviour;
}

// One answer; false: the connection is of no more use.
io::Task<bool> Upstreams::answer(Connection& connection, Endpoint endpoint) {
    const Behaviour behaviour = decide(endpoint);
    // A pause that ends early when the peer gives up (or we are to stop).
    const bool hangs = behaviour.kind == Behaviour::Kind::hang;
    const uint64_t until_ns = loop_->now_ns() + (hangs ? kIdleNs : behaviour.delay_ns);
    if (behaviour.delay_ns > 0 || hangs) {
        while (co_await receive(connection, until_ns)) {
        }
        if (hangs || stopping_ || connection.socket.hangup()) co_return false;
    }
    const std::string text = response_text(behaviour.status, endpoint);
    co_return (co_await connection.socket.write(text, kWriteStallNs)).ok();
}

}  // namespace glassgate::gateway::demo
