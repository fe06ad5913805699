// What a thread is called in top, perf and core dumps.
#pragma once

#include <string>

namespace glassgate {

// Names the calling thread; the kernel keeps the first 15 characters.
void name_this_thread(std::string name);

}  // namespace glassgate
