// What other processes expose at /metrics: any bytes are read or refused, and what is read goes
// into a store whole.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "store/feed/scraped_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    using namespace glassgate::store;
    if (size == 0) return 0;
    const TextFormat format =
        (data[0] & 1) != 0 ? TextFormat::open_metrics : TextFormat::prometheus_text;
    const auto scraped =
        read_scraped_text({reinterpret_cast<const char*>(data) + 1, size - 1}, format);
    if (!scraped) return 0;
    for (const ScrapedSample& sample : scraped->samples) {
        Labels labels;
        GW_CHECK(!sample.metric.empty());
        GW_CHECK(parse_label_text(sample.labels, labels));
    }
    return 0;
}
