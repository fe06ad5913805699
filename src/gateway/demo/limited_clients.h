// LimitedClients: who was refused by a rate limit, how often in all and in the last seconds.
// Bounded: what does not fit is counted as one client, "other".
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/demo/panel_snapshot.h"

namespace glassgate::gateway::demo {

class LimitedClients {
public:
    static constexpr std::size_t kMaxClients = 4096;
    void add(int64_t second, std::string_view client_id, std::string_view name);
    // By hits since the start, most first. The rate is over the seconds [from, to).
    [[nodiscard]] std::vector<ClientRow> top(std::size_t count, int64_t from, int64_t to) const;
    // The same by hits in those seconds, which `hits` then says.
    [[nodiscard]] std::vector<ClientRow> top_lately(std::size_t count, int64_t from,
                                                    int64_t to) const;
    // Forgets the seconds before `second`; totals stay.
    void forget_before(int64_t second);
    [[nodiscard]] uint64_t total() const noexcept { return total_; }

private:
    struct Client {
        std::string id, name;
        uint64_t hits = 0;
    };
    struct Second {
        int64_t index;
        std::unordered_map<uint32_t, uint32_t> hits;  // client -> count
    };
    std::unordered_map<std::string, uint32_t> index_;
    std::vector<Client> clients_;
    std::deque<Second> seconds_;
    uint64_t total_ = 0;
};

}  // namespace glassgate::gateway::demo
