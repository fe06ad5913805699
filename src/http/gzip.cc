#include "http/gzip.h"

#include "base/check.h"
#include "base/text.h"

namespace glassgate::http {
namespace {

// The fastest level: a scrape of a megabyte must not hold up the thread, and metrics shrink more
// than tenfold even so.
constexpr int kLevel = 1;
constexpr int kWindowBitsGzip = 15 + 16;
constexpr int kMemoryLevel = 8;

// "q=0", "q=0.000" and the like: not acceptable (RFC 9110 §12.4.2).
bool has_zero_weight(std::string_view parameters) noexcept {
    while (!parameters.empty()) {
        const std::size_t semicolon = parameters.find(';');
        const std::string_view one = trim_ows(parameters.substr(0, semicolon));
        if (one.size() > 2 && to_lower(one[0]) == 'q' && one[1] == '=')
            return one.substr(2).find_first_not_of("0.") == std::string_view::npos;
        if (semicolon == std::string_view::npos) break;
        parameters.remove_prefix(semicolon + 1);
    }
    return false;
}

enum class Choice : uint8_t { unsaid, yes, no };

}  // namespace

bool accepts_gzip(const HeaderList& headers) noexcept {
    Choice named = Choice::unsaid, any = Choice::unsaid;
    for (const HeaderField& field : headers) {
        if (!iequals(field.name, "accept-encoding")) continue;
        for_each_list_element(field.value, [&](std::string_view element) {
            const std::size_t semicolon = element.find(';');
            const std::string_view coding = trim_ows(element.substr(0, semicolon));
            const bool refused = semicolon != std::string_view::npos &&
                                 has_zero_weight(element.substr(semicolon + 1));
            const Choice choice = refused ? Choice::no : Choice::yes;
            if (iequals(coding, "gzip") || iequals(coding, "x-gzip")) named = choice;
            if (coding == "*") any = choice;
            return true;
        });
    }
    return (named == Choice::unsaid ? any : named) == Choice::yes;
}

bool is_compressible(std::string_view content_type) noexcept {
    const std::string_view type = trim_ows(content_type.substr(0, content_type.find(';')));
    if (type.starts_with("text/")) return true;
    for (const std::string_view known :
         {"application/json", "application/javascript", "application/openmetrics-text",
          "application/vnd.google.protobuf", "application/xml", "application/wasm",
          "application/x-ndjson", "application/manifest+json", "image/svg+xml"})
        if (iequals(type, known)) return true;
    return false;
}

GzipCompressor::GzipCompressor() noexcept {
    GW_CHECK(deflateInit2(&stream_, kLevel, Z_DEFLATED, kWindowBitsGzip, kMemoryLevel,
                          Z_DEFAULT_STRATEGY) == Z_OK);
}

GzipCompressor::~GzipCompressor() { deflateEnd(&stream_); }

bool GzipCompressor::compress(std::string_view in, std::string& out) {
    deflateReset(&stream_);
    out.resize(in.size());
    // zlib's interface is not const-correct; it does not write to its input.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    if (deflate(&stream_, Z_FINISH) != Z_STREAM_END) return false;  // no room: not shorter
    out.resize(out.size() - stream_.avail_out);
    return true;
}

}  // namespace glassgate::http
