// The sinks "log_stdout" and "log_file": lines of exchanges and events, as JSON or for people.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "model/event.h"
#include "telemetry/pipeline/sink.h"
#include "telemetry/project/line_format.h"
#include "telemetry/settings.h"

namespace glassgate::telemetry {

// Fails when the file cannot be opened. `formats` belongs to the collector: project() reads it
// under the collector's mutex. `raise` takes log_write_failed (any thread): at the first failure,
// and as long as it goes on every half minute; it must outlive the sink's lane.
//
// A full disk, or one that fails, is tried again a few times before a batch is lost; it needs
// nobody to recover. A closed pipe or an invalid descriptor is not tried again.
[[nodiscard]] Result<std::unique_ptr<Sink>> make_log_sink(
    std::string name, const LogOutput& output, uint64_t queue_bytes,
    std::shared_ptr<const LineFormats> formats, std::function<void(const model::Event&)> raise);

}  // namespace glassgate::telemetry
