#include "http/message.h"

#include "base/text.h"

namespace glassgate::http {
namespace {

struct Row {
    std::string_view name;
    KnownHeader known;
};
using enum KnownHeader;
constexpr Row kRows[] = {
    {"host", host}, {"connection", connection}, {"keep-alive", keep_alive},
    {"proxy-connection", proxy_connection}, {"proxy-authenticate", proxy_authenticate},
    {"proxy-authorization", proxy_authorization}, {"transfer-encoding", transfer_encoding},
    {"content-length", content_length}, {"te", te}, {"trailer", trailer}, {"upgrade", upgrade},
    {"expect", expect}, {"via", via}, {"forwarded", forwarded}, {"x-forwarded-for", x_forwarded_for},
    {"x-forwarded-proto", x_forwarded_proto}, {"x-forwarded-host", x_forwarded_host},
    {"x-request-id", x_request_id}, {"traceparent", traceparent}, {"tracestate", tracestate},
    {"b3", b3}, {"x-b3-traceid", x_b3_traceid}, {"x-b3-spanid", x_b3_spanid},
    {"x-b3-parentspanid", x_b3_parentspanid}, {"x-b3-sampled", x_b3_sampled}, {"x-b3-flags", x_b3_flags},
    {"authorization", authorization}, {"cookie", cookie}, {"set-cookie", set_cookie},
    {"user-agent", user_agent}, {"content-type", content_type}, {"server", server}, {"date", date},
    {"client_id", client_id}, {"client_secret", client_secret}, {"max-forwards", max_forwards},
    {"x-ratelimit-limit", x_ratelimit_limit}, {"x-ratelimit-remaining", x_ratelimit_remaining},
    {"x-ratelimit-reset", x_ratelimit_reset}, {"retry-after", retry_after},
};

// Rows by the length of the name: at most a handful to compare.
constexpr std::size_t kLongest = 22;
struct Buckets {
    uint8_t index[kLongest][8] = {};
    uint8_t count[kLongest] = {};
};
constexpr Buckets kBuckets = [] {
    Buckets b;
    for (std::size_t i = 0; i < std::size(kRows); ++i) {
        const std::size_t length = kRows[i].name.size();
        b.index[length][b.count[length]++] = static_cast<uint8_t>(i);
    }
    return b;
}();

}  // namespace

KnownHeader known_header(std::string_view name) noexcept {
    if (name.size() >= kLongest) return other;
    for (unsigned i = 0; i < kBuckets.count[name.size()]; ++i) {
        const Row& row = kRows[kBuckets.index[name.size()][i]];
        if (to_lower(name[0]) == row.name[0] && iequals(name, row.name)) return row.known;
    }
    return other;
}

std::string_view find(const HeaderList& headers, KnownHeader known) noexcept {
    for (const HeaderField& field : headers)
        if (field.known == known) return field.value;
    return {};
}

std::string_view find(const HeaderList& headers, std::string_view name) noexcept {
    for (const HeaderField& field : headers)
        if (iequals(field.name, name)) return field.value;
    return {};
}

}  // namespace glassgate::http
