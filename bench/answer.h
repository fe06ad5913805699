// The client's side of one HTTP/1.1 exchange: a connection, and an answer as its bytes come in.
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

class Answer {
public:
    enum class State { kMore, kDone, kWrong };

    void reset() {
        head_.clear();
        in_body_ = false;
        body_left_ = 0;
    }

    State feed(std::string_view got) {
        if (!in_body_) {
            head_.append(got);
            const std::size_t end = head_.find("\r\n\r\n");
            if (end == std::string::npos) return State::kMore;
            if (!head_.starts_with("HTTP/1.1 2")) return State::kWrong;
            if (!read_length(std::string_view(head_).substr(0, end))) return State::kWrong;
            in_body_ = true;
            got = std::string_view(head_).substr(end + 4);
        }
        body_left_ -= got.size() < body_left_ ? got.size() : body_left_;
        return body_left_ == 0 ? State::kDone : State::kMore;
    }

    // What came instead of a 2xx with a length: its status line.
    [[nodiscard]] std::string complaint() const {
        if (head_.starts_with("HTTP/1.1 2")) return "an answer without Content-Length";
        return head_.substr(0, head_.find('\r'));
    }

private:
    bool read_length(std::string_view head) {
        for (const std::string_view name : {"\r\nContent-Length: ", "\r\ncontent-length: "}) {
            const std::size_t at = head.find(name);
            if (at == std::string_view::npos) continue;
            std::from_chars(head.data() + at + name.size(), head.data() + head.size(), body_left_);
            return true;
        }
        return false;
    }

    std::string head_;
    std::size_t body_left_ = 0;
    bool in_body_ = false;
};

// A connection to a port of this machine, or -1 with errno.
inline int connect_to(uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        close(fd);
        return -1;
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}
