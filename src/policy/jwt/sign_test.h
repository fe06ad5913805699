// For tests: tokens signed with an HMAC, as any issuer would.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string>
#include <string_view>

#include "http/base64.h"

namespace glassgate::policy::jwt {

inline constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";

inline std::string base64url(std::string_view bytes) {
    std::string out;
    http::append_base64url(out, bytes);
    return out;
}

inline std::string hs256(std::string_view input, std::string_view secret = kSecret) {
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(input.data()), input.size(), mac, &size);
    return {reinterpret_cast<const char*>(mac), size};
}

inline std::string token_of(std::string_view claims, std::string_view header = R"({"alg":"HS256"})",
                            std::string_view secret = kSecret) {
    const std::string input = base64url(header) + "." + base64url(claims);
    return input + "." + base64url(hs256(input, secret));
}

}  // namespace glassgate::policy::jwt
