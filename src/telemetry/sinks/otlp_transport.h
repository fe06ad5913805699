// One POST at a time to one URL, over a connection that is kept: libcurl, with HTTP/1.1, HTTP/2 by
// ALPN, or HTTP/2 by prior knowledge. Lives on a sink's lane. Never blocks longer than it is told.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "telemetry/sinks/otlp_answer.h"

namespace glassgate::telemetry {

class OtlpTransport {
public:
    struct Target {
        std::string url;
        bool grpc = false;
        std::vector<std::string> header_lines;  // "name: value"
    };
    [[nodiscard]] static Result<std::unique_ptr<OtlpTransport>> create(Target target);
    OtlpTransport(const OtlpTransport&) = delete;
    OtlpTransport& operator=(const OtlpTransport&) = delete;
    ~OtlpTransport();

    // Sends `body` and waits for the whole answer, at most `timeout_ms` (> 0) and not beyond the
    // deadline of hurry().
    [[nodiscard]] OtlpAnswer post(std::string_view body, uint32_t timeout_ms) noexcept;

    // No post goes on longer than `deadline_ms` from now. Any thread: it also shortens the wait of
    // the post in progress.
    void hurry(uint32_t deadline_ms) noexcept;

private:
    explicit OtlpTransport(Target target) : target_(std::move(target)) {}
    [[nodiscard]] Status set_up();
    [[nodiscard]] Status set_version_and_proxy();
    [[nodiscard]] curl_slist* header_list(uint32_t timeout_ms) const;
    [[nodiscard]] CURLcode perform(uint64_t give_up_at_ns) noexcept;
    static size_t on_header(char* data, size_t size, size_t count, void* self) noexcept;
    static size_t on_body(char* data, size_t size, size_t count, void* self) noexcept;

    Target target_;
    CURL* easy_ = nullptr;
    CURLM* multi_ = nullptr;
    char error_text_[CURL_ERROR_SIZE] = {};
    std::atomic<uint64_t> deadline_ns_{UINT64_MAX};  // mono_now_ns()
    OtlpAnswer answer_;
    uint64_t body_bytes_ = 0;
};

}  // namespace glassgate::telemetry
