// FloodTable: an incident makes as many events as requests; a log needs one a second. The first
// event of its kind, route and client comes out at once, the others of that second as one line with
// their number. Nothing is lost: the counts that come out add up to the events that went in.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "model/event.h"

namespace glassgate::telemetry {

class FloodTable {
public:
    using Emit = std::function<void(const model::Event&)>;
    static constexpr uint64_t kWindowNs = kNsPerSecond;

    // `keys_max`: floods told apart at the same time. Beyond them, events of one kind are one
    // flood, whose lines have no more than client_id=other: a flood of clients cannot make a flood
    // of lines.
    explicit FloodTable(Emit emit, std::size_t keys_max = 1024)
        : emit_(std::move(emit)), keys_max_(keys_max) {}

    // `make` gives the event; it is called only if this one is to be shown.
    template <typename Make>
    void note(model::EventKind kind, std::string_view route, std::string_view client,
              uint64_t now_ns, Make&& make) {
        Flood& flood = flood_of(kind, route, client, now_ns);
        if (flood.count++ == 0) {
            flood.event = make();
            if (flood.overflow)
                flood.event = model::Event(kind, flood.event.wall_ns).with("client_id", "other");
        }
        if (!flood.shown) {
            flood.shown = true;
            show(flood);
        }
    }

    // Shows what a second has gathered; forgets floods that are over. Call it several times a
    // second.
    void tick(uint64_t now_ns);
    void flush();  // shows everything now
    [[nodiscard]] std::size_t size() const noexcept { return floods_.size(); }

private:
    struct Flood {
        uint64_t window_end_ns = 0;
        uint64_t count = 0;  // not shown yet; `event` is the first of them
        bool shown = false;  // the first event of all has been
        bool overflow = false;
        model::Event event;
    };
    Flood& flood_of(model::EventKind kind, std::string_view route, std::string_view client,
                    uint64_t now_ns);
    void show(Flood& flood);

    const Emit emit_;
    const std::size_t keys_max_;
    std::unordered_map<uint64_t, Flood> floods_;  // by hash: two that collide share their lines
    uint64_t next_tick_ns_ = 0;
};

}  // namespace glassgate::telemetry
