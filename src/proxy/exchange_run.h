// One exchange from its first byte to its record. exchange_run.cc tells the story; this is its
// cast.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "http/grpc.h"
#include "io/task.h"
#include "proxy/connection.h"
#include "proxy/exchange_state.h"
#include "proxy/h2_upstream.h"
#include "proxy/mux_stream.h"
#include "proxy/upstream.h"

namespace glassgate::proxy {

class ExchangeRun {
public:
    // Serves one request. On HTTP/1.1 (`stream` is null) its first byte is in the connection's
    // buffer; on HTTP/2 the stream's head can be read. Afterwards the record has been handed over
    // and the connection's fate says whether another request may follow.
    static io::Task<void> serve(Connection& connection, MuxStream* stream);

    // The drain time is over: every wait of this exchange ends now.
    void cut_off() noexcept;

private:
    ExchangeRun(Connection& connection, ExchangeState& state, MuxStream* stream) noexcept;
    ~ExchangeRun();

    // What a step may answer. Steps that need not wait are plain functions: a coroutine's frame
    // is for what really waits.
    enum class Step : uint8_t { done, failed, waits };

    // the story, in this order (exchange_run.cc)
    void open();
    Step parse_head();  // receive.cc
    Step read_h2_head();
    io::Task<bool> receive_rest_of_head();
    bool admit_head();
    bool find_route();
    // choose_route.cc
    [[nodiscard]] std::string_view path() const noexcept;
    RouteMatch choose_route();
    bool take_destination(const ApiRoutePlan& api, const Captures& captures);
    bool policy_is_meant(std::size_t index) noexcept;
    bool answers_as_last_hop();
    void offer_methods(MethodSet methods);
    void begin_policies();
    Step run_policies();
    io::Task<Step> wait_for_policy();
    Step note_verdict(std::size_t index, const policy::Verdict& verdict);
    [[nodiscard]] uint16_t reason_index(uint32_t policy, std::string_view slug) const noexcept;
    [[nodiscard]] bool whole_body_passes();
    [[nodiscard]] bool body_passes(std::string_view piece, bool last);
    io::Task<void> forward();
    void finish();  // finish.cc: the one place
    void finish_stream();

    // interim.cc: records of a long stream while it lives
    void begin_interim_records();
    static void on_interim_timer(void* self);
    void tell_interim();
    void keep_client();

    // receive.cc
    void keep_head_apart();
    void capture_request();
    void capture_tls();
    void capture_grpc();
    void forward_client_certificate();
    [[nodiscard]] bool certificate_is_allowed();
    void identify_client();
    void begin_trace();
    bool continue_trace();
    void decide_sampling();
    bool check_body_limit();

    // attempt.cc: one try at one target; true when a response head is there
    io::Task<bool> attempt();
    bool pick_target(uint32_t& target);
    bool take_pooled(uint32_t target);
    io::Task<bool> connect_to(uint32_t target);
    bool overflow(uint32_t target);
    bool client_still_there();
    [[nodiscard]] bool body_is_here() noexcept;
    std::string_view whole_body();
    bool note_sent(const io::IoResult& sent, bool whole);
    Step parse_response_head();
    [[nodiscard]] uint64_t response_timeout_ns() const noexcept;
    [[nodiscard]] uint64_t stream_idle_timeout_ns() const noexcept;
    [[nodiscard]] uint64_t response_deadline_ns() const noexcept;
    [[nodiscard]] uint64_t within_call(uint64_t deadline_ns) const noexcept;
    bool note_received(const io::IoResult& got);
    io::Task<bool> relay_interim();
    [[nodiscard]] http::UpstreamRequest upstream_request();

