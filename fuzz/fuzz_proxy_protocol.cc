// A PROXY protocol header: parsing stays inside the bytes, does not depend on how they were split,
// and what is accepted can be written and reads the same.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "http/proxy_protocol.h"

namespace {

using namespace glassgate::http;
using State = ProxyParse::State;

void expect(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "violated: %s\n", what);
    std::abort();
}

bool same(const sockaddr_storage& a, const sockaddr_storage& b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

void expect_inside(std::string_view view, std::string_view whole) {
    if (view.data() == nullptr) return;
    expect(view.data() >= whole.data() && view.data() + view.size() <= whole.data() + whole.size(),
           "views point into the header");
}

void check_round_trip(const ProxyHeader& header) {
    std::string v1, v2;
    append_proxy_v1(v1, header);
    append_proxy_v2(v2, header, true);
    ProxyHeader again;
    expect(parse_proxy_header(v1, again).state == State::done, "version 1 is read back");
    expect(again.local == header.local, "local stays");
    expect(header.local ||
               (same(again.source, header.source) && same(again.destination, header.destination)),
           "addresses stay in version 1");
    const ProxyParse r = parse_proxy_header(v2, again);
    expect(r.state == State::done && r.bytes == v2.size(), "version 2 is read back");
    expect(header.local ||
               (same(again.source, header.source) && same(again.destination, header.destination)),
           "addresses stay in version 2");
    expect(header.local || again.unique_id == header.unique_id, "the id stays");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    ProxyHeader header;
    const ProxyParse whole = parse_proxy_header(bytes, header);
    expect((whole.state == State::failed) == (whole.error != ProxyError::none), "why it failed");
    expect(whole.state != State::need_more || size < kProxyHeaderMax,
           "waits for no more than that");
    // The first verdict on a growing beginning is the verdict on the whole.
    ProxyParse split;
    const std::size_t step = size / 64 + 1;
    ProxyHeader part_header;
    for (std::size_t have = 0; have < size && split.state == State::need_more;) {
        have = have + step < size ? have + step : size;
        split = parse_proxy_header(std::string_view(bytes).substr(0, have), part_header);
    }
    expect(size == 0 || split.state == whole.state, "splitting changes nothing");
    if (whole.state != State::done) return 0;
    expect(whole.bytes <= size && split.bytes == whole.bytes, "the same end");
    const std::string_view used = std::string_view(bytes).substr(0, whole.bytes);
    for (const std::string_view view : {header.alpn, header.authority, header.unique_id})
        expect_inside(view, used);
    if (header.tls)
        for (const std::string_view view : {header.tls->version, header.tls->common_name,
                                            header.tls->cipher, header.tls->key_algorithm})
            expect_inside(view, used);
    check_round_trip(header);
    return 0;
}
