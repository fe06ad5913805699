// A load generator for benchmarks: keep-alive HTTP/1.1 over many connections on one epoll loop.
//
//   load --port P [--connections N] [--rate R] [--seconds S] [--warmup S] [--path /x] [--header "a: b"]...
//
// Without a rate it saturates: each connection sends its next request when the answer is in. With a
// rate the load is open: request i is due at i/rate whether or not earlier ones have been answered,
// and its latency counts from when it was due, so that a stall is not hidden by the requests it
// kept from being sent (coordinated omission). Prints one line of JSON.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace {

uint64_t now_ns() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(t.tv_nsec);
}

// Log-linear: 64 steps to each power of two, so quantiles are within 1.6 %.
class Histogram {
public:
    void add(uint64_t ns) {
        ++counts_[index(ns)];
        ++total_;
        if (ns > max_) max_ = ns;
    }
    [[nodiscard]] double quantile_ms(double q) const {
        uint64_t left = static_cast<uint64_t>(q * static_cast<double>(total_));
        for (std::size_t i = 0; i < kSize; ++i) {
            if (counts_[i] > left) return static_cast<double>(value(i)) / 1e6;
            left -= counts_[i];
        }
        return static_cast<double>(max_) / 1e6;
    }
    [[nodiscard]] double max_ms() const { return static_cast<double>(max_) / 1e6; }

private:
    static constexpr unsigned kBits = 6;
    static constexpr std::size_t kSize = 64 << kBits;
    static std::size_t index(uint64_t v) {
        if (v < (1u << kBits)) return v;
        const unsigned top = 63u - static_cast<unsigned>(__builtin_clzll(v));
        return ((top - kBits + 1) << kBits) + ((v >> (top - kBits)) & ((1u << kBits) - 1));
    }
    static uint64_t value(std::size_t i) {
        const std::size_t group = i >> kBits;
        const uint64_t low = i & ((1u << kBits) - 1);
        return group == 0 ? low : ((1u << kBits) + low) << (group - 1);
    }
    std::vector<uint64_t> counts_ = std::vector<uint64_t>(kSize);
    uint64_t total_ = 0, max_ = 0;
};

struct Options {
    uint16_t port = 0;
    unsigned connections = 64;
    double rate = 0;
    double seconds = 3, warmup = 0.5;
    std::string path = "/", headers;
};

struct Client {
    int fd = -1;
    bool busy = false;
    uint64_t due_ns = 0;
    std::string in;
    std::size_t body_left = 0;
    bool in_body = false;
};

class Load {
public:
    explicit Load(Options options) : options_(std::move(options)), epoll_(epoll_create1(0)) {
        request_ = "GET " + options_.path + " HTTP/1.1\r\nHost: bench.local\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n" +
                   options_.headers + "\r\n";
        clients_.resize(options_.connections);
        for (std::size_t i = 0; i < clients_.size(); ++i) open(i);
    }