    // attempt_h2.cc: the same over a stream
    io::Task<bool> attempt_h2();
    bool request_stream(H2Upstream& link);
    // Over HTTP/2 what the peer says at the beginning decides whether it can be asked at all.
    [[nodiscard]] bool becomes_tunnel_stream() const noexcept;
    io::Task<bool> request_tunnel_stream(H2Upstream& link);
    bool note_h2_sent(const io::IoResult& sent, bool whole);
    io::Task<bool> receive_h2_head();
    static void on_upstream_head(void* self, MuxStream::Heard heard);
    void read_upstream_head(MuxStream::Heard heard);
    bool may_retry();
    bool retries_answer();  // of an upstream that answered 502, 503 or 504
    bool take_retry();
    void fail_attempt(model::AttemptResult result);
    void end_attempt();
    void release_upstream(bool reusable);

    // relay.cc: bodies
    io::Task<void> pump_request_body();  // runs beside, from client to upstream
    io::Task<void> stop_pump();          // before what it uses goes away
    struct Part {                        // of the request body
        std::string_view data;
        std::size_t used = 0;  // bytes of what the client has sent
        bool good = true;
    };
    Part take_request_part();
    io::Task<bool> send_request_part(Part part);
    [[nodiscard]] std::string_view client_bytes() const noexcept;
    void client_consume(std::size_t bytes);
    [[nodiscard]] std::string_view request_trailers() const noexcept;
    [[nodiscard]] std::string_view upstream_bytes() const noexcept;
    void upstream_consume(std::size_t bytes);
    [[nodiscard]] std::string_view response_trailers() const noexcept;
    struct Piece {              // of the response, on its way to the client behind state_.out
        std::string_view data;  // in the upstream connection's buffer
        std::string_view tail;  // end of the framing
        std::size_t used = 0;   // bytes of that buffer
    };
    void begin_response();
    bool next_piece(Piece& piece);
    void frame(Piece& piece);
    io::Task<io::IoResult> write_h2(Piece piece);
    [[nodiscard]] bool response_is_out() const noexcept {
        return response_complete_ && state_.out.empty() && (client_h2_ == nullptr || client_ended_);
    }
    bool note_relayed(const io::IoResult& sent, const Piece& piece);
    io::Task<bool> relay_rest();
    bool note_body_received(const io::IoResult& got);
    void end_response();
    void end_grpc() noexcept;
    void note_grpc_status(std::optional<http::grpc::Status> status) noexcept;

    // tunnel.cc
    enum class Side : uint8_t { none, client, upstream };
    bool begin_websocket();
    bool websocket_is_answered();
    io::Task<void> tunnel();
    io::Task<void> tunnel_client_to_upstream();
    void note_tunnel_broken(Side side, io::IoStatus status) noexcept;
    void end_client_side();
    void end_upstream_side();
    void half_closed(uint64_t idle_ns);
    static void on_half_closed_timer(void* self);
    void interrupt_tunnel() noexcept;
    void end_tunnel();
    io::Task<io::IoResult> read_upstream(std::string_view& bytes);
    io::Task<io::IoResult> read_client(std::string_view& bytes);
    io::Task<io::IoResult> write_client(std::string_view bytes);
    io::Task<io::IoResult> write_upstream(std::string_view bytes);
    [[nodiscard]] uint64_t tunnel_idle_ns() const noexcept;
    [[nodiscard]] bool tunnel_still_active(const io::IoResult& got) const noexcept;
    void client_failed(io::IoStatus status);
    void upstream_failed_mid_body(io::IoStatus status);

    // reply.cc: answers of our own
    void end(model::Ending ending);  // states the ending, once
    void end(model::Ending ending, model::Origin origin);
    io::Task<void> reply_for_ending();
    io::Task<void> reply(uint16_t status, std::string_view message);
    void account_for_request_body();
    io::Task<io::IoResult> send_local_reply(const http::LocalReply& local, uint64_t stall_ns);
    void run_response_policies(uint16_t status, const http::ResponseHead* head);

