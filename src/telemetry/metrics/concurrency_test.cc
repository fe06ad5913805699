// Workers fold, a scraper scrapes, the control thread reloads, all at once. Run it under
// ThreadSanitizer, too: that is where half of its worth lies.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "telemetry/metrics/scene_test.h"

namespace glassgate::telemetry {
namespace {

using scene::Call;
using scene::Plan;
using scene::Scrape;

constexpr unsigned kWorkers = 3;
constexpr uint64_t kReloads = 60;
constexpr std::string_view kProducts =
    R"(flex_requests_total{route="product-catalog",method="GET",path="/api/products"})";

// Every plan has product-catalog; the second route changes its name, the order of the upstreams
// and listeners changes.
Plan plan_of(uint64_t generation) {
    Plan plan = scene::shop(generation);
    plan->routes[1].id = "cart-" + std::to_string(generation % 3);
    if (generation % 2 != 0) {
        std::swap(plan->upstreams[0], plan->upstreams[1]);
        std::swap(plan->listeners[0], plan->listeners[1]);
    }
    return plan;
}

class WorkerThread {
public:
    WorkerThread(MetricsRegistry::Cells& cells, const Plan& first, unsigned seed)
        : cells_(cells), plan_(first), seed_(seed), thread_([this] { run(); }) {}

    void apply(const Plan& plan) {
        std::unique_lock lock(mutex_);
        next_ = plan;
        changed_.wait(lock, [&] { return next_ == nullptr; });
    }
    void stop() {
        stop_ = true;
        thread_.join();
    }
    [[nodiscard]] uint64_t calls() const { return calls_; }

private:
    void run() {
        cells_.plan_applied(plan_);
        while (!stop_) {
            take_plan();
            for (int i = 0; i < 50; ++i) one_call();
        }
        close_all();
        cells_.plan_retired(plan_->generation);
    }
    void take_plan() {
        const std::lock_guard lock(mutex_);
        if (next_ == nullptr) return;
        Call open(plan_);
        open.on(1).method(Method::post);
        cells_.exchange_opened(open.record().listener);
        cells_.plan_applied(next_);
        cells_.exchange_closed(open.record());
        ++calls_;
        cells_.plan_retired(plan_->generation);
        plan_ = std::exchange(next_, nullptr);
        changed_.notify_one();
    }
    void one_call() {
        const auto n = static_cast<uint32_t>(++calls_);
        cells_.upstream_connections_changed("cart", 1);
        open_ += 1;
        Call call(plan_);
        call.on(n % 2, n % 2 == 0 ? n % 4 / 2 : 0).method(n % 2 == 0 ? Method::get : Method::post);
        call.took_ns(n * 7919 % 2'000'000'000).traced(static_cast<uint8_t>(1 + n % 200));
        call.answered(static_cast<uint16_t>(200 + n % 5))
            .step(0, n % 2)
            .attempt(n % 2, 0, model::AttemptResult::response);
        call.client("client-" + std::to_string(n * seed_ % 97))
            .at_ns(1'000'000 * kNsPerSecond + n * 20 * kNsPerSecond);
        if (n % 16 == 0) call.streaming(model::StreamKind::sse, 1);
        call.through(cells_);
        if (n % 3 == 0) close_all();
    }
    void close_all() {
        cells_.upstream_connections_changed("cart", -open_);
        open_ = 0;
    }

    MetricsRegistry::Cells& cells_;
    Plan plan_, next_;
    unsigned seed_;
    uint64_t calls_ = 0;
    int open_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::atomic<bool> stop_{false};
    std::thread thread_;  // last: it uses the others
};

TEST(Concurrency, FoldingScrapingAndReloadingAtOnce) {
    MetricsSettings settings;
    settings.clients_limit = 60;  // fewer than there are: evictions while others fold
    settings.series_limit = 2000;
    MetricsRegistry registry(kWorkers, settings);
    const Plan first = plan_of(1);
    registry.plan_prepared(first, settings);
    std::vector<std::unique_ptr<WorkerThread>> workers;
    for (unsigned w = 0; w < kWorkers; ++w)
        workers.push_back(std::make_unique<WorkerThread>(registry.cells(w), first, w + 3));

    std::atomic<bool> stop{false};
    std::atomic<unsigned> scrapes{0};
    std::thread scraper([&] {
        double last = 0;
        while (!stop) {
            const Scrape found = scene::scrape(registry);
            for (const auto& [line, value] : found) {
                EXPECT_GE(value, 0) << line;
                EXPECT_FALSE(line.starts_with("DUPLICATE")) << line;
            }
            const double now = scene::at(found, kProducts);
            EXPECT_GE(now, last);
            last = now;
            (void)scene::expose(registry, Exposition::open_metrics);
            (void)scene::expose(registry, Exposition::protobuf);
            (void)registry.value("flex_requests_total", {});
            ++scrapes;
        }
    });
    for (uint64_t generation = 2; generation < 2 + kReloads; ++generation) {
        const Plan plan = plan_of(generation);
        settings.clients_limit = generation % 2 == 0 ? 60 : 50;
        registry.plan_prepared(plan, settings);
        for (auto& worker : workers) worker->apply(plan);
        const unsigned seen = scrapes;
        if (generation % 4 == 0)
            while (scrapes < seen + 2) std::this_thread::yield();
    }
    uint64_t calls = 0;
    for (auto& worker : workers) {
        worker->stop();
        calls += worker->calls();
    }
    stop = true;
    scraper.join();

    for (int i = 0; i < 5; ++i) (void)scene::scrape(registry);
    const Scrape found = scene::scrape(registry);
    EXPECT_EQ(scene::sum(found, "flex_exchanges_total"), static_cast<double>(calls));
    EXPECT_EQ(scene::sum(found, "flex_exchanges_active"), 0);
    EXPECT_EQ(scene::sum(found, "flex_upstream_connections"), 0);
    EXPECT_EQ(scene::sum(found, "flex_upstream_attempts_total"),
              static_cast<double>(calls - kWorkers * kReloads));
    EXPECT_GT(scrapes, kReloads / 4);
}

}  // namespace
}  // namespace glassgate::telemetry
