// gzip for answers the gateway makes itself (metrics, console). Bodies that pass through the data
// plane are never touched.
#pragma once

#include <zlib.h>

#include <string>
#include <string_view>

#include "http/message.h"

namespace glassgate::http {

// Whether the client takes gzip (RFC 9110 §12.5.3): named with a weight above 0, or covered by "*".
// No Accept-Encoding at all: no.
[[nodiscard]] bool accepts_gzip(const HeaderList& headers) noexcept;

// Whether bytes of this media type shrink: text, JSON, scripts, metrics; not pictures or archives.
[[nodiscard]] bool is_compressible(std::string_view content_type) noexcept;

// One compression state (256 KiB), used again for each body. One thread.
class GzipCompressor {
public:
    GzipCompressor() noexcept;
    ~GzipCompressor();
    GzipCompressor(const GzipCompressor&) = delete;
    GzipCompressor& operator=(const GzipCompressor&) = delete;

    // Replaces `out`. False when it would not be shorter than `in`.
    [[nodiscard]] bool compress(std::string_view in, std::string& out);

private:
    z_stream stream_{};
};

}  // namespace glassgate::http
