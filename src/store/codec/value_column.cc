#include "store/codec/value_column.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace glassgate::store {
namespace {

enum Mode : uint8_t {
    same = 0,
    constant = 1,
    deltas = 2,
    steps = 3,
    offsets = 4,
    xors = 5,
    xor_steps = 6,
};

constexpr std::array<double, kMaxScale + 1> kTenTo = {1,   1e1, 1e2, 1e3, 1e4,
                                                      1e5, 1e6, 1e7, 1e8, 1e9};
constexpr double kExactIntegers = 0x1p53;

using Bits = std::array<uint64_t, kMaxBlockValues>;

uint64_t to_bits(double v) noexcept { return std::bit_cast<uint64_t>(v); }
double to_double(uint64_t bits) noexcept { return std::bit_cast<double>(bits); }
int64_t plus(int64_t a, int64_t b) noexcept {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t minus(int64_t a, int64_t b) noexcept {
    return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

double from_integer(int64_t n, unsigned scale) noexcept {
    const auto v = static_cast<double>(n);
    return scale == 0 ? v : v / kTenTo[scale];
}

// The integer of a value at a scale; nothing if it would not come back bit by bit.
std::optional<int64_t> to_integer(uint64_t bits, unsigned scale) noexcept {
    const double scaled = to_double(bits) * kTenTo[scale];
    if (!(std::abs(scaled) <= kExactIntegers)) return std::nullopt;  // NaN, too
    const int64_t n = std::llrint(scaled);
    if (to_bits(from_integer(n, scale)) != bits) return std::nullopt;
    return n;
}

// The smallest scale at which all values are integers, and those.
std::optional<unsigned> to_integers(std::span<const uint64_t> values,
                                    std::array<int64_t, kMaxBlockValues>& integers) noexcept {
    unsigned scale = 0;
    for (const uint64_t v : values) {
        while (!to_integer(v, scale))
            if (++scale > kMaxScale) return std::nullopt;
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto n = to_integer(values[i], scale);
        if (!n) return std::nullopt;
        integers[i] = *n;
    }
    return scale;
}

int64_t reference(const ValueContext& context, unsigned scale) noexcept {
    return context.scale == scale ? context.integer : 0;
}

// One bit for each number: not zero.
void put_mask(std::string& out, std::span<const uint64_t> numbers) {
    for (std::size_t i = 0; i < numbers.size(); i += 8) {
        uint8_t byte = 0;
        for (std::size_t k = i; k < std::min(i + 8, numbers.size()); ++k)
            if (numbers[k] != 0) byte |= static_cast<uint8_t>(1u << (k - i));
        put_u8(out, byte);
    }
}

// How some numbers would be packed: above the smallest, and how many bytes that takes.
struct Packing {
    int64_t least = 0;
    unsigned width = 0;
    std::size_t count = 0;
    [[nodiscard]] std::size_t size() const noexcept {
        return varint_size(zigzag(least)) + 1 + packed_size(count, width);
    }
};
template <typename Keep>
Packing packing_of(std::span<const int64_t> numbers, Keep&& keep) noexcept {
    Packing packing;
    int64_t most = INT64_MIN;
    packing.least = INT64_MAX;
    for (const int64_t n : numbers) {
        if (!keep(n)) continue;
        packing.least = std::min(packing.least, n);
        most = std::max(most, n);
        ++packing.count;
    }
    if (packing.count == 0) return {};
    packing.width = pack_width(static_cast<uint64_t>(minus(most, packing.least)));
    return packing;
}

void put_packing(std::string& out, const Packing& packing, std::span<const int64_t> numbers,
                 bool without_zeros) {
    put_zigzag(out, packing.least);
    put_u8(out, static_cast<uint8_t>(packing.width));
    Bits above;
    std::size_t count = 0;
    for (const int64_t n : numbers)
        if (!without_zeros || n != 0)
            above[count++] = static_cast<uint64_t>(minus(n, packing.least));
    put_packed(out, {above.data(), count}, packing.width);
}

void put_integers(std::string& out, ValueContext& context, std::span<const int64_t> integers,
                  unsigned scale) {
    const std::size_t count = integers.size();
    const int64_t before = reference(context, scale);
    std::array<int64_t, kMaxBlockValues> differences;
    differences[0] = minus(integers[0], before);
    for (std::size_t i = 1; i < count; ++i) differences[i] = minus(integers[i], integers[i - 1]);
    const std::span<const int64_t> later(differences.data() + 1, count - 1);

    const auto any = [](int64_t) { return true; };
    const Packing dense = packing_of(later, any);
    const Packing sparse = packing_of(later, [](int64_t d) { return d != 0; });
    const Packing level = packing_of(integers, any);
    const std::size_t first_size = varint_size(zigzag(differences[0]));
    const std::size_t dense_size = first_size + dense.size();
    const std::size_t sparse_size = first_size + (count - 1 + 7) / 8 + sparse.size();
    const std::size_t level_size =
        varint_size(zigzag(minus(level.least, before))) + 1 + packed_size(count, level.width);

    const Mode mode = level_size < dense_size && level_size < sparse_size ? offsets
                      : sparse_size < dense_size                          ? steps
                                                                          : deltas;
    put_u8(out, mode);
    put_u8(out, static_cast<uint8_t>(scale));
    if (mode == offsets) {
        put_zigzag(out, minus(level.least, before));
        put_u8(out, static_cast<uint8_t>(level.width));
        Bits above;
        for (std::size_t i = 0; i < count; ++i)
            above[i] = static_cast<uint64_t>(minus(integers[i], level.least));
        put_packed(out, {above.data(), count}, level.width);
    } else {
        put_zigzag(out, differences[0]);
        if (mode == steps)
            put_mask(out, {reinterpret_cast<const uint64_t*>(later.data()), later.size()});
        put_packing(out, mode == steps ? sparse : dense, later, mode == steps);
    }
    context.integer = integers[count - 1];
    context.scale = static_cast<uint8_t>(scale);
}

void put_xors(std::string& out, ValueContext& context, std::span<const uint64_t> values) {
    Bits x;
    uint64_t before = context.bits, all = 0;
    std::size_t changes = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        x[i] = values[i] ^ before;
        before = values[i];
        all |= x[i];
        changes += x[i] != 0;
    }
    const auto shift = static_cast<unsigned>(all == 0 ? 0 : std::countr_zero(all));
    unsigned width = pack_width(all >> shift);
    const bool sparse =
        (values.size() + 7) / 8 + packed_size(changes, width) < packed_size(values.size(), width);
    put_u8(out, sparse ? xor_steps : xors);
    if (sparse) put_mask(out, {x.data(), values.size()});
    put_u8(out, static_cast<uint8_t>(shift));
    put_u8(out, static_cast<uint8_t>(width));
    std::size_t count = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!sparse || x[i] != 0) x[count++] = x[i] >> shift;
    put_packed(out, {x.data(), count}, width);
    context.integer = 0;
    context.scale = kNoScale;
}

}  // namespace

