// Trace headers: the input is header lines. What is accepted is valid, bounded and survives being
// written and read again.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "http/trace_context.h"

namespace {

using namespace glassgate;
using namespace glassgate::http;

void expect(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "violated: %s\n", what);
    std::abort();
}

HeaderList lines(std::string_view text) {
    HeaderList headers;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        const std::size_t colon = line.find(':');
        if (colon != std::string_view::npos && colon != 0)
            headers.push_back({line.substr(0, colon), trim_ows(line.substr(colon + 1)),
                               known_header(line.substr(0, colon))});
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return headers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const HeaderList headers = lines(text);
    TraceParent parent;
    if (extract_w3c(headers, parent)) {
        expect(parent.trace_id.valid() && parent.parent_id.valid(), "W3C ids are valid");
        expect(parent.tracestate.view().size() <= TraceState::kMaxBytes, "tracestate is bounded");
        std::string written;
        append_traceparent(written, parent.trace_id, parent.parent_id, parent.sampled);
        const std::string state(parent.tracestate);
        HeaderList again;
        again.push_back({"traceparent", written, KnownHeader::traceparent});
        again.push_back({"tracestate", state, KnownHeader::tracestate});
        TraceParent second;
        expect(extract_w3c(again, second), "what is written can be read");
        expect(second.trace_id == parent.trace_id && second.parent_id == parent.parent_id &&
                   second.sampled == parent.sampled,
               "and says the same");
        expect(second.tracestate.view() == state, "tracestate stays");
    }
    TraceParent b3;
    if (extract_b3(headers, b3)) {
        expect(b3.trace_id.valid() == b3.parent_id.valid(), "B3 has both ids or none");
        expect(b3.trace_id.valid() || b3.has_sampling_decision, "B3 says something");
    }
    return 0;
}
