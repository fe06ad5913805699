// ResumptionCache: TLS sessions of upstream targets, to be resumed by the next connection. One per
// worker, no lock: it must not be touched by another thread, nor outlived by the sessions noted in
// it. Bounded: the entry unused longest makes room.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "io/tls/openssl.h"

namespace glassgate::io::tls {

class ResumptionCache {
public:
    explicit ResumptionCache(std::size_t entries_max = 512) noexcept : entries_max_(entries_max) {}
    ResumptionCache(const ResumptionCache&) = delete;
    ResumptionCache& operator=(const ResumptionCache&) = delete;

    // Takes the place of an older session of the same key.
    void put(const std::string& key, SessionPtr session);
    // The session to offer; null if there is none that can be resumed. Stays in the cache.
    [[nodiscard]] SSL_SESSION* find(const std::string& key, int64_t now_s);
    void forget(const std::string& key);
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

private:
    struct Entry {
        std::string key;
        SessionPtr session;
    };
    std::size_t entries_max_;
    std::list<Entry> entries_;  // the one used last first
    std::unordered_map<std::string_view, std::list<Entry>::iterator>
        by_key_;  // views into entries_
};

}  // namespace glassgate::io::tls
