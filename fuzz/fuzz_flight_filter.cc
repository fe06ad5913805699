// Any text as a filter: compiled, or refused with a column inside it; what is compiled gives the
// same answer for a record and for its negation the other one.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "flight/filter/filter.h"
#include "flight/record.h"

namespace {

using namespace glassgate;
using namespace glassgate::flight;

Record exchange() {
    Record record;
    record.row.status = 504;
    record.row.lifetime_ns = 5'000'000;
    record.row.at_ns = 1'795'770'863'000'000'000;
    record.text = "/api/productsmob-4f7a";
    record.exchange.path = {0, 13};
    record.exchange.client_id = {13, 8};
    record.exchange.status = 504;
    record.exchange.policies.push_back({0, 0, model::PolicyVerdict::pass, 5});
    record.attach();
    return record;
}

Record event() {
    Record record;
    record.row.kind = RecordKind::event;
    record.event = model::Event(model::EventKind::circuit_breaker_open, 5);
    record.event.with("route", "product-catalog").with("duration_ms", 5);
    record.attach();
    return record;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto filter = Filter::parse(text);
    if (!filter) {
        GW_CHECK(filter.error().column >= 1 && filter.error().column <= text.size() + 1);
        GW_CHECK(!explain(filter.error(), text).empty());
        return 0;
    }
    static const Record records[] = {exchange(), event()};
    FilterRun run(*filter);
    const auto negated = Filter::parse("not (" + text + ")");
    for (const Record& record : records) {
        const bool matches = run.matches(record);
        if (!negated) continue;  // one level deeper than allowed, or longer
        FilterRun other(*negated);
        GW_CHECK(other.matches(record) != matches);
    }
    return 0;
}
