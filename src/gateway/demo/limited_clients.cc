#include "gateway/demo/limited_clients.h"

#include <algorithm>

namespace glassgate::gateway::demo {

void LimitedClients::add(int64_t second, std::string_view client_id, std::string_view name) {
    std::string id(client_id.empty() ? std::string_view("(none)") : client_id);
    if (!index_.contains(id) && clients_.size() >= kMaxClients) id = "other";
    const auto [it, added] = index_.try_emplace(id, static_cast<uint32_t>(clients_.size()));
    if (added) clients_.push_back({id, std::string(name), 0});
    ++clients_[it->second].hits;
    ++total_;
    if (seconds_.empty() || seconds_.back().index < second) seconds_.push_back({second, {}});
    // Records of two workers may be a little out of order.
    auto at = seconds_.end();
    do --at;
    while (at != seconds_.begin() && at->index > second);
    ++at->hits[it->second];
}

void LimitedClients::forget_before(int64_t second) {
    while (!seconds_.empty() && seconds_.front().index < second) seconds_.pop_front();
}

std::vector<ClientRow> LimitedClients::top(std::size_t count, int64_t from, int64_t to) const {
    std::vector<uint32_t> order(clients_.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    const std::size_t kept = std::min(count, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                      [&](uint32_t a, uint32_t b) {
                          if (clients_[a].hits != clients_[b].hits)
                              return clients_[a].hits > clients_[b].hits;
                          return clients_[a].id < clients_[b].id;
                      });
    std::vector<ClientRow> rows;
    for (std::size_t i = 0; i < kept; ++i) {
        const Client& client = clients_[order[i]];
        uint64_t recent = 0;
        for (const Second& s : seconds_) {
            if (s.index < from || s.index >= to) continue;
            if (const auto hit = s.hits.find(order[i]); hit != s.hits.end()) recent += hit->second;
        }
        const double minutes = static_cast<double>(std::max<int64_t>(1, to - from)) / 60;
        rows.push_back(
            {client.id, client.name, static_cast<double>(recent) / minutes, client.hits});
    }
    return rows;
}

std::vector<ClientRow> LimitedClients::top_lately(std::size_t count, int64_t from,
                                                  int64_t to) const {
    std::unordered_map<uint32_t, uint64_t> sums;
    for (const Second& s : seconds_) {
        if (s.index < from || s.index >= to) continue;
        for (const auto& [client, hits] : s.hits) sums[client] += hits;
    }
    const double minutes = static_cast<double>(std::max<int64_t>(1, to - from)) / 60;
    std::vector<ClientRow> rows;
    for (const auto& [client, hits] : sums)
        rows.push_back({clients_[client].id, clients_[client].name,
                        static_cast<double>(hits) / minutes, hits});
    std::sort(rows.begin(), rows.end(), [](const ClientRow& a, const ClientRow& b) {
        return a.hits != b.hits ? a.hits > b.hits : a.client_id < b.client_id;
    });
    rows.resize(std::min(rows.size(), count));
    return rows;
}

}  // namespace glassgate::gateway::demo
