#include "io/tls/resumption_cache.h"

namespace glassgate::io::tls {

void ResumptionCache::put(const std::string& key, SessionPtr session) {
    if (entries_max_ == 0) return;
    if (const auto at = by_key_.find(key); at != by_key_.end()) {
        at->second->session = std::move(session);
        entries_.splice(entries_.begin(), entries_, at->second);
        return;
    }
    if (entries_.size() >= entries_max_) {
        by_key_.erase(entries_.back().key);
        entries_.pop_back();
    }
    entries_.push_front({key, std::move(session)});
    by_key_.emplace(entries_.front().key, entries_.begin());
}

SSL_SESSION* ResumptionCache::find(const std::string& key, int64_t now_s) {
    const auto at = by_key_.find(key);
    if (at == by_key_.end()) return nullptr;
    SSL_SESSION* const session = at->second->session.get();
    const int64_t age_s = now_s - static_cast<int64_t>(SSL_SESSION_get_time(session));
    if (SSL_SESSION_is_resumable(session) != 1 || age_s < 0 ||
        age_s >= static_cast<int64_t>(SSL_SESSION_get_timeout(session))) {
        forget(key);
        return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, at->second);
    return session;
}

void ResumptionCache::forget(const std::string& key) {
    const auto at = by_key_.find(key);
    if (at == by_key_.end()) return;
    const auto entry = at->second;
    by_key_.erase(at);
    entries_.erase(entry);
}

}  // namespace glassgate::io::tls
