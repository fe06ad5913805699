#include "io/tls/openssl.h"

#include <openssl/err.h>

#include "base/check.h"

namespace glassgate::io::tls {

std::string_view bio_text(BIO* memory) noexcept {
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory, &data);
    return size > 0 ? std::string_view(data, static_cast<std::size_t>(size)) : std::string_view{};
}

BioPtr bio_over(std::string_view text) noexcept {
    BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    GW_CHECK(bio != nullptr);
    return bio;
}

std::string take_error_text() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    if (code == 0) return "unknown error";
    if (const char* reason = ERR_reason_error_string(code)) return reason;
    char text[160];
    ERR_error_string_n(code, text, sizeof text);
    return text;
}

}  // namespace glassgate::io::tls
