#include "base/thread_name.h"

#include <pthread.h>

namespace glassgate {

void name_this_thread(std::string name) {
    constexpr std::size_t kKernelLimit = 15;
    if (name.size() > kKernelLimit) name.resize(kKernelLimit);
    pthread_setname_np(pthread_self(), name.c_str());
}

}  // namespace glassgate
