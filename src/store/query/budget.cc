#include "store/query/budget.h"

#include <algorithm>

#include "base/clock.h"

namespace glassgate::store::query {

std::string_view name_of(ErrorKind kind) noexcept {
    switch (kind) {
        case ErrorKind::bad_data:
            return "bad_data";
        case ErrorKind::execution:
            return "execution";
        case ErrorKind::canceled:
            return "canceled";
        case ErrorKind::timeout:
            return "timeout";
        case ErrorKind::internal:
            return "internal";
    }
    return "";
}

Outcome<void> Budget::check() const {
    if (limits_.cancelled != nullptr && limits_.cancelled->load(std::memory_order_relaxed))
        return std::unexpected(
            QueryError{ErrorKind::canceled, "query was canceled in expression evaluation"});
    if (limits_.deadline_ns != 0 && mono_now_ns() > limits_.deadline_ns)
        return std::unexpected(
            QueryError{ErrorKind::timeout, "query timed out in expression evaluation"});
    return {};
}

Outcome<void> Budget::take(uint64_t samples, uint64_t bytes) {
    samples_ += samples;
    bytes_ += bytes;
    samples_peak_ = std::max(samples_peak_, samples_);
    const bool too_many = limits_.max_samples != 0 && samples_ > limits_.max_samples;
    const bool too_large = limits_.max_bytes != 0 && bytes_ > limits_.max_bytes;
    if (!too_many && !too_large) return {};
    give_back(samples, bytes);
    if (too_many)
        return execution_error(
            "query processing would load too many samples into memory in expression evaluation");
    return execution_error("query processing would use more than " +
                           std::to_string(limits_.max_bytes) + " bytes of memory");
}

Outcome<Charge> Charge::of(Budget& budget, uint64_t samples, uint64_t bytes) {
    TRY_STATUS(budget.take(samples, bytes));
    Charge charge;
    charge.budget_ = &budget;
    charge.samples_ = samples;
    charge.bytes_ = bytes;
    return charge;
}

}  // namespace glassgate::store::query
