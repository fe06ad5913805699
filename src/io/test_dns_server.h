// A tiny DNS server on a free loopback port, for tests: answers what it is told to, name by name.
// RFC 1035 messages with one question; A and AAAA.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace glassgate::io {

class TestDnsServer {
public:
    enum class Mood : uint8_t { answer, not_found, silent, garbage, refused, wrong_id };
    struct Behaviour {
        Mood mood = Mood::answer;
        std::vector<std::string> addresses;  // numeric, both families
    };

    TestDnsServer() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        (void)!::bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at);
        socklen_t size = sizeof at;
        getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
        port_ = ntohs(at.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~TestDnsServer() {
        stopping_ = true;
        thread_.join();
        ::close(fd_);
    }
    TestDnsServer(const TestDnsServer&) = delete;
    TestDnsServer& operator=(const TestDnsServer&) = delete;

    // As Resolver::create takes it.
    [[nodiscard]] std::string servers() const { return "127.0.0.1:" + std::to_string(port_); }
    // Names that are not set do not exist.
    void set(const std::string& name, Behaviour behaviour) {
        const std::lock_guard lock(mutex_);
        names_[name] = std::move(behaviour);
    }
    void set(const std::string& name, std::vector<std::string> addresses) {
        set(name, Behaviour{Mood::answer, std::move(addresses)});
    }
    [[nodiscard]] int questions(const std::string& name) {
        const std::lock_guard lock(mutex_);
        return asked_[name];
    }

private:
    static constexpr std::size_t kHeaderBytes = 12;
    static constexpr uint16_t kTypeA = 1, kTypeAaaa = 28;

    void serve() {
        unsigned char message[512];
        while (!stopping_) {
            pollfd waiting{fd_, POLLIN, 0};
            if (poll(&waiting, 1, 10) <= 0) continue;
            sockaddr_storage from{};
            socklen_t from_size = sizeof from;
            const ssize_t n = recvfrom(fd_, message, sizeof message, 0,
                                       reinterpret_cast<sockaddr*>(&from), &from_size);
            if (n < static_cast<ssize_t>(kHeaderBytes)) continue;
            const std::string reply =
                answer({reinterpret_cast<char*>(message), static_cast<std::size_t>(n)});
            if (!reply.empty())
                (void)!sendto(fd_, reply.data(), reply.size(), 0,
                              reinterpret_cast<sockaddr*>(&from), from_size);
        }
    }

    std::string answer(std::string_view query) {
        std::string name;
        std::size_t at = kHeaderBytes;
        while (at < query.size() && query[at] != 0) {
            const auto length = static_cast<unsigned char>(query[at]);
            if (!name.empty()) name += '.';
            name += query.substr(at + 1, length);
            at += 1u + length;
        }
        if (at + 5 > query.size()) return {};
        const auto type = static_cast<uint16_t>(static_cast<unsigned char>(query[at + 1]) << 8 |
                                                static_cast<unsigned char>(query[at + 2]));
        const std::string_view question = query.substr(kHeaderBytes, at + 5 - kHeaderBytes);
        const std::lock_guard lock(mutex_);
        ++asked_[name];
        const auto found = names_.find(name);
        const Behaviour behaviour =
            found == names_.end() ? Behaviour{Mood::not_found, {}} : found->second;
        if (behaviour.mood == Mood::silent) return {};
        if (behaviour.mood == Mood::garbage)
            return std::string(query.substr(0, 2)) + "\x81\x80 garbage \xff\xff\xff";
        std::string records;
        uint16_t count = 0;
        for (const std::string& text : behaviour.addresses) {
            unsigned char bytes[16];
            const bool v6 = text.find(':') != std::string::npos;
            if ((v6 ? kTypeAaaa : kTypeA) != type) continue;
            inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), bytes);
            const uint16_t size = v6 ? 16 : 4;
            records += std::string("\xc0\x0c", 2);  // the name of the question
            append16(records, type);
            append16(records, 1);
            records += std::string("\0\0\0\1", 4);  // TTL of a second
            append16(records, size);
            records.append(reinterpret_cast<char*>(bytes), size);
            ++count;
        }
        const unsigned code = behaviour.mood == Mood::not_found ? 3u
                              : behaviour.mood == Mood::refused ? 5u
                                                                : 0u;
        std::string reply(query.substr(0, 2));
        if (behaviour.mood == Mood::wrong_id) reply[0] = static_cast<char>(reply[0] ^ 0x55);
        append16(reply, static_cast<uint16_t>(0x8180u | code));
        append16(reply, 1);
        append16(reply, count);
        append16(reply, 0);
        append16(reply, 0);
        return reply.append(question).append(records);
    }
    static void append16(std::string& out, uint16_t value) {
        out += static_cast<char>(value >> 8);
        out += static_cast<char>(value & 0xff);
    }

    int fd_;
    uint16_t port_ = 0;
    std::mutex mutex_;
    std::map<std::string, Behaviour> names_;  // guarded by mutex_
    std::map<std::string, int> asked_;        // guarded by mutex_
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace glassgate::io
