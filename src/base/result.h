// Result<T>: a value or an Error. For things that can fail in operation (opening a file, binding a
// port, reading a document). A request that fails is not an Error but a model::Ending.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace glassgate {

// What went wrong, in words for the person who reads it: what, where, what was expected.
struct Error {
    std::string message;
};

template <typename T>
using Result = std::expected<T, Error>;

using Status = Result<void>;

[[nodiscard]] inline std::unexpected<Error> failure(std::string message) {
    return std::unexpected<Error>(Error{std::move(message)});
}

// "open /x: No such file or directory" for an errno value.
[[nodiscard]] std::unexpected<Error> failure_errno(std::string what, int error_number);

}  // namespace glassgate

// TRY(expression): the value of a Result, or return its error from the enclosing function.
#define TRY(...)                                                    \
    __extension__({                                                 \
        auto try_result_ = (__VA_ARGS__);                           \
        if (!try_result_) [[unlikely]]                              \
            return std::unexpected(std::move(try_result_).error()); \
        std::move(try_result_).value();                             \
    })

// TRY_STATUS(expression): as TRY, for a Result<void>.
#define TRY_STATUS(...)                                             \
    do {                                                            \
        auto try_result_ = (__VA_ARGS__);                           \
        if (!try_result_) [[unlikely]]                              \
            return std::unexpected(std::move(try_result_).error()); \
    } while (false)
