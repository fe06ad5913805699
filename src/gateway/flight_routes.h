// The flight recorder and the overview over HTTP, on the console's server (port 9900).
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "console/event_stream.h"
#include "console/request.h"
#include "gateway/flight_slot.h"
#include "gateway/overview.h"

namespace glassgate::gateway {

// Sends the overview to those who listen, each second; rests while nobody does.
class OverviewStream {
public:
    explicit OverviewStream(Overview& overview);
    ~OverviewStream();
    OverviewStream(const OverviewStream&) = delete;
    OverviewStream& operator=(const OverviewStream&) = delete;
    void add(std::shared_ptr<console::EventStream> stream);

private:
    void run();
    Overview& overview_;
    console::EventFeed feed_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    std::thread thread_;
};

// All of them must outlive the server.
[[nodiscard]] std::vector<console::Route> flight_routes(const FlightSlot& slot, Overview& overview,
                                                        OverviewStream& stream);

}  // namespace glassgate::gateway
