#include "shared/load_board.h"

namespace glassgate::shared {

std::shared_ptr<Load> LoadBoard::find(const std::string& upstream) {
    const std::lock_guard lock(mutex_);
    std::erase_if(loads_, [](const auto& entry) { return entry.second.expired(); });
    std::weak_ptr<Load>& known = loads_[upstream];
    std::shared_ptr<Load> load = known.lock();
    if (!load) known = load = std::make_shared<Load>();
    return load;
}

}  // namespace glassgate::shared
