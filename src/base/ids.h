// Trace, span and request identity (W3C Trace Context level 2,
// https://www.w3.org/TR/trace-context/).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace glassgate {

// 16 bytes; all zero means "none".
struct TraceId {
    std::array<uint8_t, 16> bytes{};
    [[nodiscard]] bool valid() const noexcept;
    bool operator==(const TraceId&) const = default;
};

// 8 bytes; all zero means "none".
struct SpanId {
    std::array<uint8_t, 8> bytes{};
    [[nodiscard]] bool valid() const noexcept;
    bool operator==(const SpanId&) const = default;
};

// Lower-case hex. `out` must have room for 2 * bytes characters; returns the end.
char* write_hex(char* out, const uint8_t* bytes, std::size_t count) noexcept;
void append_hex(std::string& out, const TraceId& id);
void append_hex(std::string& out, const SpanId& id);

// Reads exactly 2*N lower- or upper-case hex digits; false on anything else.
[[nodiscard]] bool read_hex(std::string_view text, uint8_t* bytes, std::size_t count) noexcept;

// xoshiro256** (Blackman, Vigna 2018), seeded from the kernel. One per worker, not thread-safe.
// Ids are not secrets; nothing that must be unguessable comes from here.
class Random {
public:
    Random() noexcept;                        // kernel seed
    explicit Random(uint64_t seed) noexcept;  // reproducible, for tests
    uint64_t next() noexcept;
    double unit() noexcept;                   // uniform in [0, 1)
    uint64_t below(uint64_t bound) noexcept;  // uniform in [0, bound); bound > 0
    TraceId trace_id() noexcept;
    SpanId span_id() noexcept;

private:
    uint64_t state_[4];
};

}  // namespace glassgate