    int run() {
        const uint64_t start = now_ns();
        measure_from_ = start + static_cast<uint64_t>(options_.warmup * 1e9);
        const uint64_t end = measure_from_ + static_cast<uint64_t>(options_.seconds * 1e9);
        next_due_ns_ = start;
        if (options_.rate == 0)
            for (std::size_t i = 0; i < clients_.size(); ++i) send_request(i, now_ns());
        while (now_ns() < end) turn(end);
        report();
        return errors_ == 0 ? 0 : 1;
    }

private:
    void open(std::size_t i) {
        Client& c = clients_[i];
        c = {};
        c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(options_.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (connect(c.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            std::perror("load: connect");
            std::exit(2);
        }
        const int on = 1;
        setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = i;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event);
        if (options_.rate != 0) free_.push_back(i);
    }

    void turn(uint64_t end) {
        timespec patience{0, 50'000'000};
        if (options_.rate != 0) {
            issue_due();
            const uint64_t now = now_ns();
            const uint64_t wake = next_due_ns_ < end ? next_due_ns_ : end;
            patience.tv_nsec = wake > now ? static_cast<long>(std::min<uint64_t>(wake - now, 50'000'000)) : 0;
        }
        epoll_event events[256];
        const int count = epoll_pwait2(epoll_, events, 256, &patience, nullptr);
        for (int i = 0; i < count; ++i) receive(events[i].data.u64);
    }

    // Every request that is due by now goes to a free connection, or waits for one.
    void issue_due() {
        const uint64_t now = now_ns();
        while (next_due_ns_ <= now) {
            waiting_.push_back(next_due_ns_);
            next_due_ns_ += static_cast<uint64_t>(1e9 / options_.rate);
        }
        while (!waiting_.empty() && !free_.empty()) {
            const std::size_t i = free_.front();
            free_.pop_front();
            send_request(i, waiting_.front());
            waiting_.pop_front();
        }
    }

    void send_request(std::size_t i, uint64_t due_ns) {
        Client& c = clients_[i];
        c.busy = true;
        c.due_ns = due_ns;
        c.in.clear();
        c.in_body = false;
        if (send(c.fd, request_.data(), request_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request_.size())) fail(i);
    }

    void receive(std::size_t i) {
        static char bytes[1 << 18];
        Client& c = clients_[i];
        const ssize_t n = recv(c.fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) return fail(i);
        std::string_view got(bytes, static_cast<std::size_t>(n));
        if (!c.in_body) {
            c.in.append(got);
            const std::size_t end = c.in.find("\r\n\r\n");
            if (end == std::string::npos) return;
            if (!c.in.starts_with("HTTP/1.1 2")) return fail(i);
            c.body_left = content_length(c.in.substr(0, end));
            c.in_body = true;
            got = std::string_view(c.in).substr(end + 4);
        }
        c.body_left -= std::min(c.body_left, got.size());
        if (c.body_left == 0) finish(i);
    }

    static std::size_t content_length(std::string_view head) {
        for (const std::string_view name : {"\r\nContent-Length: ", "\r\ncontent-length: "}) {
            const std::size_t at = head.find(name);
            if (at == std::string_view::npos) continue;
            std::size_t value = 0;
            std::from_chars(head.data() + at + name.size(), head.data() + head.size(), value);
            return value;
        }
        return 0;
    }

    void finish(std::size_t i) {
        const uint64_t now = now_ns();
        Client& c = clients_[i];
        if (now >= measure_from_) {
            ++requests_;
            latency_.add(now - c.due_ns);
        }
        c.busy = false;
        if (options_.rate == 0)
            send_request(i, now);
        else
            free_.push_back(i);
    }

    void fail(std::size_t i) {
        ++errors_;
        close(clients_[i].fd);
        open(i);
        if (options_.rate == 0) send_request(i, now_ns());
    }

    void report() const {
        std::printf("{\"requests\": %llu, \"errors\": %llu, \"rps\": %.1f, \"p50_ms\": %.4f, \"p99_ms\": %.4f, "
                    "\"p999_ms\": %.4f, \"max_ms\": %.4f, \"unsent\": %zu}\n",
                    static_cast<unsigned long long>(requests_), static_cast<unsigned long long>(errors_),
                    static_cast<double>(requests_) / options_.seconds, latency_.quantile_ms(0.5),
                    latency_.quantile_ms(0.99), latency_.quantile_ms(0.999), latency_.max_ms(), waiting_.size());
    }

    Options options_;
    int epoll_;
    std::string request_;
    std::vector<Client> clients_;
    std::deque<std::size_t> free_;
    std::deque<uint64_t> waiting_;
    uint64_t next_due_ns_ = 0, measure_from_ = 0;
    uint64_t requests_ = 0, errors_ = 0;
    Histogram latency_;
};

}  // namespace

int main(int argc, char** argv) {
    Options o;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view name = argv[i];
        const char* value = argv[i + 1];
        if (name == "--port") o.port = static_cast<uint16_t>(std::atoi(value));
        else if (name == "--connections") o.connections = static_cast<unsigned>(std::atoi(value));
        else if (name == "--rate") o.rate = std::atof(value);
        else if (name == "--seconds") o.seconds = std::atof(value);
        else if (name == "--warmup") o.warmup = std::atof(value);
        else if (name == "--path") o.path = value;
        else if (name == "--header") o.headers += std::string(value) + "\r\n";
        else {
            std::fprintf(stderr, "load: unknown option %s\n", argv[i]);
            return 1;
        }
    }
    return Load(std::move(o)).run();
}
