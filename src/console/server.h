// Server: the HTTP server of the console and its API (port 9900), apart from the workers: one
// thread that reads and writes, a small pool that runs handlers.
//
// Without credentials it listens on loopback only, answers only for hosts that are its own, and
// everybody who reaches it is an operator. With credentials each route asks for its role.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/console_settings.h"
#include "console/credentials.h"
#include "console/pool.h"
#include "console/request.h"
#include "console/router.h"
#include "http/simple_reply.h"
#include "http/simple_server.h"

namespace re2 {
class RE2;
}

namespace glassgate::console {

struct ServerLimits {
    unsigned threads = 4;         // of the pool
    std::size_t queue_max = 128;  // requests that wait for it, of each weight; beyond: 503
    std::size_t streams_max = 64;
    http::StreamLimits stream{.heartbeat = ": \n\n"};
    http::SimpleServer::Limits connections{};
};

class Server final : private http::SimpleDispatcher {
public:
    // Error: it cannot or must not listen there; a bad route.
    [[nodiscard]] static Result<std::unique_ptr<Server>> start(
        const config::ConsoleSettings& settings, std::vector<Route> routes,
        const ServerLimits& limits = {});
    // Cancels what is under way and waits for it.
    ~Server() override;

    // Follows a reload, on one thread at a time. Error: all stays as it was.
    Status reconfigure(const config::ConsoleSettings& settings);
    [[nodiscard]] uint16_t port() const noexcept { return port_.load(); }

    // Any thread.
    struct Numbers {
        std::array<uint64_t, 6> requests_by_class{};  // [2]: 2xx ...; a stream counts at its start
        uint64_t overloaded = 0;                      // 503: the pool's queue or the streams full
        uint64_t logins_refused = 0;                  // wrong credentials
        uint64_t streams = 0;                         // open
        uint64_t streams_dropped = 0;                 // the client did not read
    };
    [[nodiscard]] Numbers numbers() const noexcept;

private:
    // What a reload replaces; requests under way keep theirs.
    struct Policy {
        explicit Policy(const config::ConsoleSettings& s);
        const config::ConsoleSettings settings;
        Credentials credentials;
        std::shared_ptr<const re2::RE2> cors_origin;
    };
    // One request on its way through.
    struct Call {
        Request request;
        std::shared_ptr<http::SimpleReply> reply;
        std::shared_ptr<Policy> policy;
        const Route* route = nullptr;
        std::string host, origin, authorization;
        bool cors = false;
        bool takes_gzip = false;
    };

    Server(Router router, const ServerLimits& limits);
    [[nodiscard]] uint32_t body_bytes_max(const http::RequestHead& head) override;
    void dispatch(const http::RequestHead& head, std::string_view peer, std::string body,
                  std::shared_ptr<http::SimpleReply> reply) override;
    Status listen(const config::ConsoleSettings& settings);
    [[nodiscard]] std::shared_ptr<Policy> policy() const;
    void set_policy(std::shared_ptr<Policy> policy);
    // Whether the request goes on; else it is answered.
    [[nodiscard]] bool admit(Call& call, const Router::Match& match);
    [[nodiscard]] bool authorise(Call& call, const Credentials::User& user);
    void submit(std::shared_ptr<Call> call, bool authenticated);
    void run(Call& call, Pool::Tools* tools);
    void answer(Call& call, Response response, Pool::Tools* tools);
    void answer_stream(Call& call, Response response);
    void refuse(Call& call, uint16_t status, std::string_view words);
    void ask_for_credentials(Call& call);
    void add_cors(const Call& call, Response& response) const;

    const Router router_;
    const ServerLimits limits_;
    mutable std::mutex policy_mutex_;
    std::shared_ptr<Policy> policy_;
    std::array<std::atomic<uint64_t>, 6> by_class_{};
    std::atomic<uint64_t> overloaded_{0}, logins_refused_{0}, streams_{0}, streams_dropped_{0};
    std::atomic<uint16_t> port_{0};
    std::unique_ptr<Pool> pool_;
    std::unique_ptr<http::SimpleServer> http_;  // goes first: it cancels what the pool works on
};

}  // namespace glassgate::console