void put_equal_values(std::string& out, ValueContext& context, uint64_t value) {
    if (value == context.bits) {
        put_u8(out, same);
        return;
    }
    put_u8(out, constant);
    context.bits = value;
    std::array<int64_t, kMaxBlockValues> integer;
    if (const auto scale = to_integers({&value, 1}, integer)) {
        put_u8(out, static_cast<uint8_t>(*scale));
        put_zigzag(out, minus(integer[0], reference(context, *scale)));
        context.integer = integer[0];
        context.scale = static_cast<uint8_t>(*scale);
        return;
    }
    put_u8(out, kNoScale);
    put_u64(out, value);
    context.integer = 0;
    context.scale = kNoScale;
}

void put_values(std::string& out, ValueContext& context, std::span<const uint64_t> values) {
    if (std::all_of(values.begin(), values.end(), [&](uint64_t v) { return v == values[0]; }))
        return put_equal_values(out, context, values[0]);
    std::array<int64_t, kMaxBlockValues> integers;
    if (const auto scale = to_integers(values, integers))
        put_integers(out, context, {integers.data(), values.size()}, *scale);
    else
        put_xors(out, context, values);
    context.bits = values.back();
}

// --- reading -------------------------------------------------------------------------------------

namespace {

bool read_constant(ByteReader& in, ValueContext& context, BlockValues& block) noexcept {
    block.constant = true;
    const uint8_t scale = in.u8();
    if (scale == kNoScale) {
        block.value = in.u64();
        context = {block.value, 0, kNoScale};
        return in.ok();
    }
    if (scale > kMaxScale) return in.fail();
    const int64_t n = plus(reference(context, scale), in.zigzag());
    block.value = to_bits(from_integer(n, scale));
    context = {block.value, n, scale};
    return in.ok();
}

// Packed numbers, spread over the places whose bit is set in a mask that comes first.
bool read_sparse(ByteReader& in, std::size_t count, std::string_view mask, unsigned width,
                 uint64_t* out) noexcept {
    std::size_t changes = 0;
    for (const char byte : mask)
        changes += static_cast<std::size_t>(std::popcount(static_cast<uint8_t>(byte)));
    if (changes > count) return in.fail();
    Bits numbers;
    if (!in.packed(width, numbers.data(), changes)) return false;
    std::size_t next = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const bool changed = (static_cast<uint8_t>(mask[i / 8]) >> (i % 8) & 1) != 0;
        // A bit beyond the last number leaves `next` below `changes`, never above.
        out[i] = changed ? numbers[next++] : 0;
    }
    return true;
}

