#include "shared/quota_ledger.h"

namespace glassgate::shared {

QuotaLedger::QuotaLedger() : secrets_{SipKey::random(), SipKey::random()} {}

std::shared_ptr<QuotaSpace> QuotaLedger::space(const std::string& state_key, std::size_t max_keys) {
    const std::lock_guard lock(mutex_);
    std::erase_if(spaces_, [&](const auto& entry) {
        return entry.second.expired() && entry.first != state_key;
    });
    std::weak_ptr<QuotaSpace>& known = spaces_[state_key];
    std::shared_ptr<QuotaSpace> space = known.lock();
    if (space)
        space->set_max_keys(max_keys);
    else
        // Not make_shared: the block would then live as long as the last weak pointer.
        known = space = std::shared_ptr<QuotaSpace>(new QuotaSpace(secrets_, max_keys));
    return space;
}

void QuotaLedger::for_each(
    const std::function<void(const std::string&, const QuotaSpace&)>& use) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [state_key, known] : spaces_)
        if (const auto space = known.lock()) use(state_key, *space);
}

}  // namespace glassgate::shared
