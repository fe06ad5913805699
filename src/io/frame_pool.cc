#include <array>
#include <new>

#include "io/task.h"

namespace glassgate::io {
namespace {

constexpr std::size_t kStep = 64;  // size classes: 64, 128, ... 8192 bytes
constexpr std::size_t kClasses = 128;
constexpr std::size_t kKeepPerClass = 4096;

struct FreeFrame {
    FreeFrame* next;
};
struct FreeList {
    FreeFrame* head = nullptr;
    std::size_t count = 0;
};
struct Pool {
    std::array<FreeList, kClasses> lists;
    ~Pool() {
        for (FreeList& list : lists)
            while (list.head != nullptr) {
                FreeFrame* next = list.head->next;
                ::operator delete(list.head);
                list.head = next;
            }
    }
};
thread_local Pool pool;

}  // namespace

#ifdef __SANITIZE_ADDRESS__
// Every frame from the heap, so that the sanitizer sees one that is used after its end.
void* allocate_frame(std::size_t bytes) { return ::operator new(bytes); }
void free_frame(void* frame, std::size_t) noexcept { ::operator delete(frame); }
#else
void* allocate_frame(std::size_t bytes) {
    const std::size_t index = (bytes - 1) / kStep;
    if (index >= kClasses) return ::operator new(bytes);
    FreeList& list = pool.lists[index];
    if (list.head == nullptr) return ::operator new((index + 1) * kStep);
    FreeFrame* frame = list.head;
    list.head = frame->next;
    --list.count;
    return frame;
}

void free_frame(void* frame, std::size_t bytes) noexcept {
    const std::size_t index = (bytes - 1) / kStep;
    if (index >= kClasses || pool.lists[index].count >= kKeepPerClass) {
        ::operator delete(frame);
        return;
    }
    FreeList& list = pool.lists[index];
    auto* free = static_cast<FreeFrame*>(frame);
    free->next = list.head;
    list.head = free;
    ++list.count;
}
#endif

}  // namespace glassgate::io
