// H2Connection: a client connection that speaks HTTP/2: its streams become exchanges, each beside
// the others.
#pragma once

#include <coroutine>
#include <vector>

#include "http/h2/session.h"
#include "proxy/connection.h"
#include "proxy/mux_stream.h"

namespace glassgate::proxy {

class H2Connection final : public MuxLink, public http::h2::Listener {
public:
    // What the connection's buffer holds is the beginning of it.
    // `upgrade_head`: of the HTTP/1.1 request that is stream 1, if it began so.
    H2Connection(Connection& connection, std::string upgrade_head);
    ~H2Connection();

    // Until the connection is over and its last exchange has closed. The connection's fate is then
    // stated.
    io::Task<void> serve();

    void drain() noexcept;
    void cut_off() noexcept;

    // Exchanges say when they begin and end (ExchangeRun::serve).
    void begin(ExchangeRun& run) { runs_.push_back(&run); }
    void end(ExchangeRun& run) noexcept;

    // The head of a stream: read by the session, or that which asked for the upgrade.
    [[nodiscard]] http::ParseError read_request(http::h2::Stream& stream, http::RequestHead& out,
                                                std::string& text);

private:
    void on_head(http::h2::Stream& stream) override;
    void on_data(http::h2::Stream& stream) override;
    void on_end(http::h2::Stream& stream) override;
    void on_sent(http::h2::Stream& stream) override;
    void on_closed(http::h2::Stream& stream) override;

    static io::Detached run_stream(H2Connection* self, http::h2::Stream& stream);
    [[nodiscard]] uint64_t idle_timeout_ns() const noexcept;
    bool begin_with_upgrade();
    static void on_cut(void* self);
    void state_ending(io::IoStatus status) noexcept;
    [[nodiscard]] auto all_over() noexcept {
        struct Awaiter {
            H2Connection* self;
            bool await_ready() const noexcept { return self->running_ == 0; }
            void await_suspend(std::coroutine_handle<> waiter) noexcept { self->waiter_ = waiter; }
            void await_resume() const noexcept {}
        };
        return Awaiter{this};
    }

    Connection& connection_;
    std::string upgrade_head_;
    http::h2::Session session_;
    std::vector<ExchangeRun*> runs_;
    std::size_t running_ = 0;  // streams with a coroutine
    std::coroutine_handle<> waiter_;
    io::Timer cut_timer_;
    uint64_t idle_since_ns_ = 0;
};

}  // namespace glassgate::proxy
