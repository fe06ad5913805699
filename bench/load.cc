// A load generator for benchmarks: keep-alive HTTP/1.1 over many connections on one epoll loop.
//
//   load --port P [--connections N] [--rate R] [--seconds S] [--warmup S] [--requests N] [--idle 1]
//        [--path /x] [--spread N] [--header "a: b"]... [--watch PID]...
//
// Without a rate it saturates: each connection sends its next request when the answer is in. With a
// rate the load is open: request i is due at i/rate whether or not earlier ones have been answered,
// and its latency counts from when it was due, so that a stall is not hidden by the requests it
// kept from being sent (coordinated omission). --spread asks for N paths in turn: {} in the path is
// the number. --requests ends after exactly so many. --watch adds
// the CPU time that the threads of a process used while it was measured. --idle makes the
// connections, has each of them ask once, says so, and holds them until its input ends.
//
// Prints one line of JSON. Status 0: good; 1: wrong options, or an answer was not a 2xx or did not
// come (the line says how many and what was the first); 2: no connection at all.
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <deque>

#include "answer.h"
#include "histogram.h"
#include "thread_cpu.h"

namespace {

constexpr uint64_t kErrorsMax = 1000;  // then it is no measurement any more

uint64_t now_ns() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(t.tv_nsec);
}

struct Options {
    uint16_t port = 0;
    unsigned connections = 64;
    double rate = 0;
    double seconds = 3, warmup = 0.5;
    uint64_t requests = UINT64_MAX;
    bool idle = false;
    std::string path = "/", headers;
    unsigned spread = 1;
    std::vector<int> watched;

    [[nodiscard]] std::string request(unsigned number = 0) const {
        std::string target = path;
        const std::size_t at = target.find("{}");
        if (at != std::string::npos) target.replace(at, 2, std::to_string(number));
        return "GET " + target + " HTTP/1.1\r\nHost: bench.local\r\nUser-Agent: bench/1.0\r\n" +
               headers + "\r\n";
    }
};

std::string as_json(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, 200))
        if (c >= ' ' && c < 127 && c != '"' && c != '\\') out += c;
    return '"' + out + '"';
}

[[noreturn]] void give_up(const char* what) {
    std::fprintf(stderr, "load: %s: %s\n", what, std::strerror(errno));
    std::exit(2);
}

struct Client {
    int fd = -1;
    uint64_t due_ns = 0;
    Answer answer;
};

class Load {
public:
    explicit Load(Options options) : options_(std::move(options)), epoll_(epoll_create1(0)) {
        for (unsigned i = 0; i < options_.spread; ++i) texts_.push_back(options_.request(i));
        clients_.resize(options_.connections);
        for (std::size_t i = 0; i < clients_.size(); ++i) open(i);
    }