    [[nodiscard]] const Plan& plan() const noexcept { return *state_.active->plan; }
    [[nodiscard]] const ListenerPlan& listener() const noexcept {
        return plan().listeners[record_.listener];
    }
    [[nodiscard]] const RoutePlan& route() const noexcept { return plan().routes[record_.route]; }
    [[nodiscard]] Upstream& upstream() const noexcept {
        return *state_.active->upstreams[upstream_index_];
    }
    // The clock, read now. For what became known by an event the turn's time is the truer one: it
    // is when the event happened, before those ahead of it in the same turn were dealt with.
    [[nodiscard]] uint64_t now() noexcept { return worker_.loop().refresh_now(); }
    [[nodiscard]] uint64_t turn_ns() const noexcept { return worker_.loop().now_ns(); }
    [[nodiscard]] io::Socket& client() const noexcept { return connection_.socket; }
    static void on_client_hangup(void* self);
    void interrupt() noexcept;  // the wait for the upstream, whatever it is
    void cancel_client() noexcept;
    void uncancel_client() noexcept;
    void watch_client(bool watched) noexcept;
    [[nodiscard]] bool client_left() const noexcept;
    [[nodiscard]] bool over_tls() const noexcept { return connection_.socket.tls() != nullptr; }
    [[nodiscard]] std::string_view request_id(char (&hex)[32]) const noexcept;

    Connection& connection_;
    MuxStream* const client_h2_;  // null: HTTP/1.1
    Worker& worker_;
    ExchangeState& state_;
    model::Exchange& record_;
    Fate own_fate_;  // of a stream
    Fate& fate_;
    bool client_ended_ = false;  // HTTP/2: the end of the response has been given to the session

    uint32_t upstream_index_ = 0;  // of the plan: the route's, or one of several
    bool head_malformed_ = false;  // HTTP/2: answered, and then a stream error
    std::size_t head_bytes_ = 0;   // of the receive buffer, while the request head lies there
    std::size_t resume_ = 0;       // where parsing goes on
    std::size_t interim_ = 0;      // bytes of an interim response to be handed on
    std::optional<policy::Reply> refusal_;  // of a policy
    uint64_t policy_began_ns_ = 0;          // 0 where nobody asks how long they take

    std::unique_ptr<UpstreamConnection> upstream_connection_;  // HTTP/1.1
    std::optional<MuxStream> upstream_h2_;
    http::ParseError head_error_ = http::ParseError::none;  // of the upstream's HTTP/2 head
    LinkWait* link_wait_ = nullptr;                         // while another connects for us
    std::string_view websocket_key_;  // that we asked an upstream with, for an HTTP/2 client
    uint64_t call_deadline_ns_ = 0;   // gRPC's; 0: none
    model::Attempt attempt_;
    uint64_t tried_ = 0;           // targets, one bit each
    bool holds_retry_ = false;     // a place among the upstream's retries
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
    bool body_unseen_ = false;       // policies have to see it on its way
    std::size_t body_buffered_ = 0;  // then: so many bytes of it
    bool request_complete_ = false;  // everything has been sent upstream
    std::string request_tail_;       // end of a chunked body with its trailers
    uint64_t tunnel_active_ns_ = 0;  // either direction of a tunnel
    Side tunnel_broken_ = Side::none;
    bool pump_writes_ = false;     // of a tunnel: to the upstream
    uint64_t half_closed_ns_ = 0;  // one side has ended: how long the other may be idle
    io::Timer tunnel_timer_;
    model::Ending pump_ending_ = model::Ending::completed;  // why the pump gave up, if it did

    // response body
    http::ChunkedDecoder response_chunks_;
    http::BodyKind client_framing_ = http::BodyKind::none;
    bool upstream_keep_alive_ = false;
    bool response_broken_ = false;    // its framing, behind what has been taken
    uint64_t response_left_ = 0;      // of a body with a length: not yet taken from the upstream
    std::size_t out_bytes_ = 0;       // of the body, in state_.out
    bool response_complete_ = false;  // nothing more is to come; some may still have to be sent

    io::Timer interim_timer_;
    bool client_kept_ = false;  // in the record
};

}  // namespace glassgate::proxy
