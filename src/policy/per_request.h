// What a policy remembers of each request from on_request to on_finished. For what few requests of
// a worker have at a time: finding is a walk.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "policy/policy.h"

namespace glassgate::policy {

template <typename T>
class PerRequest {
public:
    // A fresh one of this request.
    T& add(const Request& request, T value) {
        auto& slot = slots_.emplace_back(&request, std::make_unique<T>(std::move(value)));
        return *slot.second;
    }
    // Null when the request has none.
    [[nodiscard]] T* find(const Request& request) noexcept {
        for (auto& [owner, value] : slots_)
            if (owner == &request) return value.get();
        return nullptr;
    }
    void remove(const Request& request) noexcept {
        for (auto& slot : slots_) {
            if (slot.first != &request) continue;
            std::swap(slot, slots_.back());
            slots_.pop_back();
            return;
        }
    }
    [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }

private:
    std::vector<std::pair<const Request*, std::unique_ptr<T>>> slots_;
};

}  // namespace glassgate::policy
