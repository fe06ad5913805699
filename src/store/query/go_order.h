// The order in which Go's heap and sort leave equal elements, where Prometheus' results show it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace glassgate::store::query {

// container/heap: the least element in front.
template <typename T, typename Less>
class GoHeap {
public:
    explicit GoHeap(Less less) : less_(std::move(less)) {}

    void push(T element) {
        elements_.push_back(std::move(element));
        for (std::size_t i = elements_.size() - 1; i > 0;) {
            const std::size_t parent = (i - 1) / 2;
            if (!less_(elements_[i], elements_[parent])) break;
            std::swap(elements_[i], elements_[parent]);
            i = parent;
        }
    }
    void pop() {
        std::swap(elements_.front(), elements_.back());
        elements_.pop_back();
        const std::size_t count = elements_.size();
        for (std::size_t i = 0; 2 * i + 1 < count;) {
            std::size_t child = 2 * i + 1;
            if (child + 1 < count && less_(elements_[child + 1], elements_[child])) ++child;
            if (!less_(elements_[child], elements_[i])) break;
            std::swap(elements_[i], elements_[child]);
            i = child;
        }
    }
    [[nodiscard]] T& front() noexcept { return elements_.front(); }
    [[nodiscard]] std::size_t size() const noexcept { return elements_.size(); }
    [[nodiscard]] std::vector<T>& elements() noexcept { return elements_; }

private:
    Less less_;
    std::vector<T> elements_;
};

// sort.Sort. Up to twelve elements it is an insertion sort; beyond, Go promises nothing of equal
// elements, and they stay in their order here. `less` may say of two NaN that each is less.
template <typename T, typename Less>
void go_sort(std::vector<T>& elements, Less less) {
    constexpr std::size_t kInsertionMax = 12;
    if (elements.size() > kInsertionMax) {
        std::vector<std::size_t> order(elements.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            const bool before = less(elements[a], elements[b]);
            const bool after = less(elements[b], elements[a]);
            return before != after ? before : a < b;
        });
        std::vector<T> sorted;
        sorted.reserve(order.size());
        for (const std::size_t i : order) sorted.push_back(std::move(elements[i]));
        elements = std::move(sorted);
        return;
    }
    for (std::size_t i = 1; i < elements.size(); ++i)
        for (std::size_t j = i; j > 0 && less(elements[j], elements[j - 1]); --j)
            std::swap(elements[j], elements[j - 1]);
}

// Ascending or descending with NaN in front: what Prometheus sorts and ranks by, then turned round.
[[nodiscard]] inline bool ranks_before(bool ascending, double a, double b) noexcept {
    if (std::isnan(a)) return true;
    return ascending ? a < b : a > b;
}

}  // namespace glassgate::store::query
