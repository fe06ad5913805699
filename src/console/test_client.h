// A blocking HTTP client for tests; every wait ends after ten seconds at the latest.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace glassgate::console {

class TestClient {
public:
    explicit TestClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const timeval limit{10, 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    }
    ~TestClient() { close(); }
    TestClient(const TestClient&) = delete;
    TestClient& operator=(const TestClient&) = delete;

    [[nodiscard]] bool connected() const { return connected_; }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    // Takes in little, so that a sender soon notices that nothing is read.
    void shrink_window() {
        const int small = 4096;
        setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    }
    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    // GET with a Host and more header lines ("A: b\r\n").
    std::string get(std::string_view target, std::string_view more_headers = {}) {
        return ask("GET", target, more_headers, {});
    }
    std::string ask(std::string_view method, std::string_view target, std::string_view more_headers,
                    std::string_view body) {
        std::string request = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\n";
        if (more_headers.find("Host:") == std::string_view::npos) request += "Host: localhost\r\n";
        request += more_headers;
        if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        send(request + "\r\n" + std::string(body));
        return receive(method == "HEAD");
    }
    // One response with a Content-Length; empty at the end of the connection.
    std::string receive(bool head_only = false) {
        const std::string head = receive_until("\r\n\r\n");
        const std::size_t at = head.find("Content-Length: ");
        if (head_only || at == std::string::npos) return head;
        const std::size_t size = std::stoul(head.substr(at + 16));
        while (pending_.size() < size)
            if (!more()) return {};
        std::string response = head + pending_.substr(0, size);
        pending_.erase(0, size);
        return response;
    }
    // Everything up to and including the mark; empty when the connection ends before it.
    std::string receive_until(std::string_view mark) {
        std::size_t at = std::string::npos;
        while ((at = pending_.find(mark)) == std::string::npos)
            if (!more()) return {};
        std::string text = pending_.substr(0, at + mark.size());
        pending_.erase(0, at + mark.size());
        return text;
    }
    // True: the server has closed the connection (what it had sent is thrown away).
    bool ended() {
        while (more()) pending_.clear();
        return last_ == 0 || errno == ECONNRESET;
    }

private:
    bool more() {
        char bytes[16384];
        last_ = ::recv(fd_, bytes, sizeof bytes, 0);
        if (last_ > 0) pending_.append(bytes, static_cast<std::size_t>(last_));
        return last_ > 0;
    }
    int fd_;
    bool connected_ = false;
    ssize_t last_ = 0;
    std::string pending_;
};

inline std::string body_of(const std::string& response) {
    return response.substr(response.find("\r\n\r\n") + 4);
}

}  // namespace glassgate::console
