// Writing, half-closing, connecting.
#include <thread>

#include "io/test_sockets.h"

namespace glassgate::io {
namespace {

class SocketWriteTest : public SocketFixture {};

std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
    return text;
}

TEST_F(SocketWriteTest, WritesAllPartsInOrderThroughASlowReader) {
    Pair pair = make_pair();
    const std::string head = "head", body = pattern(20u << 20), tail = pattern(3u << 20);
    std::string received;
    std::thread reader(
        [&] { received = pair.peer.receive(head.size() + body.size() + tail.size()); });
    run([](Pair& p, const std::string& a, const std::string& b,
           const std::string& c) -> Task<void> {
        const IoResult sent = co_await p.socket.write(a, 5 * kNsPerSecond, b, c);
        EXPECT_TRUE(sent.ok());
        EXPECT_EQ(sent.bytes, a.size() + b.size() + c.size());
    }(pair, head, body, tail));
    reader.join();
    EXPECT_TRUE(received == head + body + tail);
}

TEST_F(SocketWriteTest, NothingToWriteIsDoneAtOnce) {
    Pair pair = make_pair();
    run([](Pair& p) -> Task<void> {
        EXPECT_TRUE((co_await p.socket.write({}, kNsPerSecond)).ok());
    }(pair));
}

TEST_F(SocketWriteTest, AReaderThatStandsStillIsATimeout) {
    Pair pair = make_pair();
    run([](Pair& p) -> Task<void> {
        const std::string much = pattern(32u << 20);
        const IoResult sent = co_await p.socket.write(much, 50 * kNsPerMs);
        EXPECT_EQ(sent.status, IoStatus::timeout);
        EXPECT_GT(sent.bytes, 0u);
        EXPECT_LT(sent.bytes, much.size());
    }(pair));
}

TEST_F(SocketWriteTest, ProgressPutsTheTimeoutOff) {
    Pair pair = make_pair();
    const std::string much = pattern(24u << 20);
    std::string received;
    // In all much longer than the allowed standstill, never so long at once.
    std::thread reader([&] {
        while (received.size() < much.size()) {
            received +=
                pair.peer.receive(std::min<std::size_t>(2u << 20, much.size() - received.size()));
            std::this_thread::sleep_for(std::chrono::milliseconds(120));
        }
    });
    run([](Pair& p, const std::string& bytes) -> Task<void> {
        EXPECT_TRUE((co_await p.socket.write(bytes, kNsPerSecond)).ok());
    }(pair, much));
    reader.join();
    EXPECT_TRUE(received == much);
}

TEST_F(SocketWriteTest, WritingToABrokenConnection) {
    Pair pair = make_pair();
    run([](SocketWriteTest* self, Pair& p) -> Task<void> {
        p.peer.reset();
        while (!p.socket.hangup()) co_await Sleep(*self->loop_, self->in_ms(2));
        EXPECT_EQ((co_await p.socket.write("x", kNsPerSecond)).status, IoStatus::reset);
        EXPECT_EQ((co_await p.socket.write("x", kNsPerSecond)).status, IoStatus::reset);
    }(this, pair));
}

TEST_F(SocketWriteTest, HalfClosingEitherSideLeavesTheOtherOpen) {
    Pair pair = make_pair();
    run([](SocketWriteTest* self, Pair& p) -> Task<void> {
        char bytes[10];
        p.peer.finish();
        EXPECT_EQ((co_await p.socket.read(bytes, sizeof bytes, self->in_ms(5000))).status,
                  IoStatus::eof);
        EXPECT_TRUE((co_await p.socket.write("answer", kNsPerSecond)).ok());
        EXPECT_EQ(p.peer.receive(6), "answer");
    }(this, pair));
    Pair other = make_pair();
    run([](SocketWriteTest* self, Pair& p) -> Task<void> {
        p.socket.shutdown_write();
        EXPECT_EQ(p.peer.end(), 0);
        p.peer.send("still");
        char bytes[10];
        EXPECT_EQ((co_await p.socket.read(bytes, sizeof bytes, self->in_ms(5000))).bytes, 5u);
        // Our own end is no reset of the peer's.
        EXPECT_EQ((co_await p.socket.write("x", kNsPerSecond)).status, IoStatus::reset);
        p.peer.finish();
        EXPECT_EQ((co_await p.socket.read(bytes, sizeof bytes, self->in_ms(5000))).status,
                  IoStatus::eof);
    }(this, other));
}

TEST_F(SocketWriteTest, CloseIsAnOrderlyEndAndAbortIsNot) {
    Pair closed = make_pair(), aborted = make_pair();
    run([](Pair& a, Pair& b) -> Task<void> {
        EXPECT_TRUE((co_await a.socket.write("x", kNsPerSecond)).ok());
        a.socket.close();
        b.socket.abort();
        EXPECT_EQ(a.peer.receive(1), "x");
        EXPECT_EQ(a.peer.end(), 0);
        EXPECT_EQ(b.peer.end(), -ECONNRESET);
    }(closed, aborted));
}

class ConnectTest : public SocketFixture {
public:  // for the lambdas of the tests
    void SetUp() override {
        SocketFixture::SetUp();
        (void)parse_address("127.0.0.1", 0, address_);
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        socklen_t size = address_size(address_);
        ASSERT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address_), size), 0);
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address_), &size);
    }
    void TearDown() override { ::close(listener_); }
    int listener_ = -1;
    sockaddr_storage address_;
};

