// ApiClient: the command line's way to a running gateway's API. One thread; blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace glassgate::gateway {

struct ApiTarget {
    std::string url = "http://127.0.0.1:9900";
    std::string user;   // NAME:PASSWORD
    std::string token;  // instead
};

class ApiClient {
public:
    explicit ApiClient(ApiTarget target) : target_(std::move(target)) {}

    struct Reply {
        long status = 0;
        std::string body;
    };
    using Parameters = std::vector<std::pair<std::string, std::string>>;
    // Error: nobody answers there; the message says what to do about it.
    [[nodiscard]] Result<Reply> get(const std::string& path, const Parameters& parameters = {});

    // Server-sent events, until `on_event` returns false or the gateway ends the stream. `on_wait`
    // is called about every 200 ms. An answer that is no stream comes back as it is.
    using OnEvent = std::function<bool(std::string_view event, std::string_view data)>;
    [[nodiscard]] Result<Reply> stream(const std::string& path, const Parameters& parameters,
                                       const OnEvent& on_event,
                                       const std::function<bool()>& on_wait);

private:
    struct Transfer;
    [[nodiscard]] Result<Reply> perform(const std::string& path, const Parameters& parameters,
                                        Transfer& transfer);
    ApiTarget target_;
};

// The "error" of a JSON answer, or the answer itself, for people.
[[nodiscard]] std::string error_text(const ApiClient::Reply& reply);

}  // namespace glassgate::gateway
