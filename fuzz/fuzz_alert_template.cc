// Templates of rules: parsing and expanding end, whatever the text says; no crash, no hang, bounded
// output.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "alert/template/template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    using namespace glassgate;
    const auto parsed = alert::Template::parse("t", {reinterpret_cast<const char*>(data), size});
    if (!parsed) return 0;
    alert::TemplateScene scene;
    scene.labels = {{"instance", "10.0.0.1:80"}, {"route", "cart"}};
    scene.external_labels = {{"site", "a"}};
    scene.external_url = "http://gw:9900/p";
    scene.value = 1234.5;
    scene.query = [](const std::string&) -> Result<std::vector<store::query::Sample>> {
        return std::vector<store::query::Sample>{{{{"route", "b"}}, 2, nullptr},
                                                 {{{"route", "a"}}, 1, nullptr}};
    };
    const auto text = parsed->expand(scene);
    if (text && text->size() > alert::kExpandedBytesMax) std::abort();
    return 0;
}
