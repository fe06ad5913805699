// Watcher: says when the configuration's files may have changed. Follows editors that write in
// place, that rename over, and Kubernetes' symlink swaps; folders for files that come and go. The
// files that the configuration names (certificates, keys, secrets) are followed as well.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/load.h"

namespace glassgate::config {

class Watcher {
public:
    // Calls `changed` on the watcher's own thread, once per burst of changes: `debounce_ms` after
    // the last one. Only real changes of content are reported (a touch is not one).
    static Result<std::unique_ptr<Watcher>> start(std::vector<std::string> paths,
                                                  uint32_t debounce_ms,
                                                  std::function<void()> changed);
    virtual ~Watcher() = default;  // stops; no call is under way afterwards

    // Watches these files, too, instead of those of the call before: what a load has read
    // (Loaded::seen). `changed` is called if one of them holds something else than was seen, be it
    // that it changed before this call. Any thread, also from within `changed`.
    virtual void also_watch(std::vector<SeenFile> files) = 0;
};

}  // namespace glassgate::config
