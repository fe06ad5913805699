// A TLS client for benchmarks: handshakes one after another, or connections that stay.
//
//   tls_load --port P [--version 1.2|1.3] [--resume 1] [--seconds S]       counts handshakes
//   tls_load --port P --idle N [--h2 1]     N connections, each after one request, until input ends
//
// Prints one line of JSON. Status 0: good; 2: it could not.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Options {
    uint16_t port = 0;
    int version = TLS1_3_VERSION;
    bool resume = false, h2 = false;
    double seconds = 2;
    unsigned idle = 0;
};

SSL_SESSION* kept = nullptr;  // the newest, while sessions are asked for

double now_s() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

[[noreturn]] void give_up(const char* what) {
    std::fprintf(stderr, "tls_load: %s\n", what);
    ERR_print_errors_fp(stderr);
    std::exit(2);
}

struct Client {
    int fd = -1;
    SSL* ssl = nullptr;

    void open(SSL_CTX* context, uint16_t port, SSL_SESSION* session) {
        fd = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
            give_up("cannot connect");
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ssl = SSL_new(context);
        SSL_set_fd(ssl, fd);
        SSL_set_tlsext_host_name(ssl, "localhost");
        if (session != nullptr) SSL_set_session(ssl, session);
        if (SSL_connect(ssl) != 1) give_up("handshake failed");
    }
    void close() {
        SSL_shutdown(ssl);
        SSL_free(ssl);
        const linger reset{1, 0};  // no port is left in TIME_WAIT
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        ::close(fd);
    }
    void say(std::string_view bytes) {
        if (SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size())) <= 0)
            give_up("cannot write");
    }
    int hear(char* room, int size) {
        const int got = SSL_read(ssl, room, size);
        if (got <= 0) give_up("closed instead of an answer");
        return got;
    }
};

void ask_h1(Client& client) {
    client.say("GET / HTTP/1.1\r\nHost: bench.local\r\n\r\n");
    char room[4096];
    if (!std::string_view(room, static_cast<std::size_t>(client.hear(room, sizeof room)))
             .starts_with("HTTP/1.1 2"))
        give_up("no 2xx");
}

// GET / as stream 1, until its end; the server's SETTINGS are acknowledged.
void ask_h2(Client& client) {
    using namespace std::string_view_literals;
    client.say(
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        "\0\0\0\4\0\0\0\0\0"
        "\0\0\x0e\1\5\0\0\0\1\x82\x86\x84\x41\x09localhost"
        "\0\0\0\4\1\0\0\0\0"sv);
    std::string ahead;
    char room[4096];
    while (true) {
        ahead.append(room, static_cast<std::size_t>(client.hear(room, sizeof room)));
        while (ahead.size() >= 9) {
            const auto byte = [&](int at) { return static_cast<unsigned char>(ahead[at]); };
            const std::size_t size = 9 + (byte(0) << 16 | byte(1) << 8 | byte(2));
            if (ahead.size() < size) break;
            const bool last = byte(3) <= 1 && (byte(4) & 1) != 0 && byte(8) == 1;
            if (byte(3) == 7) give_up("GOAWAY");
            ahead.erase(0, size);
            if (last) return;
        }
    }
}

void count_handshakes(SSL_CTX* context, const Options& options) {
    SSL_SESSION* session = nullptr;
    if (options.resume) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
        SSL_CTX_sess_set_new_cb(context, [](SSL*, SSL_SESSION* fresh) {
            SSL_SESSION_free(kept);
            kept = fresh;
            return 1;
        });
        Client first;
        first.open(context, options.port, nullptr);
        ask_h1(first);  // with the answer its tickets have come
        session = kept;
        if (session == nullptr) give_up("no session to resume");
        SSL_SESSION_up_ref(session);
        first.close();
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    }
    uint64_t count = 0, resumed = 0;
    const double began = now_s();
    double now = began;
    for (; now < began + options.seconds; now = now_s()) {
        Client client;
        client.open(context, options.port, session);
        resumed += SSL_session_reused(client.ssl) != 0;
        ++count;
        client.close();
    }
    if (options.resume ? resumed != count : resumed != 0) give_up("not all were of the kind asked for");
    std::printf("{\"handshakes\": %llu, \"seconds\": %.3f}\n", static_cast<unsigned long long>(count),
                now - began);
}

void hold(SSL_CTX* context, const Options& options) {
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    std::vector<Client> clients(options.idle);
    for (Client& client : clients) {
        client.open(context, options.port, nullptr);
        options.h2 ? ask_h2(client) : ask_h1(client);
    }
    std::printf("{\"connections\": %u}\n", options.idle);
    std::fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
}

Options options_of(int argc, char** argv) {
    Options o;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view key = argv[i], value = argv[i + 1];
        if (key == "--port")
            o.port = static_cast<uint16_t>(std::atoi(argv[i + 1]));
        else if (key == "--version")
            o.version = value == "1.2" ? TLS1_2_VERSION : TLS1_3_VERSION;
        else if (key == "--resume")
            o.resume = value == "1";
        else if (key == "--h2")
            o.h2 = value == "1";
        else if (key == "--seconds")
            o.seconds = std::atof(argv[i + 1]);
        else if (key == "--idle")
            o.idle = static_cast<unsigned>(std::atoi(argv[i + 1]));
        else
            give_up("unknown option");
    }
    if (o.port == 0) give_up("--port is missing");
    return o;
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = options_of(argc, argv);
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, options.version);
    SSL_CTX_set_max_proto_version(context, options.version);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    const auto* const alpn = reinterpret_cast<const unsigned char*>(options.h2 ? "\2h2" : "\10http/1.1");
    SSL_CTX_set_alpn_protos(context, alpn, options.h2 ? 3 : 9);
    if (options.idle != 0)
        hold(context, options);
    else
        count_handshakes(context, options);
    return 0;
}
