// Watcher: says when the configuration's files may have changed. Follows editors that write in
// place, that rename over, and Kubernetes' symlink swaps; folders for files that come and go.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace glassgate::config {

class Watcher {
public:
    // Calls `changed` on the watcher's own thread, once per burst of changes: `debounce_ms` after
    // the last one. Only real changes of content are reported (a touch is not one).
    static Result<std::unique_ptr<Watcher>> start(std::vector<std::string> paths,
                                                  uint32_t debounce_ms,
                                                  std::function<void()> changed);
    virtual ~Watcher() = default;  // stops; no call is under way afterwards
};

}  // namespace glassgate::config
