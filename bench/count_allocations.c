// Counts heap allocations by thread: LD_PRELOAD this, with COUNT_ALLOCATIONS naming a file of zeros
// of kSlots * sizeof(struct Slot) bytes. The file is shared, so that others read it as it counts.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { kSlots = 1024 };
struct Slot {
    int64_t tid;  // 0: free
    uint64_t allocations, bytes;
};

static struct Slot* slots;
static __thread struct Slot* mine __attribute__((tls_model("initial-exec")));

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

static void in_child(void) { mine = NULL; }  // another process, another slot

__attribute__((constructor)) static void open_file(void) {
    const char* path = getenv("COUNT_ALLOCATIONS");
    const int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void* at = mmap(NULL, kSlots * sizeof(struct Slot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED) slots = at;
    pthread_atfork(NULL, NULL, in_child);
}

static void count(size_t bytes) {
    if (mine == NULL) {
        if (slots == NULL) return;
        for (int i = 0; i < kSlots && mine == NULL; ++i) {
            int64_t nobody = 0;
            if (__atomic_compare_exchange_n(&slots[i].tid, &nobody, gettid(), 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
                mine = &slots[i];
        }
        if (mine == NULL) return;
    }
    ++mine->allocations;
    mine->bytes += bytes;
}

void* malloc(size_t size) {
    count(size);
    return __libc_malloc(size);
}
void* calloc(size_t n, size_t size) {
    count(n * size);
    return __libc_calloc(n, size);
}
void* realloc(void* p, size_t size) {
    count(size);
    return __libc_realloc(p, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
    count(size);
    return __libc_memalign(alignment, size);
}
void* memalign(size_t alignment, size_t size) {
    count(size);
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** out, size_t alignment, size_t size) {
    count(size);
    *out = __libc_memalign(alignment, size);
    return *out != NULL ? 0 : ENOMEM;
}
