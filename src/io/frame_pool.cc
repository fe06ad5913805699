#include <array>
#include <new>

#include "io/task.h"

namespace glassgate::io {
namespace {

constexpr std::size_t kStep = 256;        // size classes: 256, 512, ... 8192 bytes
constexpr std::size_t kClasses = 32;
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

}  // namespace glassgate::io
