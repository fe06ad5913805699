// LiveSeries: the series of what may outlive the plan that named it, on one worker.
//
// A connection can be open long after the plan it was opened under has retired. Until it closes,
// the series whose gauge counts it has to stay, or the gauge would be taken down on a stranger's
// series. So a listener and an upstream are found by name and stay while a plan names them or
// something of theirs is open here. Worker thread only.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/connection.h"
#include "telemetry/metrics/series_index.h"

namespace glassgate::telemetry {

class LiveSeries {
public:
    struct Reason {
        std::string slug;
        Cell* cell;
    };
    struct Entry {
        SeriesGroup* group = nullptr;
        Cell* cells = nullptr;       // of this worker; the gauge of what is open comes first
        std::vector<Cell*> endings;  // listeners: by ConnectionEnding
        std::vector<Reason> failed_handshakes;  // listeners: reasons seen so far; few
        // Listeners: by TlsVersion and resumed; null: none seen yet.
        std::array<Cell*, 2 * model::kTlsVersionCount> tls_connections{};
        int64_t open = 0;    // on this worker
        uint32_t plans = 0;  // that name it and have not retired here
    };

    explicit LiveSeries(SeriesIndex& index) : index_(index) {}

    // A plan that names it is applied; `group` is held by that plan. The address stays while named.
    Entry& name(std::string_view name, SeriesGroup& group, Cell* cells);
    // The plan has retired.
    void forget(std::string_view name) noexcept;

    [[nodiscard]] Entry* find(std::string_view name) noexcept;
    // So many more are open; the entry may be gone afterwards.
    void opened(Entry& entry, int64_t delta) noexcept;

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view s) const noexcept {
            return std::hash<std::string_view>{}(s);
        }
    };
    using Entries = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;
    void erase_if_over(Entries::iterator at) noexcept;

    SeriesIndex& index_;
    Entries entries_;
};

}  // namespace glassgate::telemetry
