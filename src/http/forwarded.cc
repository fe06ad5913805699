#include "http/forwarded.h"

#include "base/text.h"

namespace glassgate::http {

std::string_view client_address(std::string_view peer, std::string_view forwarded_for,
                                const AddressSet& trusted) noexcept {
    std::string_view client = peer;
    while (!forwarded_for.empty()) {
        const std::size_t comma = forwarded_for.rfind(',');
        const std::string_view hop =
            trim_ows(comma == std::string_view::npos ? forwarded_for : forwarded_for.substr(comma + 1));
        AddressSet parses;
        if (hop.size() > 45 || !parses.add(hop)) break;  // not an address: nobody we could name
        client = hop;
        if (!trusted.matches(hop)) break;
        forwarded_for = comma == std::string_view::npos ? std::string_view{} : forwarded_for.substr(0, comma);
    }
    return client;
}

}  // namespace glassgate::http
