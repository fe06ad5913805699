// Task<T>: a coroutine that starts when awaited and resumes its awaiter when done (symmetric
// transfer). Frames come from a per-thread free list, so that a request's coroutines cost no heap
// allocation in steady state. A Task belongs to one thread; nothing here is thread-safe.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/check.h"

namespace glassgate::io {

// Free lists by size class; frames above 8 KiB come from the heap. Thread-local.
[[nodiscard]] void* allocate_frame(std::size_t bytes);
void free_frame(void* frame, std::size_t bytes) noexcept;

template <typename T>
class Task;

namespace detail {

struct PromiseBase {
    std::coroutine_handle<> awaiter;

    static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
    static void operator delete(void* frame, std::size_t bytes) noexcept {
        free_frame(frame, bytes);
    }

    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
        bool await_ready() noexcept { return false; }
        template <typename Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
            const std::coroutine_handle<> next = self.promise().awaiter;
            return next ? next : std::noop_coroutine();
        }
        void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }
    // We throw nothing; what a library lets escape into a coroutine is a bug of ours.
    void unhandled_exception() noexcept { std::terminate(); }
};

template <typename T>
struct Promise : PromiseBase {
    std::optional<T> value;
    Task<T> get_return_object() noexcept;
    template <typename U>
    void return_value(U&& v) {
        value.emplace(std::forward<U>(v));
    }
};

template <>
struct Promise<void> : PromiseBase {
    Task<void> get_return_object() noexcept;
    void return_void() noexcept {}
};

}  // namespace detail

template <typename T = void>
class [[nodiscard]] Task {
public:
    using promise_type = detail::Promise<T>;
    using Handle = std::coroutine_handle<promise_type>;

    Task() = default;
    explicit Task(Handle handle) noexcept : handle_(handle) {}
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Task& operator=(Task&& other) noexcept {
        if (this != &other) {
            destroy();
            handle_ = std::exchange(other.handle_, {});
        }
        return *this;
    }
    ~Task() { destroy(); }

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
        handle_.promise().awaiter = awaiter;
        return handle_;
    }
    T await_resume() {
        if constexpr (!std::is_void_v<T>) return std::move(*handle_.promise().value);
    }

private:
    void destroy() noexcept {
        if (handle_) handle_.destroy();
    }
    Handle handle_;
};

template <typename T>
Task<T> detail::Promise<T>::get_return_object() noexcept {
    return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() noexcept {
    return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

// A coroutine that runs on its own, beside the one that started it, and frees itself at its end.
// The starter must make sure that what it refers to lives long enough (see Joinable).
struct Detached {
    struct promise_type {
        static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
        static void operator delete(void* frame, std::size_t bytes) noexcept {
            free_frame(frame, bytes);
        }
        Detached get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() noexcept { std::terminate(); }
    };
};

// A task that runs beside its parent until the parent joins it. The parent must join before it
// ends; to end early it makes the child's waits fail (Socket::cancel) and then joins.
class Joinable {
public:
    Joinable() = default;
    Joinable(const Joinable&) = delete;
    Joinable& operator=(const Joinable&) = delete;
    ~Joinable() { GW_CHECK(!running_); }

    void start(Task<void> task) {
        GW_CHECK(!running_);
        running_ = true;
        run(this, std::move(task));
    }
    [[nodiscard]] bool running() const noexcept { return running_; }

    auto join() noexcept {
        struct Awaiter {
            Joinable* self;
            bool await_ready() const noexcept { return !self->running_; }
            void await_suspend(std::coroutine_handle<> awaiter) noexcept {
                self->waiter_ = awaiter;
            }
            void await_resume() const noexcept {}
        };
        return Awaiter{this};
    }

private:
    static Detached run(Joinable* self, Task<void> task) {
        co_await task;
        task = {};  // the child's frame goes first: its parameters may refer to the parent's
        self->running_ = false;
        if (const std::coroutine_handle<> waiter = std::exchange(self->waiter_, {}))
            waiter.resume();
    }
    std::coroutine_handle<> waiter_;
    bool running_ = false;
};

}  // namespace glassgate::io
