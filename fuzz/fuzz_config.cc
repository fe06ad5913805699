// Any bytes as a configuration: never a crash, a hang or an exception; either a plan or mistakes.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "config/explain.h"
#include "config/explain_request.h"
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
    if (!loaded.configuration) return 0;
    GW_CHECK(!config::explain(*loaded.configuration).empty());
    for (const char* const request : {"GET http://h:8080/", "POST http://h:8081/a/b?c"})
        (void)config::explain_request(*loaded.configuration, request, {"x-a: b"});
    return 0;
}
