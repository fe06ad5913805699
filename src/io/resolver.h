// Resolver: names to addresses, by c-ares on a loop; nothing blocks. Honours /etc/hosts and
// resolv.conf (servers, search domains, options), and reads them anew when they change.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/loop.h"
#include "io/timer.h"

struct ares_addrinfo;

namespace glassgate::io {

enum class ResolveStatus : uint8_t {
    ok,         // at least one address
    not_found,  // the name does not exist or has no address
    timeout,    // no answer within the deadline
    failed,     // no server reachable, refused, garbage
};

struct Resolution {
    ResolveStatus status = ResolveStatus::failed;
    std::string reason;                       // for people; empty when ok
    std::vector<sockaddr_storage> addresses;  // A and AAAA, port 0, without duplicates
};

// Belongs to its loop's thread. May be destroyed at any time, also by a callback; what is under way
// is then dropped without a word.
class Resolver {
public:
    using Callback = std::function<void(const Resolution&)>;

    // servers: "127.0.0.1:5353,10.0.0.2" instead of resolv.conf's; empty: resolv.conf's.
    static Result<std::unique_ptr<Resolver>> create(Loop& loop, const std::string& servers = {});
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    // Calls `callback` exactly once, on the loop, never from within this call. deadline_ns: mono
    // clock. Addresses the machine has no route to (an AAAA without IPv6) are left out unless there
    // are no others.
    void resolve(const std::string& host, uint64_t deadline_ns, Callback callback);

private:
    struct Query;
    struct Channel;
    struct Finished {
        Callback callback;
        Resolution resolution;
    };

    Resolver(Loop& loop, std::string servers) noexcept;
    Status open_channel();
    void refresh_channel();
    void process(int readable_fd, int writable_fd);
    void after_ares();
    void deliver();
    void finish(Query& query, Resolution resolution);
    static void on_result(void* query, int status, int timeouts, ares_addrinfo* result);
    static void on_query_deadline(void* query);
    static void on_ares_timer(void* self);
    static void on_deliver_timer(void* self);

    Loop& loop_;
    std::string servers_;
    std::unique_ptr<Channel> channel_;
    std::list<std::unique_ptr<Query>> queries_;  // c-ares still knows them
    std::vector<Finished> finished_;             // to be told
    Timer ares_timer_, deliver_timer_;
    std::shared_ptr<bool> alive_;
};

}  // namespace glassgate::io
