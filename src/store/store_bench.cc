// What the store costs.
//
//   BM_Append     a second of so many series through the batch API: sealing, downsampling into all
//                 tiers; with a directory also flushing to the journal. Target: 1,000,000 samples/s
//                 on one core.
//   BM_Select     1,400 series of 2,100 samples, as a query of 35 minutes at one a second needs
//   BM_Visit      the same, without keeping them
//   BM_VisitDisk  the same from segments
//   BM_Recorded   bytes a sample of a recorded exposition: GLASSGATE_RECORDING names a file of
//                 text expositions, one a second, each ended by a line "# EOF". To make one:
//                 while sleep 1; do curl -s localhost:9090/metrics; echo '# EOF'; done > FILE
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "store/feed/feed.h"
#include "store/store.h"

namespace glassgate::store {
namespace {

constexpr TimeMs kStart = 1'795'770'840'000;

struct Folder {
    Folder() {
        std::string pattern = "/tmp/store-bench-XXXXXX";
        path = ::mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string path;
};

// A store that is driven second by second, by hand.
struct Bench {
    explicit Bench(const std::string& directory = {}) {
        Settings settings;
        settings.directory = directory;
        settings.memory_max_bytes = 2ull << 30;
        settings.disk_max_bytes = 8ull << 30;
        settings.background = false;
        settings.now = [this] { return now; };
        auto opened = Store::open(settings);
        if (!opened) std::abort();
        store = std::move(*opened);
    }
    TimeMs now = kStart;
    std::unique_ptr<Store> store;
};

// As a gateway's series are: most stand still, some count now and then, some count fast, some are
// sums of latencies, few are noise.
class Traffic {
public:
    Traffic(Store& store, std::size_t series) : random_(1) {
        for (std::size_t i = 0; i < series; ++i) {
            const Labels labels = {{"__name__", "metric_" + std::to_string(i % 20) + "_total"},
                                   {"method", "GET"},
                                   {"path", "/api/things/" + std::to_string(i / 20)},
                                   {"route", "route-" + std::to_string(i / 20)}};
            handles.push_back(store.obtain(labels, SeriesKind::counter));
        }
        values.assign(series, 0);
        batch.resize(series);
    }
    const std::vector<Sample>& second(TimeMs t) {
        for (std::size_t i = 0; i < handles.size(); ++i) {
            double& v = values[i];
            switch (i % 20) {
                case 0:
                case 1:
                case 2:
                case 3:
                    v += 900.0 + static_cast<double>(random_.below(200));
                    break;
                case 4:
                case 5:
                    v += static_cast<double>(random_.below(4) == 0);
                    break;
                case 6:
                    v = std::round(v * 1e6 + static_cast<double>(random_.below(1u << 26))) / 1e6;
                    break;
                case 7:
                    v = random_.unit();
                    break;
                default:
                    break;  // stands still
            }
            batch[i] = {handles[i], t, v};
        }
        return batch;
    }
    std::vector<Handle> handles;

private:
    Random random_;
    std::vector<double> values;
    std::vector<Sample> batch;
};

void BM_Append(benchmark::State& state) {
    const Folder folder;
    Bench bench(state.range(1) != 0 ? folder.path : "");
    Traffic traffic(*bench.store, static_cast<std::size_t>(state.range(0)));
    uint64_t samples = 0;
    for ([[maybe_unused]] auto _ : state) {
        bench.now += 1000;
        state.PauseTiming();
        const std::vector<Sample>& batch = traffic.second(bench.now);
        state.ResumeTiming();
        samples += bench.store->append(batch)[Append::stored];
        const TimeMs second = bench.now / 1000;
        if (state.range(1) != 0 && second % 10 == 0) (void)bench.store->flush();
        if (state.range(1) != 0 && second % 900 == 0) (void)bench.store->checkpoint();
        if (second % 10 == 0) bench.store->trim();
    }
    state.SetItemsProcessed(static_cast<int64_t>(samples));
    const Stats stats = bench.store->stats();
    state.counters["memory_bytes_per_sample"] =
        static_cast<double>(stats.memory_bytes) / static_cast<double>(samples);
}
BENCHMARK(BM_Append)
    ->ArgNames({"series", "disk"})
    ->Args({5000, 0})
    ->Args({5000, 1})
    ->Args({100'000, 0})
    ->Unit(benchmark::kMicrosecond);

// 1,400 series with 2,100 samples each.
void fill(Bench& bench) {
    Traffic traffic(*bench.store, 1400);
    for (int t = 0; t < 2100; ++t) {
        bench.now += 1000;
        bench.store->append(traffic.second(bench.now));
    }
}

void BM_Select(benchmark::State& state) {
    Bench bench;
    fill(bench);
    std::size_t samples = 0;
    for ([[maybe_unused]] auto _ : state) {
        auto found = bench.store->select({}, kStart, bench.now, {});
        samples = 0;
        for (const Series& series : *found) samples += series.values.size();
        benchmark::DoNotOptimize(found);
    }
    state.counters["samples"] = static_cast<double>(samples);
}
BENCHMARK(BM_Select)->Unit(benchmark::kMillisecond);

void visit(benchmark::State& state, Bench& bench) {
    std::size_t samples = 0;
    double sum = 0;
    for ([[maybe_unused]] auto _ : state) {
        samples = 0;
        const Status visited =
            bench.store->visit({}, kStart, bench.now, {}, [&](const SeriesView& view) -> Status {
                samples += view.values.size();
                sum += view.values.back();
                return {};
            });
        if (!visited) state.SkipWithError("the visit failed");
    }
    benchmark::DoNotOptimize(sum);
    state.counters["samples"] = static_cast<double>(samples);
}

void BM_Visit(benchmark::State& state) {
    Bench bench;
    fill(bench);
    visit(state, bench);
}
BENCHMARK(BM_Visit)->Unit(benchmark::kMillisecond);

void BM_VisitDisk(benchmark::State& state) {
    const Folder folder;
    auto bench = std::make_unique<Bench>(folder.path);
    fill(*bench);
    const TimeMs now = bench->now;
    bench = nullptr;
    bench = std::make_unique<Bench>(folder.path);
    bench->now = now;
    visit(state, *bench);
}
BENCHMARK(BM_VisitDisk)->Unit(benchmark::kMillisecond);

// --- a recording ---------------------------------------------------------------------------------

// Runs one exposition through a feed. Native histograms are not in text.
void feed_text(Feed& feed, const std::vector<std::string>& lines,
               const std::map<std::string, std::string>& types) {
    for (const std::string& line : lines) {
        const std::size_t space = line.rfind(' ');
        const std::size_t open = line.find('{');
        const bool labelled = open != std::string::npos && open < space;
        const std::string name = line.substr(0, labelled ? open : space);
        const std::string labels =
            labelled ? line.substr(open + 1, line.rfind('}', space) - open - 1) : "";
        const auto type = types.find(name);
        const bool gauge = type != types.end() && type->second == "gauge";
        feed.number({name, {}, labels, {}}, gauge ? SeriesKind::gauge : kind_by_name(name),
                    std::strtod(line.c_str() + space + 1, nullptr));
    }
}

void BM_Recorded(benchmark::State& state) {
    const char* const path = std::getenv("GLASSGATE_RECORDING");
    if (path == nullptr) return state.SkipWithError("GLASSGATE_RECORDING names no recording");
    std::vector<std::vector<std::string>> rounds(1);
    std::map<std::string, std::string> types;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) {
        if (line == "# EOF")
            rounds.emplace_back();
        else if (line.starts_with("# TYPE "))
            types[line.substr(7, line.rfind(' ') - 7)] = line.substr(line.rfind(' ') + 1);
        else if (!line.empty() && line[0] != '#')
            rounds.back().push_back(line);
    }
    double disk = 0, memory = 0, stored = 0, series = 0;
    for ([[maybe_unused]] auto _ : state) {
        const Folder folder;
        Bench bench(folder.path);
        Feed feed(*bench.store, {{"instance", "localhost:9090"}, {"job", "glassgate"}});
        for (const auto& lines : rounds) {
            if (lines.empty()) continue;
            bench.now += 1000;
            feed.begin(bench.now);
            feed_text(feed, lines, types);
            feed.end();
        }
        stored = static_cast<double>(bench.store->stats().samples(Append::stored));
        series = static_cast<double>(feed.series());
        memory = static_cast<double>(bench.store->stats().memory_bytes);
        (void)bench.store->checkpoint();
        disk = 0;
        for (const auto& entry : std::filesystem::directory_iterator(folder.path))
            if (entry.path().string().find("/1000ms") != std::string::npos)
                disk += static_cast<double>(entry.file_size());
    }
    state.counters["series"] = series;
    state.counters["samples"] = stored;
    state.counters["segment_bytes_per_sample"] = disk / stored;
    state.counters["memory_bytes_per_sample"] = memory / stored;
}
BENCHMARK(BM_Recorded)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace glassgate::store
