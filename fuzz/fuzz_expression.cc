// Expressions from configurations: compiled, and evaluated over a request.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/h1.h"
#include "policy/expression.h"

using namespace glassgate;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto expression = policy::Expression::compile(text);
    if (!expression) {
        const auto& mistake = expression.error();
        if (mistake.message.empty() || mistake.column == 0 || mistake.column > size + 1)
            std::abort();
        return 0;
    }
    static constexpr std::string_view kHead =
        "GET /a?x=1&y=%20z HTTP/1.1\r\nHost: shop\r\nX: a,b,c\r\n\r\n";
    http::RequestHead head;
    std::size_t resume = 0;
    if (http::parse_request_head(kHead, http::HeadLimits{}, resume, head).state !=
        http::ParseState::complete)
        std::abort();
    model::Exchange exchange;
    Arena arena;
    policy::Request request;
    request.head = &head;
    request.path = head.path;
    request.client_address = "192.0.2.7";
    request.exchange = &exchange;
    request.arena = &arena;
    request.set_claim("sub", "u");
    const policy::Response response{200, nullptr};
    (void)expression->text(request);
    (void)expression->holds(request, &response);
    return 0;
}
