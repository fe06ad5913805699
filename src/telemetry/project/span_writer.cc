#include "telemetry/project/span_writer.h"

#include "base/text.h"
#include "telemetry/project/utf8.h"

namespace glassgate::telemetry {
namespace {

// KeyValue {key = 1, value = 2}; AnyValue {string = 1, bool = 2, int = 3, double = 4}.
constexpr protozero::pbf_tag_type kKey = 1, kValue = 2;
constexpr protozero::pbf_tag_type kString = 1, kBool = 2, kInt = 3, kDouble = 4;

// Length of the longest valid prefix that is at most kAttributeBytesMax bytes.
std::size_t valid_prefix(std::string_view text) noexcept {
    std::size_t at = 0;
    while (at < text.size()) {
        const Utf8Sequence next = front_sequence(text.substr(at));
        if (!next.valid || at + next.length > kAttributeBytesMax) break;
        at += next.length;
    }
    return at;
}

}  // namespace

void AttributeWriter::text(std::string_view key, std::string_view value) {
    protozero::pbf_writer pair(message_, field_);
    pair.add_string(kKey, key.data(), key.size());
    protozero::pbf_writer any(pair, kValue);
    any.add_string(kString, value.data(), value.size());
}

void AttributeWriter::integer(std::string_view key, uint64_t value) {
    protozero::pbf_writer pair(message_, field_);
    pair.add_string(kKey, key.data(), key.size());
    protozero::pbf_writer any(pair, kValue);
    any.add_int64(kInt, static_cast<int64_t>(value));
}

void AttributeWriter::boolean(std::string_view key, bool value) {
    protozero::pbf_writer pair(message_, field_);
    pair.add_string(kKey, key.data(), key.size());
    protozero::pbf_writer any(pair, kValue);
    any.add_bool(kBool, value);
}

void AttributeWriter::number(std::string_view key, double value) {
    protozero::pbf_writer pair(message_, field_);
    pair.add_string(kKey, key.data(), key.size());
    protozero::pbf_writer any(pair, kValue);
    any.add_double(kDouble, value);
}

std::string_view as_attribute_text(std::string_view text, std::string& scratch) {
    std::size_t at = valid_prefix(text);
    if (at == text.size()) return text;
    scratch.assign(text, 0, at);
    while (at < text.size()) {
        const Utf8Sequence next = front_sequence(text.substr(at));
        const std::string_view part =
            next.valid ? text.substr(at, next.length) : kReplacementCharacter;
        if (scratch.size() + part.size() > kAttributeBytesMax) break;
        scratch += part;
        at += next.length;
    }
    return scratch;
}

HostPort split_host_port(std::string_view text) noexcept {
    std::size_t colon = text.rfind(':');
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos) return {text, 0};
        const std::string_view host = text.substr(1, close - 1);
        if (close + 1 >= text.size() || text[close + 1] != ':') return {host, 0};
        const auto port = parse_u64(text.substr(close + 2));
        return {host, port && *port <= 0xffff ? static_cast<uint16_t>(*port) : uint16_t{0}};
    }
    // A second colon outside brackets: a bare IPv6 address, which has no port.
    if (colon == std::string_view::npos || text.find(':') != colon) return {text, 0};
    const auto port = parse_u64(text.substr(colon + 1));
    return {text.substr(0, colon),
            port && *port <= 0xffff ? static_cast<uint16_t>(*port) : uint16_t{0}};
}

}  // namespace glassgate::telemetry
