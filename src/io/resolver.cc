#include "io/resolver.h"

#include <ares.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "base/check.h"
#include "base/clock.h"
#include "io/socket.h"

namespace glassgate::io {
namespace {

constexpr int kTryMs = 1000;  // the first wait for a server; c-ares doubles it with each round
constexpr int kTries = 3;
constexpr const char* kResolvConf = "/etc/resolv.conf";

int64_t modified_ns(const char* path) noexcept {
    struct stat info{};
    if (::stat(path, &info) != 0) return 0;
    return int64_t{info.st_mtim.tv_sec} * int64_t{kNsPerSecond} + info.st_mtim.tv_nsec;
}

// Asks the routing table; no packet is sent.
bool has_route(sockaddr_storage address) noexcept {
    const uint16_t any_port = htons(9);
    if (address.ss_family == AF_INET6)
        reinterpret_cast<sockaddr_in6&>(address).sin6_port = any_port;
    else
        reinterpret_cast<sockaddr_in&>(address).sin_port = any_port;
    const int fd = ::socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    const bool routed =
        ::connect(fd, reinterpret_cast<const sockaddr*>(&address), address_size(address)) == 0;
    ::close(fd);
    return routed;
}

ResolveStatus status_of(int ares_status) noexcept {
    switch (ares_status) {
        case ARES_SUCCESS:
            return ResolveStatus::ok;
        case ARES_ENOTFOUND:
        case ARES_ENODATA:
            return ResolveStatus::not_found;
        case ARES_ETIMEOUT:
            return ResolveStatus::timeout;
        default:
            return ResolveStatus::failed;
    }
}

std::vector<sockaddr_storage> addresses_of(const ares_addrinfo* result) {
    std::vector<sockaddr_storage> all;
    for (const ares_addrinfo_node* node = result->nodes; node != nullptr; node = node->ai_next) {
        if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
        sockaddr_storage address{};
        std::memcpy(&address, node->ai_addr,
                    std::min<std::size_t>(node->ai_addrlen, sizeof address));
        const auto same = [&](const sockaddr_storage& other) {
            return std::memcmp(&address, &other, sizeof address) == 0;
        };
        if (std::none_of(all.begin(), all.end(), same)) all.push_back(address);
    }
    if (std::any_of(all.begin(), all.end(), has_route))
        std::erase_if(all, [](const sockaddr_storage& address) { return !has_route(address); });
    return all;
}

}  // namespace

struct Resolver::Query {
    Resolver* resolver;
    std::list<std::unique_ptr<Query>>::iterator self;
    Callback callback;  // empty: told already
    Timer deadline;
};

// A c-ares channel and the sockets it has open. c-ares opens and closes them while it handles
// events, so a handler is used again but not freed before the turn ends. (A handler that gets
// another socket in the same turn may see an event of the old one: c-ares then reads in vain.)
struct Resolver::Channel {
    struct Watched final : EventHandler {
        void on_events(uint32_t events) noexcept override {
            if (fd < 0) return;
            constexpr uint32_t kFault = EPOLLERR | EPOLLHUP;
            resolver->process(events & (EPOLLIN | kFault) ? fd : ARES_SOCKET_BAD,
                              events & (EPOLLOUT | kFault) ? fd : ARES_SOCKET_BAD);
        }
        Resolver* resolver = nullptr;
        int fd = -1;
    };

    Resolver* resolver = nullptr;
    ares_channel ares = nullptr;
    int64_t resolv_conf_ns = 0;
    std::vector<std::unique_ptr<Watched>> watched;

    ~Channel() {
        if (ares != nullptr)
            ares_destroy(ares);  // calls back for what is under way, closes sockets
        // Their memory must last until the end of this turn.
        auto last = std::make_shared<decltype(watched)>(std::move(watched));
        resolver->loop_.post([last] { last->clear(); });
    }