template <typename ToDouble>
int64_t sum_up(const uint64_t* above, std::size_t count, int64_t least, int64_t first,
               double* values, ToDouble&& convert) noexcept {
    auto n = static_cast<uint64_t>(first);
    values[0] = convert(first);
    for (std::size_t i = 1; i < count; ++i) {
        n += above[i - 1] + static_cast<uint64_t>(least);
        values[i] = convert(static_cast<int64_t>(n));
    }
    return static_cast<int64_t>(n);
}

// Runs `use` with the conversion of this scale, so that its loop has no branch in it.
template <typename Use>
int64_t with_scale(unsigned scale, Use&& use) noexcept {
    if (scale == 0) return use([](int64_t n) { return static_cast<double>(n); });
    const double divisor = kTenTo[scale];
    return use([divisor](int64_t n) { return static_cast<double>(n) / divisor; });
}

bool read_integers(ByteReader& in, uint8_t mode, ValueContext& context, std::size_t count,
                   double* values) noexcept {
    const uint8_t scale = in.u8();
    if (scale > kMaxScale) return in.fail();
    const int64_t first = plus(reference(context, scale), in.zigzag());
    const std::string_view mask =
        mode == steps ? in.bytes((count - 1 + 7) / 8) : std::string_view{};
    int64_t least = mode == offsets ? first : in.zigzag();
    const unsigned width = in.u8();
    Bits above;
    const bool read = mode == steps
                          ? in.ok() && read_sparse(in, count - 1, mask, width, above.data())
                          : in.packed(width, above.data(), mode == offsets ? count : count - 1);
    if (!read || !in.ok()) return in.fail();
    context.scale = scale;
    if (mode == offsets) {
        context.integer = with_scale(scale, [&](auto convert) {
            for (std::size_t i = 0; i < count; ++i)
                values[i] = convert(plus(first, static_cast<int64_t>(above[i])));
            return plus(first, static_cast<int64_t>(above[count - 1]));
        });
        return true;
    }
    if (mode == steps) {  // zero means stays: the smallest belongs to the others only
        for (std::size_t i = 0; i + 1 < count; ++i)
            if ((static_cast<uint8_t>(mask[i / 8]) >> (i % 8) & 1) != 0)
                above[i] += static_cast<uint64_t>(least);
        least = 0;
    }
    context.integer = with_scale(scale, [&](auto convert) {
        return sum_up(above.data(), count, least, first, values, convert);
    });
    return true;
}

bool read_xors(ByteReader& in, uint8_t mode, ValueContext& context, std::size_t count,
               double* values) noexcept {
    const std::string_view mask =
        mode == xor_steps ? in.bytes((count + 7) / 8) : std::string_view{};
    const unsigned shift = in.u8();
    const unsigned width = in.u8();
    if (!in.ok() || shift > 63) return in.fail();
    Bits x;
    if (!(mode == xor_steps ? read_sparse(in, count, mask, width, x.data())
                            : in.packed(width, x.data(), count)))
        return in.fail();
    uint64_t bits = context.bits;
    for (std::size_t i = 0; i < count; ++i) {
        bits ^= x[i] << shift;
        values[i] = to_double(bits);
    }
    context.integer = 0;
    context.scale = kNoScale;
    return true;
}

}  // namespace

bool read_values(ByteReader& in, ValueContext& context, std::size_t count, BlockValues& block,
                 double* values) noexcept {
    const uint8_t mode = in.u8();
    block = {};
    if (!in.ok()) return false;
    if (mode == same) {
        block = {true, context.bits};
        return true;
    }
    if (mode == constant) return read_constant(in, context, block);
    if (count < 2 || count > kMaxBlockValues) return in.fail();
    if (mode == deltas || mode == steps || mode == offsets) {
        if (!read_integers(in, mode, context, count, values)) return false;
    } else if (mode == xors || mode == xor_steps) {
        if (!read_xors(in, mode, context, count, values)) return false;
    } else {
        return in.fail();
    }
    context.bits = to_bits(values[count - 1]);
    return true;
}

}  // namespace glassgate::store
