// The catalogue: one row per family the gateway exports. The source of HELP and TYPE in every
// exposition, of the shape of the cells that feed it, and of the reference page. The names and
// labels are a contract (docs: metrics reference).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace glassgate::telemetry {

enum class FamilyType : uint8_t { counter, gauge, unknown, histogram };

// What the label set of a family stands for. All series of one subject are made, kept and retired
// together, and their cells lie next to each other. `route` and `pattern` have no family of their
// own: they hold together what is made on demand below them.
enum class Subject : uint8_t {
    route,
    pattern,
    request,
    response,
    grpc_response,
    ending,
    client,
    verdict,
    attempt,
    upstream,
    listener,
    connection_ending,
    handshake_failure,
    tls_connection,
    stream,
    external,  // numbers somebody else keeps, asked at every scrape
    process,   // read from the kernel at every scrape
    self,      // about the registry itself
};
inline constexpr std::size_t kGroupedSubjects = static_cast<std::size_t>(Subject::stream) + 1;

// How the cells of one series are read.
enum class Shape : uint8_t { number, classic, native };

inline constexpr std::size_t kMaxLabels = 4;
inline constexpr std::size_t kMaxEdges = 16;

struct Family {
    std::string_view name;  // as in text 0.0.4
    FamilyType type;
    Subject subject;
    Shape shape;
    uint8_t cell;      // number: its cell; classic: first bucket; native: the block's cell
    uint8_t sum_cell;  // histograms: the cell of the sum, in nanoseconds
    std::array<std::string_view, kMaxLabels> labels;  // empty ones unused
    std::string_view help;
};

[[nodiscard]] std::span<const Family> metric_catalogue() noexcept;
[[nodiscard]] const Family* find_family(std::string_view name) noexcept;
[[nodiscard]] std::string_view to_text(FamilyType type) noexcept;  // "counter", ...
[[nodiscard]] std::span<const std::string_view> label_names(const Family& family) noexcept;

// OpenMetrics names a counter family without its _total. Where that stem is the name of another
// family (flex_connections, flex_connections_total) the two would clash, so there the counter is
// exposed as `unknown` under its full name. Also for counters whose name has no _total.
[[nodiscard]] bool clashes_in_open_metrics(std::string_view counter_name) noexcept;

// The classic `le` edges of a histogram family, in its own unit. Those of native families are
// powers of two of a second, which are bounds of native buckets too, so that text formats show
// exact counts.
[[nodiscard]] std::span<const double> edges_of(const Family& family) noexcept;

// Exposed lines of all families of one label set, and the cells they need.
[[nodiscard]] uint32_t lines_of(Subject subject) noexcept;
[[nodiscard]] uint32_t cells_of(Subject subject) noexcept;

// Label names of a grouped subject, in order.
[[nodiscard]] std::span<const std::string_view> label_names(Subject subject) noexcept;

// docs/reference/metrics.md, generated.
[[nodiscard]] std::string metrics_reference_markdown();

// The cells of each subject, by position.
namespace cells {
namespace request {
inline constexpr uint8_t kRequests = 0, kErrors = 1, kRateLimited = 2, kAuthFailed = 3, kSumNs = 4,
                         kNative = 5, kBuckets = 6;  // then 15 buckets
}
namespace client {
inline constexpr uint8_t kRequests = 0, kRateLimited = 1, kLastSeenNs = 2;
}
namespace upstream {
inline constexpr uint8_t kConnections = 0, kReused = 1, kSumNs = 2, kNative = 3;
}
namespace listener {
inline constexpr uint8_t kConnections = 0, kConnectionsTotal = 1, kActive = 2;
}
namespace stream {
inline constexpr uint8_t kSumNs = 0, kNative = 1;
}
}  // namespace cells

}  // namespace glassgate::telemetry