    // c-ares wants to know of `fd`: readable, writable; neither: it is about to be closed.
    static void on_socket_state(void* raw, int fd, int readable, int writable) {
        static_cast<Channel*>(raw)->watch(fd, readable != 0, writable != 0);
    }
    void watch(int fd, bool readable, bool writable) {
        auto at = std::find_if(watched.begin(), watched.end(),
                               [&](const auto& w) { return w->fd == fd; });
        if (at != watched.end()) {
            resolver->loop_.remove(fd);
            (*at)->fd = -1;
        }
        if (!readable && !writable) return;
        at = std::find_if(watched.begin(), watched.end(), [](const auto& w) { return w->fd < 0; });
        if (at == watched.end()) at = watched.insert(at, std::make_unique<Watched>());
        const uint32_t events =
            (readable ? uint32_t{EPOLLIN} : 0u) | (writable ? uint32_t{EPOLLOUT} : 0u);
        // Without a place in epoll no answer is seen, and the query ends by its deadline.
        if (!resolver->loop_.add(fd, events, at->get())) return;
        (*at)->resolver = resolver;
        (*at)->fd = fd;
    }
};

Resolver::Resolver(Loop& loop, std::string servers) noexcept
    : loop_(loop),
      servers_(std::move(servers)),
      ares_timer_(&on_ares_timer, this),
      deliver_timer_(&on_deliver_timer, this),
      alive_(std::make_shared<bool>(true)) {}

Result<std::unique_ptr<Resolver>> Resolver::create(Loop& loop, const std::string& servers) {
    static std::once_flag once;
    static int initialised = ARES_SUCCESS;
    std::call_once(once, [] { initialised = ares_library_init(ARES_LIB_INIT_ALL); });
    if (initialised != ARES_SUCCESS)
        return failure(std::string("name resolution: ") + ares_strerror(initialised));
    std::unique_ptr<Resolver> resolver(new Resolver(loop, servers));
    TRY_STATUS(resolver->open_channel());
    return resolver;
}

Resolver::~Resolver() {
    *alive_ = false;
    for (const auto& query : queries_) query->callback = nullptr;
    channel_.reset();
    GW_CHECK(queries_.empty());
}

Status Resolver::open_channel() {
    auto channel = std::make_unique<Channel>();
    channel->resolver = this;
    channel->resolv_conf_ns = modified_ns(kResolvConf);
    ares_options options{};
    options.sock_state_cb = &Channel::on_socket_state;
    options.sock_state_cb_data = channel.get();
    options.timeout = kTryMs;
    options.tries = kTries;
    int status = ares_init_options(&channel->ares, &options,
                                   ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
    if (status != ARES_SUCCESS) {
        channel->ares = nullptr;
        return failure(std::string("name resolution: ") + ares_strerror(status));
    }
    if (!servers_.empty()) status = ares_set_servers_ports_csv(channel->ares, servers_.c_str());
    if (status != ARES_SUCCESS)
        return failure("name servers " + servers_ + ": " + ares_strerror(status));
    channel_ = std::move(channel);
    return {};
}

// A changed resolv.conf (a laptop that moves, a container that is reconfigured) takes effect as
// soon as nothing is under way.
void Resolver::refresh_channel() {
    if (!queries_.empty() || channel_->resolv_conf_ns == modified_ns(kResolvConf)) return;
    if (auto opened = open_channel(); !opened) channel_->resolv_conf_ns = modified_ns(kResolvConf);
}

void Resolver::resolve(const std::string& host, uint64_t deadline_ns, Callback callback) {
    refresh_channel();
    auto& query = *queries_.emplace_back(std::make_unique<Query>());
    query.resolver = this;
    query.self = std::prev(queries_.end());
    query.callback = std::move(callback);
    query.deadline.set_callback(&on_query_deadline, &query);
    loop_.timers().arm(query.deadline, deadline_ns);
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = ARES_AI_NOSORT;
    ares_getaddrinfo(channel_->ares, host.c_str(), nullptr, &hints, &on_result, &query);
    after_ares();
}

void Resolver::on_result(void* raw, int ares_status, int, ares_addrinfo* result) {
    auto& query = *static_cast<Query*>(raw);
    Resolution resolution;
    resolution.status = status_of(ares_status);
    if (result != nullptr) {
        if (ares_status == ARES_SUCCESS) resolution.addresses = addresses_of(result);
        ares_freeaddrinfo(result);
    }
    if (resolution.status == ResolveStatus::ok && resolution.addresses.empty()) {
        resolution.status = ResolveStatus::not_found;
        ares_status = ARES_ENODATA;
    }
    if (resolution.status != ResolveStatus::ok) resolution.reason = ares_strerror(ares_status);
    Resolver& resolver = *query.resolver;
    resolver.finish(query, std::move(resolution));
    resolver.queries_.erase(query.self);
}

// c-ares cannot end one query: it goes on until its own patience is over, unheard.
void Resolver::on_query_deadline(void* raw) {
    auto& query = *static_cast<Query*>(raw);
    Resolver& resolver = *query.resolver;
    resolver.finish(query, {ResolveStatus::timeout, "no answer within the deadline", {}});
    resolver.deliver();
}

void Resolver::finish(Query& query, Resolution resolution) {
    query.deadline.disarm();
    if (!query.callback) return;
    finished_.push_back({std::exchange(query.callback, nullptr), std::move(resolution)});
}

void Resolver::process(int readable_fd, int writable_fd) {
    ares_process_fd(channel_->ares, readable_fd, writable_fd);
    after_ares();
}

// Results are told from a timer of this turn or the next, when c-ares is not on the stack.
void Resolver::after_ares() {
    if (!finished_.empty()) loop_.timers().arm(deliver_timer_, loop_.now_ns());
    timeval wait{};
    if (ares_timeout(channel_->ares, nullptr, &wait) == nullptr) {
        ares_timer_.disarm();
        return;
    }
    const uint64_t wait_ns = static_cast<uint64_t>(wait.tv_sec) * kNsPerSecond +
                             static_cast<uint64_t>(wait.tv_usec) * 1000;
    loop_.timers().arm(ares_timer_, loop_.now_ns() + wait_ns);
}

void Resolver::on_ares_timer(void* self) {
    static_cast<Resolver*>(self)->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

void Resolver::on_deliver_timer(void* self) { static_cast<Resolver*>(self)->deliver(); }

void Resolver::deliver() {
    const std::shared_ptr<bool> alive = alive_;
    for (const Finished& one : std::exchange(finished_, {})) {
        one.callback(one.resolution);
        if (!*alive) return;
    }
}

}  // namespace glassgate::io
