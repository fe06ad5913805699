// Everything one exchange needs while it runs. Pooled per worker: in steady state nothing here
// allocates, because the strings keep their capacity.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/h1.h"
#include "model/exchange.h"
#include "policy/policy.h"
#include "proxy/worker.h"

namespace glassgate::proxy {

struct ExchangeState {
    model::Exchange record;
    std::string text;  // what the record's TextRefs refer to
    std::shared_ptr<ActivePlan> active;
    http::RequestHead request;
    http::ResponseHead response;
    // A copy of the request head when a body will reuse the receive buffer; else it stays there.
    // The views in `request` point to whichever it is.
    std::string head;
    std::string upstream_head;  // of an HTTP/2 response: the views in `response` point here
    std::string path;           // normalised, when it differs from the raw one
    std::string out;            // the head being sent
    std::string chunk;          // trailers and chunk framing being sent
    Arena arena;
    policy::Request policy_request;
    std::size_t policies_run = 0;
    uint32_t policies_skipped = 0;  // of those, one bit each: bound to other requests
    std::string destination;        // path, of an API's route
    bool ended = false;

    [[nodiscard]] bool skipped(std::size_t policy) const noexcept {
        return (policies_skipped >> policy & 1u) != 0;
    }
    // Copies into the record's text.
    [[nodiscard]] model::TextRef keep(std::string_view value) {
        const auto offset = static_cast<uint32_t>(text.size());
        text.append(value);
        return {offset, static_cast<uint32_t>(value.size())};
    }
    void reset() {
        std::construct_at(&record);
        text.clear();
        active.reset();
        head.clear();
        path.clear();
        out.clear();
        chunk.clear();
        arena.reset();
        policy_request.reset();
        policies_run = 0;
        policies_skipped = 0;
        destination.clear();
        ended = false;
    }
};

}  // namespace glassgate::proxy