    int run() {
        next_due_ns_ = now_ns();
        if (options_.rate == 0)
            for (std::size_t i = 0; i < clients_.size(); ++i) send_request(i, now_ns());
        turn_until(now_ns() + static_cast<uint64_t>(options_.warmup * 1e9));
        const ThreadCpus before = read_threads(options_.watched);
        const uint64_t began = now_ns();
        measuring_ = true;
        turn_until(began + static_cast<uint64_t>(options_.seconds * 1e9));
        const double took = static_cast<double>(now_ns() - began) / 1e9;
        const ThreadCpus after = read_threads(options_.watched);
        report(took, json_of_difference(before, after));
        return errors_ == 0 ? 0 : 1;
    }

private:
    void open(std::size_t i) {
        Client& c = clients_[i];
        c.fd = connect_to(options_.port);
        if (c.fd < 0) give_up("connect");
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = i;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event);
        if (options_.rate != 0) free_.push_back(i);
    }

    void turn_until(uint64_t end) {
        while (now_ns() < end && answered_ < options_.requests && errors_ < kErrorsMax) turn(end);
    }

    void turn(uint64_t end) {
        timespec patience{0, 50'000'000};
        if (options_.rate != 0) {
            issue_due();
            const uint64_t now = now_ns();
            const uint64_t wake = std::min(next_due_ns_, end);
            patience.tv_nsec =
                wake > now ? static_cast<long>(std::min<uint64_t>(wake - now, 50'000'000)) : 0;
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
        if (sent_ >= options_.requests) return;
        ++sent_;
        Client& c = clients_[i];
        c.due_ns = due_ns;
        c.answer.reset();
        const std::string& text = texts_[sent_ % texts_.size()];
        if (send(c.fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
            fail(i, std::string("send: ") + std::strerror(errno));
    }

    void receive(std::size_t i) {
        static char bytes[1 << 18];
        Client& c = clients_[i];
        const ssize_t n = recv(c.fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return;
        if (n == 0) return fail(i, "the connection was closed before the answer was complete");
        if (n < 0) return fail(i, std::string("recv: ") + std::strerror(errno));
        switch (c.answer.feed({bytes, static_cast<std::size_t>(n)})) {
            case Answer::State::kMore:
                return;
            case Answer::State::kDone:
                return finish(i);
            case Answer::State::kWrong:
                return fail(i, c.answer.complaint());
        }
    }

    void finish(std::size_t i) {
        const uint64_t now = now_ns();
        ++answered_;
        if (measuring_) {
            ++measured_;
            latency_.add(now - clients_[i].due_ns);
        }
        if (options_.rate == 0)
            send_request(i, now);
        else
            free_.push_back(i);
    }

    void fail(std::size_t i, std::string why) {
        if (++errors_ == 1) first_error_ = std::move(why);
        ++answered_;
        close(clients_[i].fd);
        if (errors_ >= kErrorsMax) return;
        open(i);
        if (options_.rate == 0) send_request(i, now_ns());
    }

    void report(double took, const std::string& threads) const {
        std::printf(
            R"({"requests": %llu, "errors": %llu, "first_error": %s, "seconds": %.6f, "rps": %.1f, "p50_ms": %.4f, )"
            R"("p99_ms": %.4f, "p999_ms": %.4f, "max_ms": %.4f, "unsent": %zu, "threads": %s})"
            "\n",
            static_cast<unsigned long long>(measured_), static_cast<unsigned long long>(errors_),
            as_json(first_error_).c_str(), took, static_cast<double>(measured_) / took,
            latency_.quantile_ms(0.5), latency_.quantile_ms(0.99), latency_.quantile_ms(0.999),
            latency_.max_ms(), waiting_.size(), threads.c_str());
    }

    Options options_;
    int epoll_;
    std::vector<std::string> texts_;  // what is asked for, in turn
    std::vector<Client> clients_;
    std::deque<std::size_t> free_;
    std::deque<uint64_t> waiting_;
    uint64_t next_due_ns_ = 0;
    bool measuring_ = false;
    uint64_t sent_ = 0, answered_ = 0, measured_ = 0, errors_ = 0;
    std::string first_error_;
    Histogram latency_;
};

// One request and its answer, waiting for each. Empty: good.
std::string ask_once(int fd, const std::string& request) {
    if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) return std::strerror(errno);
    Answer answer;
    char bytes[1 << 14];
    while (true) {
        const ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n <= 0) return "the connection was closed before the answer was complete";
        const Answer::State state = answer.feed({bytes, static_cast<std::size_t>(n)});
        if (state == Answer::State::kDone) return {};
        if (state == Answer::State::kWrong) return answer.complaint();
    }
}

int hold_idle(const Options& options) {
    const std::string request = options.request();
    uint64_t errors = 0;
    std::string first_error;
    for (unsigned i = 0; i < options.connections; ++i) {
        const int fd = connect_to(options.port);
        if (fd < 0) give_up("connect");
        const std::string wrong = ask_once(fd, request);
        if (!wrong.empty() && ++errors == 1) first_error = wrong;
    }
    std::printf("{\"idle\": %u, \"errors\": %llu, \"first_error\": %s}\n", options.connections,
                static_cast<unsigned long long>(errors), as_json(first_error).c_str());
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    return errors == 0 ? 0 : 1;
}

bool take(Options& o, std::string_view name, const char* value) {
    if (name == "--port")
        o.port = static_cast<uint16_t>(std::atoi(value));
    else if (name == "--connections")
        o.connections = static_cast<unsigned>(std::atoi(value));
    else if (name == "--rate")
        o.rate = std::atof(value);
    else if (name == "--seconds")
        o.seconds = std::atof(value);
    else if (name == "--warmup")
        o.warmup = std::atof(value);
    else if (name == "--requests")
        o.requests = static_cast<uint64_t>(std::atoll(value));
    else if (name == "--idle")
        o.idle = std::atoi(value) != 0;
    else if (name == "--path")
        o.path = value;
    else if (name == "--spread")
        o.spread = static_cast<unsigned>(std::max(1, std::atoi(value)));
    else if (name == "--header")
        o.headers += std::string(value) + "\r\n";
    else if (name == "--watch")
        o.watched.push_back(std::atoi(value));
    else
        return false;
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    prctl(PR_SET_TIMERSLACK, 1);  // the default lets every timer be 50 us late
    Options o;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (take(o, argv[i], argv[i + 1])) continue;
        std::fprintf(stderr, "load: unknown option %s\n", argv[i]);
        return 1;
    }
    return o.idle ? hold_idle(o) : Load(std::move(o)).run();
}
