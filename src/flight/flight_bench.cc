// What the flight recorder promises at a million records: an id is found in under 10 ms, a filter
// over the last ten minutes (here: all of the million) answers in under 200 ms, and a record takes
// less than 300 bytes on disk.
#include <benchmark/benchmark.h>

#include <filesystem>

#include "flight/flight_scene_test.h"

namespace glassgate::flight {
namespace {

using namespace scene;

constexpr uint64_t kRecords = 1'000'000;

// Made once: it takes a minute.
struct Million {
    Million() {
        ring = open_ring(folder.ring());
        std::vector<std::string> entries;
        for (uint64_t i = 0; i < kRecords;) {
            entries.clear();
            for (; entries.size() < 4096 && i < kRecords; ++i) {
                entries.push_back(scene.entry(i));
                if (i % 1009 == 0) ids.push_back(i);
            }
            const std::vector<std::string_view> views(entries.begin(), entries.end());
            const auto done = ring->append(views, scene.plan_bytes());
            if (done.entries != views.size()) std::abort();
        }
        Scan scan;
        scan.limit = 1;
        std::string scratch;
        for (uint64_t& sequence : ids) {
            scan.below_sequence = sequence + 1;
            const Record record = ring->scan(scan).records.at(0);
            texts.emplace_back(request_id_of(record, scratch));
        }
    }
    Folder folder;
    Scene scene;
    std::shared_ptr<Ring> ring;
    std::vector<uint64_t> ids;
    std::vector<std::string> texts;
};

Million& million() {
    static Million m;
    return m;
}

void BM_find_by_id(benchmark::State& state) {
    Million& m = million();
    std::size_t at = 0;
    for (auto _ : state) {
        const auto found = m.ring->find(m.texts[at++ % m.texts.size()]);
        if (found.size() != 1) state.SkipWithError("not found");
    }
    const RingStats stats = m.ring->stats();
    state.counters["bytes/record"] =
        static_cast<double>(stats.bytes) / static_cast<double>(stats.records);
    state.counters["records"] = static_cast<double>(stats.records);
}
BENCHMARK(BM_find_by_id)->Unit(benchmark::kMillisecond);

void BM_find_nothing(benchmark::State& state) {
    for (auto _ : state)
        benchmark::DoNotOptimize(million().ring->find("00000000000000000000000000000000"));
}
BENCHMARK(BM_find_nothing)->Unit(benchmark::kMillisecond);

// Ten minutes back from the newest record; `span` of them.
void scan(benchmark::State& state, const char* text, uint64_t records) {
    Million& m = million();
    const auto filter = Filter::parse(text);
    Scan scan;
    scan.filter = &*filter;
    scan.from_ns = kStartNs + (kRecords - records) * Scene::kStepNs;
    uint64_t looked_at = 0, found = 0;
    for (auto _ : state) {
        const Scanned scanned = m.ring->scan(scan);
        looked_at = scanned.looked_at;
        found = scanned.records.size();
    }
    state.counters["looked_at"] = static_cast<double>(looked_at);
    state.counters["found"] = static_cast<double>(found);
}

// Few match, so that all of the million is looked at.
void BM_scan_million_rows(benchmark::State& state) { scan(state, "response.status=418", kRecords); }
BENCHMARK(BM_scan_million_rows)->Unit(benchmark::kMillisecond);

void BM_scan_million_texts(benchmark::State& state) {
    scan(state, "response.status>=500 and client.id=nobody and request.path~\"^/api\"", kRecords);
}
BENCHMARK(BM_scan_million_texts)->Unit(benchmark::kMillisecond);

void BM_scan_million_regex(benchmark::State& state) {
    scan(state, "request.path~\"^/api/products/9999$\" and not client.id~\"^web\"", kRecords);
}
BENCHMARK(BM_scan_million_regex)->Unit(benchmark::kMillisecond);

// The worst: a field for which every record must be decoded.
void BM_scan_million_whole(benchmark::State& state) {
    scan(state, "request.headers.x-tenant=nobody", kRecords);
}
BENCHMARK(BM_scan_million_whole)->Unit(benchmark::kMillisecond);

void BM_scan_first_page(benchmark::State& state) {
    scan(state, "response.status>=500 and client.id=mob-4f7a", kRecords);
}
BENCHMARK(BM_scan_first_page)->Unit(benchmark::kMillisecond);

void BM_append(benchmark::State& state) {
    Folder folder;
    Scene scene;
    auto ring = open_ring(folder.ring());
    std::vector<std::string> entries;
    for (uint64_t i = 0; i < 4096; ++i) entries.push_back(scene.entry(i));
    const std::vector<std::string_view> views(entries.begin(), entries.end());
    for (auto _ : state) benchmark::DoNotOptimize(ring->append(views, scene.plan_bytes()));
    state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * 4096);
}
BENCHMARK(BM_append)->Unit(benchmark::kMillisecond);

void BM_project(benchmark::State& state) {  // on the collector, for a record that is kept
    Scene scene;
    Made m = scene.make(50);
    m.x.text = m.text.data();
    for (auto _ : state) benchmark::DoNotOptimize(scene.entry(m.x));
}
BENCHMARK(BM_project);

void BM_open(benchmark::State& state) {
    Million& m = million();
    for (auto _ : state) benchmark::DoNotOptimize(Ring::open_read_only(m.folder.ring()));
}
BENCHMARK(BM_open)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace glassgate::flight
