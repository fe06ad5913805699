#include "config/shared_tls.h"

#include <map>
#include <mutex>
#include <tuple>

namespace glassgate::config {
namespace {

template <typename Key, typename Shared>
class Registry {
public:
    // The living object of that key, or the one `make` gives.
    template <typename Make>
    std::shared_ptr<Shared> find_or(const Key& key, Make make) {
        const std::lock_guard lock(mutex_);
        std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
        std::weak_ptr<Shared>& entry = known_[key];
        std::shared_ptr<Shared> found = entry.lock();
        if (found == nullptr) entry = found = make();
        return found;
    }

private:
    std::mutex mutex_;
    std::map<Key, std::weak_ptr<Shared>> known_;
};

// Two keys behind the one that seals: a ticket is good for two rotations, whenever in a rotation it
// was given out.
constexpr std::size_t kKeptKeys = 3;

}  // namespace

std::shared_ptr<io::tls::TicketKeys> shared_ticket_keys(const std::string& gateway,
                                                        const std::string& listener,
                                                        std::chrono::seconds rotation) {
    using Key = std::tuple<std::string, std::string, std::chrono::seconds>;
    static Registry<Key, io::tls::TicketKeys> registry;
    return registry.find_or({gateway, listener, rotation},
                            [&] { return io::tls::TicketKeys::make(rotation, kKeptKeys); });
}

std::shared_ptr<const io::tls::ClientContext> shared_client_context(
    std::shared_ptr<const io::tls::ClientContext> fresh, const std::string& fingerprint) {
    static Registry<std::string, const io::tls::ClientContext> registry;
    return registry.find_or(fingerprint, [&] { return std::move(fresh); });
}

}  // namespace glassgate::config
