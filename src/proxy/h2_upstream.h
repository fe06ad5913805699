// H2Upstream: a connection to a target that speaks HTTP/2, shared by the exchanges of one worker.
#pragma once

#include <coroutine>
#include <memory>
#include <string_view>
#include <vector>

#include "http/h2/session.h"
#include "io/socket.h"
#include "model/exchange.h"
#include "proxy/mux_stream.h"

namespace glassgate::proxy {

class LinkWait;
class Upstream;

class H2Upstream final : public MuxLink, public http::h2::Listener {
public:
    struct Settings {
        http::h2::Limits limits;
        uint32_t streams = 100;  // at most at once
        uint64_t idle_ns = 0;    // without streams for so long: closed
    };
    // Reads on its own, and frees itself when the connection is over and its streams are gone.
    // `pool` is told when it takes no more streams, unless leave() was called before.
    static H2Upstream* start(io::Loop& loop, io::BufferPool& buffers, http::h2::Context& context,
                             io::Socket socket, const Settings& settings, Upstream& pool,
                             uint32_t target, std::string_view address);

    [[nodiscard]] bool can_request() noexcept {
        return !over_ && streams() < settings_.streams && session_.can_request();
    }
    [[nodiscard]] std::string_view address() const noexcept { return address_; }
    [[nodiscard]] uint32_t target() const noexcept { return target_; }
    // The peer's SETTINGS are here: what it takes is known.
    [[nodiscard]] bool knows_peer() const noexcept { return knows_peer_; }
    // Until then. `response`: it does, and this is still there; else it may be gone.
    io::Task<model::AttemptResult> wait_for_peer(LinkWait& wait);
    // The pool is gone, or the target's address: no further streams, and the end with the last.
    void leave() noexcept;

private:
    H2Upstream(io::Loop& loop, io::BufferPool& buffers, http::h2::Context& context,
               io::Socket socket, const Settings& settings, Upstream& pool, uint32_t target,
               std::string_view address);
    static io::Detached run(std::unique_ptr<H2Upstream> self);
    io::Task<void> read();
    void forget() noexcept;
    void wake_waiting(model::AttemptResult result);

    void on_head(http::h2::Stream& stream) override;
    void on_interim(http::h2::Stream& stream) override;
    void on_data(http::h2::Stream& stream) override;
    void on_end(http::h2::Stream& stream) override;
    void on_sent(http::h2::Stream& stream) override;
    void on_closed(http::h2::Stream& stream) override;
    void on_goaway(http::h2::ErrorCode code, http::h2::StreamId last,
                   std::string_view debug) override;
    void on_settings() override;

    Settings settings_;
    io::Socket own_socket_;
    http::h2::Session session_;
    Upstream* pool_;
    uint32_t target_;
    bool over_ = false;
    bool knows_peer_ = false;
    std::vector<LinkWait*> waiting_;  // for what the peer takes
    char address_[56] = {};
};

// One exchange that waits for another's connect. Cancelled: `cancelled`.
class LinkWait {
public:
    void cancel() noexcept { wake(model::AttemptResult::cancelled); }
    void wake(model::AttemptResult result) noexcept;

    // co_await: what came of the connect.
    [[nodiscard]] bool await_ready() const noexcept { return woken_; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { waiter_ = waiter; }
    [[nodiscard]] model::AttemptResult await_resume() const noexcept { return result_; }

private:
    std::coroutine_handle<> waiter_;
    model::AttemptResult result_ = model::AttemptResult::cancelled;
    bool woken_ = false;
};

}  // namespace glassgate::proxy
