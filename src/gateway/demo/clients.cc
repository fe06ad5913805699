#include "gateway/demo/clients.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/clock.h"
#include "base/text.h"

namespace glassgate::gateway::demo {
namespace {

constexpr uint64_t kTickNs = 4 * kNsPerMs;
constexpr uint64_t kConnectNs = 5 * kNsPerSecond;
constexpr uint64_t kPatienceNs = 60 * kNsPerSecond;
constexpr std::string_view kPostBody = R"({"sku":"sku-1001","count":1})";

std::string client_of(uint32_t shopper) {
    constexpr char kHex[] = "0123456789abcdef";
    std::string id = "web-0000";
    for (std::size_t i = 0; i < 4; ++i) id[id.size() - 1 - i] = kHex[shopper >> (4 * i) & 15];
    return id;
}

}  // namespace

Clients::Clients(std::unique_ptr<io::Loop> loop, const Scenario& scenario, uint16_t port,
                 uint64_t seed, uint64_t max_under_way)
    : loop_(std::move(loop)),
      scenario_(scenario),
      started_ns_(mono_now_ns()),
      random_(seed),
      max_performing_(max_under_way) {
    (void)io::parse_address("127.0.0.1", port, address_);
    tick_.set_callback(&Clients::on_tick, this);
    for (const Poller& p : scenario_.pollers) poller_next_s_.push_back(p.start_s);
}

Result<std::unique_ptr<Clients>> Clients::start(const Scenario& scenario, uint16_t port,
                                                uint64_t seed, uint64_t max_under_way) {
    auto loop = TRY(io::Loop::create());
    std::unique_ptr<Clients> self(
        new Clients(std::move(loop), scenario, port, seed, max_under_way));
    self->thread_ = std::thread([raw = self.get()] {
        raw->loop_->timers().arm(raw->tick_, raw->loop_->refresh_now());
        raw->loop_->run();
    });
    return self;
}

Clients::~Clients() {
    if (!thread_.joinable()) return;
    loop_->post([this] { stop_here(); });
    thread_.join();
}

void Clients::stop_sending() {
    loop_->post([this] { sending_ = false; });
}

void Clients::stop_here() {
    sending_ = false;
    stopping_ = true;
    tick_.disarm();
    const std::unordered_set<Connection*> busy = busy_;
    for (Connection* connection : busy) connection->socket.cancel();
    end_if_done();
}

void Clients::end_if_done() {
    if (!stopping_ || performing_ != 0) return;
    idle_.clear();
    loop_->stop();
}

ClientTotals Clients::totals() const noexcept {
    ClientTotals t;
    // Endings first: a request that is in an ending has been sent.
    t.broken = broken_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < by_class_.size(); ++i) {
        t.by_class[i] = by_class_[i].load(std::memory_order_acquire);
        t.answered += t.by_class[i];
    }
    t.limited = limited_.load(std::memory_order_acquire);
    t.sent = sent_.load(std::memory_order_acquire);
    t.held_back = held_back_.load(std::memory_order_relaxed);
    t.open = t.sent - t.answered - t.broken;
    return t;
}

