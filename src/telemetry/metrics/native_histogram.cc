#include "telemetry/metrics/native_histogram.h"

#include <bit>
#include <cstring>

#include "base/clock.h"

namespace glassgate::telemetry {
namespace native_buckets {
namespace {

// 2^(i/32), correctly rounded: the bounds within one octave, and the next octave's first.
constexpr double kBounds[kPerOctave + 1] = {
    0x1.0000000000000p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0, 0x1.11301d0125b51p+0,
    0x1.172b83c7d517bp+0, 0x1.1d4873168b9aap+0, 0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0,
    0x1.306fe0a31b715p+0, 0x1.371a7373aa9cbp+0, 0x1.3dea64c123422p+0, 0x1.44e086061892dp+0,
    0x1.4bfdad5362a27p+0, 0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0, 0x1.6247eb03a5585p+0,
    0x1.6a09e667f3bcdp+0, 0x1.71f75e8ec5f74p+0, 0x1.7a11473eb0187p+0, 0x1.82589994cce13p+0,
    0x1.8ace5422aa0dbp+0, 0x1.93737b0cdc5e5p+0, 0x1.9c49182a3f090p+0, 0x1.a5503b23e255dp+0,
    0x1.ae89f995ad3adp+0, 0x1.b7f76f2fb5e47p+0, 0x1.c199bdd85529cp+0, 0x1.cb720dcef9069p+0,
    0x1.d5818dcfba487p+0, 0x1.dfc97337b9b5fp+0, 0x1.ea4afa2a490dap+0, 0x1.f50765b6e4540p+0,
    0x1.0000000000000p+1};

constexpr unsigned kGuessBits = 6;

// By the top six bits of the mantissa: how many bounds lie below every number of that cell. A cell
// is narrower than the distance of two bounds, so at most one more lies within it.
constexpr std::array<uint8_t, 1u << kGuessBits> kGuess = [] {
    std::array<uint8_t, 1u << kGuessBits> guess{};
    for (unsigned cell = 0; cell < guess.size(); ++cell) {
        const double least = 1.0 + static_cast<double>(cell) / (1u << kGuessBits);
        uint8_t below = 0;
        while (kBounds[below] < least) ++below;
        guess[cell] = below;
    }
    return guess;
}();

}  // namespace

int bucket_of(uint64_t ns) noexcept {
    // A division, not a product: 250'000'000 ns has to be 2^-2 s to the last bit.
    const double seconds = static_cast<double>(ns) / 1e9;
    if (seconds <= kZeroThreshold) return kZeroBucket;
    const uint64_t bits = std::bit_cast<uint64_t>(seconds);
    const int exponent = static_cast<int>(bits >> 52) - 1023;
    const uint64_t mantissa = bits & ((uint64_t{1} << 52) - 1);
    const double normal = std::bit_cast<double>(mantissa | uint64_t{1023} << 52);  // in [1, 2)
    unsigned within = kGuess[mantissa >> (52 - kGuessBits)];
    within += normal > kBounds[within] ? 1u : 0u;
    const int index = exponent * kPerOctave + static_cast<int>(within);  // Prometheus' number
    const int bucket = index - kFirstIndex;
    constexpr int kLast = kOctaves * kPerOctave - 1;
    return bucket < kLast ? bucket : kLast;
}

}  // namespace native_buckets

uint64_t NativeReading::octave_total(int octave) const noexcept {
    if ((octaves_in_use >> octave & 1) == 0) return 0;
    uint64_t total = 0;
    for (const uint64_t count : octaves[static_cast<std::size_t>(octave)]) total += count;
    return total;
}

// Every field is stored with release and read with acquire: a reader that sees a field of a newer
// writing is bound to see its odd sequence number too.
void ExemplarCell::write(const TraceId& trace, uint64_t value_ns, uint64_t wall_ns) noexcept {
    uint64_t high = 0, low = 0;
    std::memcpy(&high, trace.bytes.data(), sizeof high);
    std::memcpy(&low, trace.bytes.data() + sizeof high, sizeof low);
    const uint64_t sequence = sequence_.load(std::memory_order_relaxed);
    sequence_.store(sequence + 1, std::memory_order_relaxed);
    trace_high_.store(high, std::memory_order_release);
    trace_low_.store(low, std::memory_order_release);
    value_ns_.store(value_ns, std::memory_order_release);
    wall_ns_.store(wall_ns, std::memory_order_release);
    sequence_.store(sequence + 2, std::memory_order_release);
}

ExemplarReading ExemplarCell::read() const noexcept {
    const uint64_t before = sequence_.load(std::memory_order_acquire);
    const uint64_t high = trace_high_.load(std::memory_order_acquire);
    const uint64_t low = trace_low_.load(std::memory_order_acquire);
    const uint64_t value_ns = value_ns_.load(std::memory_order_acquire);
    const uint64_t wall_ns = wall_ns_.load(std::memory_order_acquire);
    const uint64_t after = sequence_.load(std::memory_order_relaxed);
    ExemplarReading reading;
    if (before == 0 || before % 2 != 0 || before != after) return reading;
    reading.present = true;
    std::memcpy(reading.trace_id.bytes.data(), &high, sizeof high);
    std::memcpy(reading.trace_id.bytes.data() + sizeof high, &low, sizeof low);
    reading.value = static_cast<double>(value_ns) / 1e9;
    reading.wall_ns = wall_ns;
    return reading;
}

NativeCells::~NativeCells() {
    for (std::atomic<Octave*>& octave : octaves_) delete octave.load();
    delete exemplars_.load();
}

void NativeCells::observe(uint64_t ns) noexcept {
    const int bucket = native_buckets::bucket_of(ns);
    if (bucket == native_buckets::kZeroBucket) return zero_.add();
    const auto position = static_cast<unsigned>(bucket);
    std::atomic<Octave*>& slot = octaves_[position / native_buckets::kPerOctave];
    Octave* octave = slot.load(std::memory_order_relaxed);
    if (octave == nullptr) [[unlikely]] {
        octave = new Octave;
        slot.store(octave, std::memory_order_release);
    }
    (*octave)[position % native_buckets::kPerOctave].add();
}

void NativeCells::remember(std::span<const double> edges, const TraceId& trace, uint64_t ns,
                           uint64_t wall_ns) noexcept {
    Exemplars* exemplars = exemplars_.load(std::memory_order_relaxed);
    if (exemplars == nullptr) [[unlikely]] {
        exemplars = new Exemplars;
        exemplars_.store(exemplars, std::memory_order_release);
    }
    const double seconds = static_cast<double>(ns) / 1e9;
    std::size_t bucket = 0;
    while (bucket < edges.size() && seconds > edges[bucket]) ++bucket;
    (*exemplars)[bucket].write(trace, ns, wall_ns);
}

void NativeCells::add_to(NativeReading& reading) const noexcept {
    reading.zero += zero_.read();
    for (std::size_t i = 0; i < octaves_.size(); ++i) {
        const Octave* octave = octaves_[i].load(std::memory_order_acquire);
        if (octave == nullptr) continue;
        auto& sums = reading.octaves[i];
        const uint64_t bit = uint64_t{1} << i;
        if ((reading.octaves_in_use & bit) == 0) sums.fill(0);
        reading.octaves_in_use |= bit;
        for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += (*octave)[j].read();
    }
}

void NativeCells::exemplars(std::span<ExemplarReading> into) const noexcept {
    const Exemplars* exemplars = exemplars_.load(std::memory_order_acquire);
    if (exemplars == nullptr) return;
    for (std::size_t i = 0; i < into.size(); ++i) {
        const ExemplarReading mine = (*exemplars)[i].read();
        if (mine.present && (!into[i].present || mine.wall_ns > into[i].wall_ns)) into[i] = mine;
    }
}

NativeCells* NativeCells::of(const Cell& cell) noexcept {
    return reinterpret_cast<NativeCells*>(
        static_cast<uintptr_t>(cell.value.load(std::memory_order_acquire)));
}

NativeCells& NativeCells::make(Cell& cell) {
    if (NativeCells* cells = of(cell)) return *cells;
    auto* cells = new NativeCells;
    cell.value.store(reinterpret_cast<uintptr_t>(cells), std::memory_order_release);
    return *cells;
}

}  // namespace glassgate::telemetry
