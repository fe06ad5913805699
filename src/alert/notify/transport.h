// One exchange with somebody who takes notifications: a POST, or a mail over SMTP; libcurl. Blocks,
// no longer than the target's timeout, and is cut short by `stop`.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "alert/settings.h"

namespace glassgate::alert {

struct Delivery {
    enum class Kind : uint8_t {
        sent,
        retry,    // the network, the other side's trouble, or its wish for a pause
        refused,  // it will be refused again: 4xx, a bad address
    };
    Kind kind = Kind::retry;
    std::string error;                       // empty when sent
    std::optional<uint64_t> retry_after_ms;  // the other side's wish (Retry-After)
};

[[nodiscard]] Delivery post_json(const HttpTarget& target, std::string_view body,
                                 const std::atomic<bool>& stop);

// `message`: RFC 5322, lines ended by CRLF.
[[nodiscard]] Delivery send_mail(const EmailTarget& target, const std::string& message,
                                 const std::atomic<bool>& stop);

// What an answer means; pure. `retry_after`: the header's value, empty: none; `now_ms`: wall clock.
[[nodiscard]] Delivery judge_http(long status, std::string_view retry_after, std::string_view body,
                                  int64_t now_ms);

}  // namespace glassgate::alert
