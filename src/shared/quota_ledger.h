// QuotaLedger: how much of each rate limit is used, exact over all workers. One QuotaSpace per rate
// limit (the proof is there), found by its state key, so that counts survive a reload.
//
// Proof for this class: the map is touched at load only, under a lock. A space lives as long as a
// policy instance holds it. A reload makes its instances before the old ones go, so a limit whose
// state key stays keeps its space; one that is gone from every plan is freed with its last
// exchange.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "shared/quota_space.h"

namespace glassgate::shared {

class QuotaLedger {
public:
    QuotaLedger();

    // Control and worker threads, at load. The space of a rate limit; equal state keys share one.
    [[nodiscard]] std::shared_ptr<QuotaSpace> space(const std::string& state_key,
                                                    std::size_t max_keys);

    // Every living space, under the lock. For metrics.
    void for_each(const std::function<void(const std::string& state_key, const QuotaSpace& space)>&
                      use) const;

private:
    const QuotaSecrets secrets_;
    mutable std::mutex mutex_;
    std::map<std::string, std::weak_ptr<QuotaSpace>> spaces_;
};

}  // namespace glassgate::shared
