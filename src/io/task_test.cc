#include "io/task.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "io/test_sockets.h"

namespace glassgate::io {
namespace {

class TaskTest : public SocketFixture {};

// Counts its living copies, to see when frames and their parameters go.
class Counted {
public:
    explicit Counted(int& count) : count_(&count) { ++*count_; }
    Counted(const Counted& other) : count_(other.count_) { ++*count_; }
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --*count_; }

private:
    int* count_;
};

Task<std::unique_ptr<std::string>> make_text(std::string text) {
    co_return std::make_unique<std::string>(std::move(text));
}

TEST_F(TaskTest, GivesItsValueAndFreesItsFrame) {
    int alive = 0;
    run([](int& count) -> Task<void> {
        const auto text = co_await make_text("a value that can only be moved");
        EXPECT_EQ(*text, "a value that can only be moved");
        co_await [](Counted) -> Task<void> { co_return; }(Counted(count));
        EXPECT_EQ(count, 0);
    }(alive));
}

TEST_F(TaskTest, StartsOnlyWhenAwaited) {
    int alive = 0;
    bool started = false;
    {
        const Task<void> never = [](Counted, bool& flag) -> Task<void> {
            flag = true;
            co_return;
        }(Counted(alive), started);
        EXPECT_EQ(alive, 1);
    }
    EXPECT_FALSE(started);
    EXPECT_EQ(alive, 0);
}

TEST_F(TaskTest, ADetachedFreesItselfAtItsEnd) {
    int alive = 0;
    run([](TaskTest* self, int& count) -> Task<void> {
        [](TaskTest* s, Counted) -> Detached { co_await Sleep(*s->loop_, s->in_ms(5)); }(
                                     self, Counted(count));
        EXPECT_EQ(count, 1);
        while (count != 0) co_await Sleep(*self->loop_, self->in_ms(2));
    }(this, alive));
}

TEST_F(TaskTest, AChildThatEndsAtOnceNeedsNoWaiting) {
    run([]() -> Task<void> {
        Joinable child;
        co_await child.join();  // nothing was started
        child.start([]() -> Task<void> { co_return; }());
        EXPECT_FALSE(child.running());
        co_await child.join();
    }());
}

TEST_F(TaskTest, AChildRunsBesideItsParentUntilJoined) {
    run([](TaskTest* self) -> Task<void> {
        std::string order;
        Joinable child;
        child.start([](TaskTest* s, std::string& o) -> Task<void> {
            o += "a";
            co_await Sleep(*s->loop_, s->in_ms(10));
            o += "c";
        }(self, order));
        EXPECT_TRUE(child.running());
        order += "b";
        co_await child.join();
        order += "d";
        EXPECT_EQ(order, "abcd");
        EXPECT_FALSE(child.running());
        child.start([](std::string& o) -> Task<void> {  // and again
            o += "e";
            co_return;
        }(order));
        EXPECT_EQ(order, "abcde");
    }(this));
}

// Parameters of the child may refer to what the parent owns.
TEST_F(TaskTest, AChildsFrameGoesBeforeItsParentGoesOn) {
    run([](TaskTest* self) -> Task<void> {
        int alive = 0;
        Joinable child;
        child.start([](TaskTest* s, Counted) -> Task<void> {
            co_await Sleep(*s->loop_, s->in_ms(5));
        }(self, Counted(alive)));
        EXPECT_EQ(alive, 1);
        co_await child.join();
        EXPECT_EQ(alive, 0);
    }(this));
}

TEST_F(TaskTest, EndingAChildEarlyByItsSocket) {
    Pair pair = make_pair();
    run([](Pair& p) -> Task<void> {
        Joinable child;
        IoStatus status = IoStatus::ok;
        child.start([](Pair& inner, IoStatus& out) -> Task<void> {
            char byte;
            out = (co_await inner.socket.read(&byte, 1, 0)).status;
        }(p, status));
        p.socket.cancel();
        EXPECT_FALSE(child.running());
        co_await child.join();
        EXPECT_EQ(status, IoStatus::cancelled);
    }(pair));
}

TEST(JoinableDeathTest, AParentThatDoesNotJoinIsABug) {
    EXPECT_DEATH(
        {
            auto loop = std::move(*Loop::create());
            Joinable child;
            child.start(
                [](Loop& l) -> Task<void> { co_await Sleep(l, l.now_ns() + kNsPerSecond); }(*loop));
        },
        "running_");
}

#ifndef __SANITIZE_ADDRESS__
TEST(FramePool, TheLastFrameFreedIsTheNextTaken) {
    void* const first = allocate_frame(300);
    void* const second = allocate_frame(310);  // the same class
    free_frame(first, 300);
    free_frame(second, 310);
    EXPECT_EQ(allocate_frame(320), second);
    EXPECT_EQ(allocate_frame(257), first);
    free_frame(first, 257);
    free_frame(second, 320);
}
#endif

TEST(FramePool, FramesOfEverySizeAreWritable) {
    std::vector<std::pair<char*, std::size_t>> frames;
    for (std::size_t size = 1; size < 20'000; size += 777)
        frames.emplace_back(static_cast<char*>(allocate_frame(size)), size);
    for (const auto& [frame, size] : frames) std::fill(frame, frame + size, 'x');
    for (const auto& [frame, size] : frames) free_frame(frame, size);
}

TEST(FramePool, AFrameMayEndOnAnotherThread) {
    std::vector<void*> frames;
    std::thread([&] {
        for (int i = 0; i < 100; ++i) frames.push_back(allocate_frame(1000));
    }).join();  // that thread's lists are gone
    for (void* frame : frames) free_frame(frame, 1000);
    for (void*& frame : frames) frame = allocate_frame(1000);
    std::thread([&] {
        for (void* frame : frames) free_frame(frame, 1000);
    }).join();
}

}  // namespace
}  // namespace glassgate::io