bool Clients::wait_idle(uint32_t deadline_ms) const {
    const uint64_t until_ns = mono_now_ns() + deadline_ms * kNsPerMs;
    while (totals().open != 0) {
        if (mono_now_ns() >= until_ns) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

void Clients::on_tick(void* self) {
    auto* clients = static_cast<Clients*>(self);
    if (!clients->sending_) return;
    clients->send_due();
    clients->loop_->timers().arm(clients->tick_, clients->loop_->now_ns() + kTickNs);
}

void Clients::send_due() {
    const double now_s = static_cast<double>(loop_->now_ns() - started_ns_) / 1e9;
    const ShopperRates rates = scenario_.shoppers(now_s);
    for (std::size_t i = 0; i < kEndpointCount; ++i) {
        if (rates.per_second[i] <= 0) continue;
        while (next_s_[i] <= now_s) {
            Request request;
            request.endpoint = static_cast<Endpoint>(i);
            request.shopper = static_cast<uint32_t>(random_.below(scenario_.shopper_ids));
            perform(request);
            next_s_[i] += -std::log(1 - random_.unit()) / rates.per_second[i];
        }
    }
    send_due_pollers(now_s);
}

void Clients::send_due_pollers(double now_s) {
    const bool sale = scenario_.sale_on(now_s);
    for (std::size_t i = 0; i < poller_next_s_.size(); ++i) {
        const Poller& poller = scenario_.pollers[i];
        const double period = sale ? poller.sale_period_s : poller.calm_period_s;
        if (period <= 0) continue;
        // Who polled slowly before the sale does not wait out its last long pause.
        if (sale && !poller.heeds_429)
            poller_next_s_[i] = std::min(poller_next_s_[i], now_s + period);
        while (poller_next_s_[i] <= now_s) {
            Request request;
            request.poller = i;
            perform(request);
            poller_next_s_[i] += period;
        }
    }
}

std::string Clients::request_text(const Request& request) {
    std::string text;
    text.reserve(256);
    const bool post = request.endpoint == Endpoint::cart || request.endpoint == Endpoint::checkout;
    text += post ? "POST " : "GET ";
    switch (request.endpoint) {
        case Endpoint::products:
            text += "/api/products";
            break;
        case Endpoint::product:
            text += "/api/products/sku-";
            append_u64(text, 1000 + random_.below(9000));
            break;
        case Endpoint::cart:
            text += "/api/cart";
            break;
        case Endpoint::checkout:
            text += "/api/checkout";
            break;
        case Endpoint::health:
            text += "/health";
            break;
    }
    text += " HTTP/1.1\r\nHost: shop.retailco.example\r\n";
    if (request.poller != kNoPoller) {
        const Poller& poller = scenario_.pollers[request.poller];
        text.append("client_id: ").append(poller.client_id);
        text.append("\r\nUser-Agent: ").append(poller.user_agent).append("\r\n");
    } else if (request.endpoint == Endpoint::health) {
        text += "User-Agent: load-balancer\r\n";
    } else {
        text.append("client_id: ").append(client_of(request.shopper));
        text += "\r\nUser-Agent: shop-web/2026.11\r\n";
    }
    if (post) {
        text += "Content-Type: application/json\r\nContent-Length: ";
        append_u64(text, kPostBody.size());
        text += "\r\n";
    }
    text += "\r\n";
    if (post) text += kPostBody;
    return text;
}

io::Task<std::unique_ptr<Clients::Connection>> Clients::obtain() {
    while (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        if (!connection->socket.hangup()) co_return connection;
    }
    io::Connected connected = co_await io::connect(*loop_, address_, loop_->now_ns() + kConnectNs);
    if (connected.status != io::IoStatus::ok) co_return nullptr;
    auto connection = std::make_unique<Connection>();
    connection->socket = std::move(connected.socket);
    co_return connection;
}

io::Detached Clients::perform(Request request) {
    if (performing_ >= max_performing_) {
        held_back_.fetch_add(1, std::memory_order_relaxed);
        co_return;
    }
    ++performing_;
    sent_.fetch_add(1, std::memory_order_relaxed);
    Answer answer;
    if (std::unique_ptr<Connection> connection = co_await obtain()) {
        busy_.insert(connection.get());
        if (stopping_) connection->socket.cancel();
        answer = co_await exchange(*connection, request, request_text(request));
        busy_.erase(connection.get());
        if (answer.whole && answer.keep_alive && !stopping_) idle_.push_back(std::move(connection));
    }
    note(request, answer);
    --performing_;
    end_if_done();
}

io::Task<Clients::Answer> Clients::exchange(Connection& connection, Request request,
                                            std::string text) {
    Answer answer;
    const uint64_t until_ns = loop_->now_ns() + kPatienceNs;
    if (!(co_await connection.socket.write(text, kPatienceNs)).ok()) co_return answer;
    const bool post = request.endpoint == Endpoint::cart || request.endpoint == Endpoint::checkout;
    std::size_t resume = 0, bytes = 0;
    connection.buffer.clear();
    while (true) {
        const io::IoResult got =
            co_await connection.socket.read(connection.room, sizeof connection.room, until_ns);
        if (!got.ok()) co_return answer;
        connection.buffer.append(connection.room, got.bytes);
        const http::ParseState state =
            look(connection, post ? Method::post : Method::get, resume, answer, bytes);
        if (state == http::ParseState::failed) co_return answer;
        if (state == http::ParseState::complete) break;
    }
    answer.whole = connection.buffer.size() == bytes;
    co_return answer;
}

// Complete when head and body are there. Not in a coroutine: a head is large.
http::ParseState Clients::look(const Connection& connection, Method method, std::size_t& resume,
                               Answer& answer, std::size_t& bytes) {
    if (bytes == 0) {
        http::ResponseHead head;
        const http::ParseResult parsed =
            http::parse_response_head(connection.buffer, {}, method, resume, head);
        if (parsed.state != http::ParseState::complete) return parsed.state;
        if (head.body != http::BodyKind::length && head.body != http::BodyKind::none)
            return http::ParseState::failed;  // the built-in services always say a length
        bytes = parsed.consumed + static_cast<std::size_t>(head.content_length);
        answer.status = head.status;
        answer.keep_alive = head.keep_alive;
        if (const auto s = parse_u64(http::find(head.headers, http::KnownHeader::retry_after)))
            answer.retry_after_s = static_cast<uint32_t>(std::min<uint64_t>(*s, 3600));
    }
    return connection.buffer.size() >= bytes ? http::ParseState::complete
                                             : http::ParseState::incomplete;
}

void Clients::note(const Request& request, const Answer& answer) {
    if (!answer.whole) {
        broken_.fetch_add(1, std::memory_order_release);
        return;
    }
    if (answer.status == 429) {
        limited_.fetch_add(1, std::memory_order_relaxed);
        if (request.poller != kNoPoller && scenario_.pollers[request.poller].heeds_429) {
            const double now_s = static_cast<double>(loop_->now_ns() - started_ns_) / 1e9;
            poller_next_s_[request.poller] = std::max(
                poller_next_s_[request.poller],
                now_s + answer.retry_after_s + random_.unit() * scenario_.come_back_spread_s);
        }
    }
    by_class_[std::min<std::size_t>(answer.status / 100, 5)].fetch_add(1,
                                                                       std::memory_order_release);
}

}  // namespace glassgate::gateway::demo