TEST_F(ConnectTest, Connects) {
    ::listen(listener_, 8);
    run([](ConnectTest* self) -> Task<void> {
        Socket* pending = nullptr;
        Connected connected =
            co_await connect(*self->loop_, self->address_, self->in_ms(5000), &pending);
        EXPECT_EQ(connected.status, IoStatus::ok);
        EXPECT_EQ(pending, nullptr);
        const Plain peer(::accept(self->listener_, nullptr, nullptr));
        EXPECT_TRUE((co_await connected.socket.write("hi", kNsPerSecond)).ok());
        EXPECT_EQ(peer.receive(2), "hi");
    }(this));
}

TEST_F(ConnectTest, SaysWhyNot) {
    // Bound but not listening.
    run([](ConnectTest* self) -> Task<void> {
        const Connected connected =
            co_await connect(*self->loop_, self->address_, self->in_ms(5000));
        EXPECT_EQ(connected.status, IoStatus::reset);
        EXPECT_EQ(connected.error_number, ECONNREFUSED);
        EXPECT_FALSE(connected.socket.open());
    }(this));
}

// With its queue full, Linux drops a SYN: the connect hangs until the deadline, or is cancelled.
TEST_F(ConnectTest, EndsByItsDeadlineOrByCancelling) {
    ::listen(listener_, 0);
    Plain fill[3];
    for (Plain& one : fill) {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)!::connect(fd, reinterpret_cast<sockaddr*>(&address_), address_size(address_));
        one = Plain(fd);
    }
    run([](ConnectTest* self) -> Task<void> {
        const Connected late = co_await connect(*self->loop_, self->address_, self->in_ms(60));
        EXPECT_EQ(late.status, IoStatus::timeout);
        Socket* pending = nullptr;
        self->loop_->post([&pending] {
            ASSERT_NE(pending, nullptr);
            pending->cancel();
        });
        const Connected cancelled =
            co_await connect(*self->loop_, self->address_, self->in_ms(5000), &pending);
        EXPECT_EQ(cancelled.status, IoStatus::cancelled);
        EXPECT_EQ(pending, nullptr);
    }(this));
}

TEST(Address, ParsesAndFormats) {
    sockaddr_storage address;
    char text[48];
    uint16_t port = 0;
    for (const char* good : {"192.0.2.1", "2001:db8::1", "::1"}) {
        ASSERT_TRUE(parse_address(good, 8080, address)) << good;
        format_address(address, text, port);
        EXPECT_STREQ(text, good);
        EXPECT_EQ(port, 8080);
    }
    EXPECT_TRUE(parse_address("[::1]", 1, address));
    ASSERT_TRUE(parse_address("::ffff:192.0.2.1", 1, address));
    format_address(address, text, port);
    EXPECT_STREQ(text, "192.0.2.1");
    for (const char* bad : {"", "localhost", "1.2.3", "1.2.3.4.5", "[::1", "::g", "1.2.3.4:80"})
        EXPECT_FALSE(parse_address(bad, 1, address)) << bad;
}

}  // namespace
}  // namespace glassgate::io
