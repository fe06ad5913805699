// Any bytes as a configuration: never a crash, a hang or an exception; either a plan or mistakes.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "config/explain.h"
#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    using namespace glassgate;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const config::Environment environment =
        [](const std::string& name) -> std::optional<std::string> {
        if (name.size() > 4) return std::nullopt;
        return "8" + name;
    };
    const config::Loaded loaded = config::load_sources({{"fuzz.yaml", text}}, 1, environment);
    GW_CHECK(loaded.configuration.has_value() != loaded.diagnostics.has_errors());
    for (const Diagnostic& diagnostic : loaded.diagnostics.all())
        GW_CHECK(to_text(diagnostic).find('\n') == std::string::npos);
    if (loaded.configuration) GW_CHECK(!config::explain(*loaded.configuration).empty());
    return 0;
}
