// The floor: a forwarder that copies bytes between a client and an upstream and does nothing else.
// One epoll loop, edge-triggered, one upstream connection for each client connection.
//
//   l4_forward LISTEN_PORT UPSTREAM_PORT
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

struct End {
    int fd = -1;
    End* other = nullptr;
    std::string unsent;  // what this socket could not take yet
};

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void watch(int epoll, End* end) {
    const int on = 1;
    setsockopt(end->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = end;
    epoll_ctl(epoll, EPOLL_CTL_ADD, end->fd, &event);
}

void accept_one(int epoll, int listener, int upstream_port) {
    const int client = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
    if (client < 0) return;
    const int upstream = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = loopback(upstream_port);
    if (connect(upstream, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::exit(2);
    auto* a = new End{client, nullptr, {}};
    auto* b = new End{upstream, a, {}};
    a->other = b;
    watch(epoll, a);
    watch(epoll, b);
}

bool flush(End* end) {
    while (!end->unsent.empty()) {
        const ssize_t n = send(end->fd, end->unsent.data(), end->unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0) return false;
        end->unsent.erase(0, static_cast<std::size_t>(n));
    }
    return true;
}

// False: the pair is over.
bool copy(End* from) {
    static char bytes[1 << 16];
    if (!flush(from->other)) return true;
    while (true) {
        const ssize_t n = recv(from->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n == 0) return false;
        if (n < 0) return errno == EAGAIN;
        const ssize_t sent = send(from->other->fd, bytes, static_cast<std::size_t>(n), MSG_NOSIGNAL | MSG_DONTWAIT);
        const ssize_t done = sent < 0 ? 0 : sent;
        if (done < n) {
            from->other->unsent.assign(bytes + done, bytes + n);
            return true;
        }
        if (static_cast<std::size_t>(n) < sizeof bytes) return true;  // drained
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 1;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in address = loopback(std::atoi(argv[1]));
    if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(listener, 1024) != 0) return 2;
    const int epoll = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = nullptr;
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    epoll_event events[256];
    while (true) {
        const int count = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < count; ++i) {
            auto* end = static_cast<End*>(events[i].data.ptr);
            if (end == nullptr) {
                accept_one(epoll, listener, std::atoi(argv[2]));
                continue;
            }
            if (end->fd < 0) continue;
            const bool alive = copy(end) && (!(events[i].events & EPOLLOUT) || copy(end->other));
            if (alive) continue;
            // Leaked on purpose until the process ends: events of this turn may still name them.
            close(end->fd);
            close(end->other->fd);
            end->fd = end->other->fd = -1;
        }
    }
}
