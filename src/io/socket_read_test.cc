// Reading, waiting, cancelling, hanging up.
#include "io/test_sockets.h"

namespace glassgate::io {
namespace {

class SocketReadTest : public SocketFixture {};

TEST_F(SocketReadTest, ReadsWhatIsThereAndWaitsForMore) {
    Pair pair = make_pair();
    run([](SocketReadTest* self, Pair& p) -> Task<void> {
        char bytes[100];
        p.peer.send("one");
        IoResult got = co_await p.socket.read(bytes, sizeof bytes, self->in_ms(5000));
        EXPECT_EQ(std::string_view(bytes, got.bytes), "one");
        // A short read has emptied it: nothing is readable until a new edge.
        EXPECT_FALSE(p.socket.readable());
        self->loop_->post([&p] { p.peer.send("two"); });
        got = co_await p.socket.read(bytes, sizeof bytes, self->in_ms(5000));
        EXPECT_EQ(std::string_view(bytes, got.bytes), "two");
    }(this, pair));
}

TEST_F(SocketReadTest, ReadsThatFillTheirBufferLoseNothing) {
    Pair pair = make_pair();
    run([](SocketReadTest* self, Pair& p) -> Task<void> {
        char bytes[4];
        p.peer.send("aaaabbbb");
        std::string all;
        while (all.size() < 8) {
            const IoResult got = co_await p.socket.read(bytes, sizeof bytes, self->in_ms(5000));
            if (!got.ok()) break;
            all.append(bytes, got.bytes);
        }
        EXPECT_EQ(all, "aaaabbbb");
        // Nothing is left though the last read was full: it waits, and the next edge wakes it.
        self->loop_->post([&p] { p.peer.send("cc"); });
        const IoResult got = co_await p.socket.read(bytes, sizeof bytes, self->in_ms(5000));
        EXPECT_EQ(std::string_view(bytes, got.bytes), "cc");
    }(this, pair));
}

TEST_F(SocketReadTest, TheEndIsSeenBehindTheLastBytes) {
    for (const bool end_first : {false, true}) {
        Pair pair = make_pair();
        run([](SocketReadTest* self, Pair& p, bool early) -> Task<void> {
            char bytes[100];
            p.peer.send("last");
            if (early) p.peer.finish();
            IoResult got = co_await p.socket.read(bytes, sizeof bytes, self->in_ms(5000));
            EXPECT_EQ(std::string_view(bytes, got.bytes), "last");
            if (!early) p.peer.finish();
            for (int i = 0; i < 3; ++i) {
                got = co_await p.socket.read(bytes, sizeof bytes, self->in_ms(5000));
                EXPECT_EQ(got.status, IoStatus::eof) << i;
            }
            EXPECT_TRUE(p.socket.hangup());
        }(this, pair, end_first));
    }
}

TEST_F(SocketReadTest, AResetStaysAReset) {
    Pair pair = make_pair();
    run([](SocketReadTest* self, Pair& p) -> Task<void> {
        p.peer.reset();
        char bytes[10];
        for (int i = 0; i < 3; ++i) {
            const IoResult got = co_await p.socket.read(bytes, sizeof bytes, self->in_ms(5000));
            EXPECT_EQ(got.status, IoStatus::reset) << i;
        }
    }(this, pair));
}

// The kernel tells of a reset once. When the writer has been told, the reader must not take the end
// of what came before for the end of a message.
TEST_F(SocketReadTest, AResetSeenByTheWriterIsNoOrderlyEndForTheReader) {
    Pair pair = make_pair();
    run([](SocketReadTest* self, Pair& p) -> Task<void> {
        p.peer.send("half of it");
        p.peer.reset();
        const IoResult sent = co_await p.socket.write("x", 5 * kNsPerSecond);
        EXPECT_EQ(sent.status, IoStatus::reset);
        char bytes[100];
        IoResult got = co_await p.socket.read(bytes, sizeof bytes, self->in_ms(5000));
        while (got.ok()) got = co_await p.socket.read(bytes, sizeof bytes, self->in_ms(5000));
        EXPECT_EQ(got.status, IoStatus::reset);
    }(this, pair));
}

TEST_F(SocketReadTest, DeadlinesEndWaitsAndNothingElse) {
    Pair pair = make_pair();
    run([](SocketReadTest* self, Pair& p) -> Task<void> {
        char bytes[10];
        const uint64_t since = mono_now_ns();
        IoResult got = co_await p.socket.read(bytes, sizeof bytes, self->in_ms(60));
        EXPECT_EQ(got.status, IoStatus::timeout);
        EXPECT_GE(mono_now_ns() - since, 60 * kNsPerMs);
        got = co_await p.socket.wait_readable(self->in_ms(0));  // over already
        EXPECT_EQ(got.status, IoStatus::timeout);
        p.peer.send("late");
        got = co_await p.socket.read(bytes, sizeof bytes, self->in_ms(40));
        EXPECT_EQ(std::string_view(bytes, got.bytes), "late");
        // The deadline of a read that is done does not end the next one.
        Timer sender([](void* peer) { static_cast<Plain*>(peer)->send("x"); }, &p.peer);
        self->loop_->timers().arm(sender, self->in_ms(120));
        got = co_await p.socket.read(bytes, sizeof bytes, 0);
        EXPECT_TRUE(got.ok());
    }(this, pair));
}

TEST_F(SocketReadTest, WaitingTakesNothing) {
    Pair pair = make_pair();
    run([](SocketReadTest* self, Pair& p) -> Task<void> {
        self->loop_->post([&p] { p.peer.send("x"); });
        EXPECT_TRUE((co_await p.socket.wait_readable(self->in_ms(5000))).ok());
        EXPECT_TRUE((co_await p.socket.wait_readable(self->in_ms(5000))).ok());
        char bytes[10];
        EXPECT_EQ((co_await p.socket.read(bytes, sizeof bytes, self->in_ms(5000))).bytes, 1u);
        p.peer.finish();
        EXPECT_TRUE((co_await p.socket.wait_readable(self->in_ms(5000))).ok());  // the end is there
        EXPECT_EQ((co_await p.socket.read(bytes, sizeof bytes, 0)).status, IoStatus::eof);
    }(this, pair));
}

TEST_F(SocketReadTest, CancelEndsBothWaitsAndAllToCome) {
    Pair pair = make_pair();
    run([](SocketReadTest* self, Pair& p) -> Task<void> {
        const std::string much(32u << 20, 'x');  // more than the kernel takes
        Joinable writer;
        IoStatus written = IoStatus::ok;
        writer.start([](Socket& socket, std::string_view bytes, IoStatus& out) -> Task<void> {
            out = (co_await socket.write(bytes, 0)).status;
        }(p.socket, much, written));
        self->loop_->post([&p] { p.socket.cancel(); });
        char bytes[10];
        EXPECT_EQ((co_await p.socket.read(bytes, sizeof bytes, 0)).status, IoStatus::cancelled);
        co_await writer.join();
        EXPECT_EQ(written, IoStatus::cancelled);
        p.peer.send("x");
        EXPECT_EQ((co_await p.socket.read(bytes, sizeof bytes, 0)).status, IoStatus::cancelled);
        EXPECT_EQ((co_await p.socket.write("x", 0)).status, IoStatus::cancelled);
        p.socket.uncancel();
        EXPECT_TRUE((co_await p.socket.read(bytes, sizeof bytes, self->in_ms(5000))).ok());
    }(this, pair));
}

TEST_F(SocketReadTest, TheHangupHookRunsOnceAndMayClose) {
    Pair pair = make_pair();
    struct Seen {
        Socket* socket;
        int times = 0;
    } seen{&pair.socket};
    const auto hook = [](void* raw) {
        auto* s = static_cast<Seen*>(raw);
        ++s->times;
        s->socket->close();
    };
    run([](SocketReadTest* self, Pair& p, Seen& s, void (*h)(void*)) -> Task<void> {
        p.socket.set_hangup_hook(h, &s);
        p.peer.send("unread");
        co_await Sleep(*self->loop_, self->in_ms(30));
        EXPECT_EQ(s.times, 0);  // bytes are no hangup
        p.peer.finish();
        while (s.times == 0) co_await Sleep(*self->loop_, self->in_ms(5));
        EXPECT_FALSE(p.socket.open());
        co_await Sleep(*self->loop_, self->in_ms(20));
        EXPECT_EQ(s.times, 1);
    }(this, pair, seen, hook));
}

TEST_F(SocketReadTest, AHookTakenOffDoesNotRun) {
    Pair pair = make_pair();
    int times = 0;
    pair.socket.set_hangup_hook([](void* n) { ++*static_cast<int*>(n); }, &times);
    pair.socket.set_hangup_hook(nullptr, nullptr);
    run([](SocketReadTest* self, Pair& p) -> Task<void> {
        p.peer.close();
        while (!p.socket.hangup()) co_await Sleep(*self->loop_, self->in_ms(5));
    }(this, pair));
    EXPECT_EQ(times, 0);
}

// A socket closed while events of the same turn wait for it, and another opened at once: the new
// one must not see them, nor be found by timers of the old one.
TEST_F(SocketReadTest, ASocketClosedByAnothersEventIsNotReusedInThatTurn) {
    Pair first = make_pair(), second = make_pair();
    Pair third;
    run([](SocketReadTest* self, Pair& a, Pair& b, Pair& c) -> Task<void> {
        Joinable readers[2];
        int resumed = 0;
        const auto read_then_replace = [](SocketReadTest* s, Pair& mine, Pair& other, Pair& fresh,
                                          int& count) -> Task<void> {
            char bytes[10];
            const IoResult got = co_await mine.socket.read(bytes, sizeof bytes, s->in_ms(5000));
            ++count;
            if (got.status == IoStatus::cancelled) co_return;
            other.socket.cancel();
            other.socket.close();
            fresh = s->make_pair();
        };
        readers[0].start(read_then_replace(self, a, b, c, resumed));
        readers[1].start(read_then_replace(self, b, a, c, resumed));
        a.peer.send("x");
        b.peer.send("x");
        for (Joinable& reader : readers) co_await reader.join();
        EXPECT_EQ(resumed, 2);
        EXPECT_NE(a.socket.open(), b.socket.open());
        char bytes[10];
        EXPECT_EQ((co_await c.socket.read(bytes, sizeof bytes, self->in_ms(50))).status,
                  IoStatus::timeout);
        c.peer.send("y");
        EXPECT_EQ((co_await c.socket.read(bytes, sizeof bytes, self->in_ms(5000))).bytes, 1u);
    }(this, first, second, third));
}

// One connection that always has something to do leaves the loop to others now and then.
TEST_F(SocketReadTest, ABusySocketDoesNotKeepTheLoop) {
    Pair pair = make_pair();
    run([](SocketReadTest* self, Pair& p) -> Task<void> {
        constexpr std::size_t kBytes = 20'000;
        p.peer.send(std::string(kBytes, 'x'));
        EXPECT_TRUE((co_await p.socket.wait_readable(self->in_ms(5000))).ok());
        std::size_t read = 0, read_when_posted_ran = 0;
        self->loop_->post([&] { read_when_posted_ran = read; });
        while (read < kBytes) {
            char byte;
            const IoResult got = co_await p.socket.read(&byte, 1, self->in_ms(5000));
            if (!got.ok()) break;
            ++read;
        }
        EXPECT_EQ(read, kBytes);
        EXPECT_GT(read_when_posted_ran, 0u);
        EXPECT_LT(read_when_posted_ran, 1000u);
    }(this, pair));
}

TEST_F(SocketReadTest, APostponedSocketMayBeCancelledAndClosed) {
    Pair pair = make_pair();
    run([](SocketReadTest* self, Pair& p) -> Task<void> {
        p.peer.send(std::string(1000, 'x'));
        self->loop_->post([&p] { p.socket.cancel(); });
        IoResult got;
        std::size_t read = 0;
        do {
            char byte;
            got = co_await p.socket.read(&byte, 1, self->in_ms(5000));
            read += got.bytes;
        } while (got.ok());
        EXPECT_EQ(got.status, IoStatus::cancelled);
        EXPECT_LT(read, 1000u);
        p.socket.close();
        co_await Sleep(*self->loop_, self->in_ms(10));
    }(this, pair));
}

}  // namespace
}  // namespace glassgate::io
