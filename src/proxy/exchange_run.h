// One exchange from its first byte to its record. exchange_run.cc tells the story; this is its
// cast.
#pragma once

#include <memory>
#include <string_view>

#include "io/task.h"
#include "proxy/connection.h"
#include "proxy/exchange_state.h"
#include "proxy/upstream.h"

namespace glassgate::proxy {

class ExchangeRun {
public:
    ExchangeRun(Connection& connection, ExchangeState& state) noexcept
        : connection_(connection),
          worker_(connection.worker),
          state_(state),
          record_(state.record) {}

    // Serves one request. The first byte is in the connection's buffer. Afterwards the record has
    // been handed over and connection.keep_alive says whether another request may follow.
    io::Task<void> run();

    // The drain time is over: every wait of this exchange ends now.
    void cut_off() noexcept;

private:
    // the story, in this order (exchange_run.cc)
    void open();
    io::Task<bool> receive_head();
    bool find_route();
    bool answers_as_last_hop();
    void offer_methods(MethodSet methods);
    io::Task<bool> run_policies();
    io::Task<void> forward();
    void finish();  // finish.cc: the one place

    // receive.cc
    void capture_request();
    void identify_client();
    void begin_trace();
    bool check_body_limit();

    // attempt.cc: one try at one target; true when a response head is there
    io::Task<bool> attempt();
    io::Task<bool> obtain_connection(Upstream& upstream, uint32_t target);
    io::Task<bool> send_request();
    io::Task<bool> receive_response_head();
    io::Task<bool> relay_interim();
    void build_upstream_head();
    bool may_retry() const;
    bool retries_answer() const;  // of an upstream that answered 502, 503 or 504
    void fail_attempt(model::AttemptResult result);
    void end_attempt();
    void release_upstream(bool reusable);

    // relay.cc: bodies
    io::Task<void> pump_request_body();  // runs beside, from client to upstream
    io::Task<void> stop_pump();          // before what it uses goes away
    io::Task<bool> pump_step(std::string_view bytes, std::size_t& used);
    io::Task<void> relay_response();
    io::Task<bool> relay_body();
    io::Task<bool> send_body(std::string_view data);
    io::Task<void> tunnel();
    io::Task<void> tunnel_client_to_upstream();
    [[nodiscard]] uint64_t tunnel_idle_ns() const noexcept;
    [[nodiscard]] bool tunnel_still_active(const io::IoResult& got) const noexcept;
    void client_failed(io::IoStatus status);
    void upstream_failed_mid_body(io::IoStatus status);

    // reply.cc: answers of our own
    void end(model::Ending ending);  // states the ending, once
    void end(model::Ending ending, model::Origin origin);
    io::Task<void> reply_for_ending();
    io::Task<void> reply(uint16_t status, std::string_view message);
    void run_response_policies(uint16_t status, const http::ResponseHead* head);

    [[nodiscard]] const Plan& plan() const noexcept { return *state_.active->plan; }
    [[nodiscard]] const ListenerPlan& listener() const noexcept {
        return plan().listeners[record_.listener];
    }
    [[nodiscard]] const RoutePlan& route() const noexcept { return plan().routes[record_.route]; }
    [[nodiscard]] Upstream& upstream() const noexcept {
        return *state_.active->upstreams[route().upstream];
    }
    [[nodiscard]] uint64_t now() noexcept { return worker_.loop().refresh_now(); }
    static void on_client_hangup(void* self);
    void interrupt() noexcept;  // the wait for the upstream, whatever it is
    [[nodiscard]] std::string_view request_id(char (&hex)[32]) const noexcept;

    Connection& connection_;
    Worker& worker_;
    ExchangeState& state_;
    model::Exchange& record_;

    std::unique_ptr<UpstreamConnection> upstream_connection_;
    model::Attempt attempt_;
    uint64_t tried_ = 0;           // targets, one bit each
    bool answer_begun_ = false;    // a byte of any response to this attempt has come back
    bool response_begun_ = false;  // a byte of the final response has gone to the client
    bool client_gone_ = false;
    bool cut_off_ = false;              // by the end of the drain time
    io::Socket* connecting_ = nullptr;  // to the upstream, while that is under way
    bool reusable_ = false;             // the upstream connection, after the exchange

    // request body
    io::Joinable pump_;
    http::ChunkedDecoder request_chunks_;
    uint64_t body_left_ = 0;         // of a body with a length: not yet sent upstream
    uint64_t body_limit_ = 0;        // 0: none
    bool body_replayable_ = true;    // the whole body still lies in the connection's buffer
    std::size_t body_buffered_ = 0;  // then: so many bytes of it
    bool request_complete_ = false;  // everything has been sent upstream
    std::string request_tail_;       // end of a chunked body with its trailers
    uint64_t tunnel_active_ns_ = 0;  // either direction of a tunnel
    model::Ending pump_ending_ = model::Ending::completed;  // why the pump gave up, if it did

    // response body
    http::ChunkedDecoder response_chunks_;
    http::BodyKind client_framing_ = http::BodyKind::none;
    bool response_complete_ = false;
};

}  // namespace glassgate::proxy
