// What the tests of the whole of telemetry play with: real sinks in a folder of their own, plans,
// closed exchanges, and the lines that came of them.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "telemetry/project/span_example_test.h"
#include "telemetry/telemetry.h"

namespace glassgate::telemetry::testing {

class TelemetryTest : public ::testing::Test {
protected:
    TelemetryTest() {
        char name[] = "/tmp/glassgate-telemetry-XXXXXX";
        folder = mkdtemp(name);
        settings.logging.outputs = {file("access.log")};
    }
    ~TelemetryTest() override {
        telemetry.reset();
        std::filesystem::remove_all(folder);
    }

    [[nodiscard]] LogOutput file(const std::string& name) const {
        LogOutput output;
        output.kind = LogOutputKind::file;
        output.path = folder / name;
        return output;
    }
    // A plan with these fields; the settings speak of them.
    std::shared_ptr<model::PlanNames> plan(std::initializer_list<const char*> fields) {
        auto names = std::make_shared<model::PlanNames>(ExampleExchange().names);
        names->generation = ++generation;
        settings.logging.fields.clear();
        settings.logging.field_names.clear();
        for (const char* field : fields) {
            settings.logging.fields.push_back(*names->captured.add(field));
            settings.logging.field_names.emplace_back(field);
        }
        return names;
    }
    void start(unsigned workers = 1) {
        auto created = Telemetry::create(workers, settings);
        ASSERT_TRUE(created) << created.error().message;
        telemetry = std::move(*created);
    }
    void apply(const std::shared_ptr<model::PlanNames>& names) {
        const Status status = telemetry->reconfigure(settings, names);
        ASSERT_TRUE(status) << status.error().message;
        telemetry->recorder(0).plan_applied(names);
    }
    void close(const std::shared_ptr<model::PlanNames>& names, uint64_t bytes = 0,
               unsigned worker = 0) {
        ExampleExchange example;
        example.x.names = names.get();
        example.x.response_bytes = bytes;
        example.x.ending = model::Ending::completed;
        example.x.status = 200;
        model::Recorder& recorder = telemetry->recorder(worker);
        recorder.exchange_opened(0);
        recorder.exchange_closed(example.x);
    }
    [[nodiscard]] SinkCounts counts(const std::string& sink) const {
        for (const auto& [name, counts] : telemetry->sink_counts())
            if (name == sink) return counts;
        return {};
    }
    [[nodiscard]] std::vector<std::string> lines(const std::string& name = "access.log") const {
        std::ifstream in(folder / name);
        std::vector<std::string> all;
        for (std::string line; std::getline(in, line);) all.push_back(line);
        return all;
    }
    // Lines without events.
    [[nodiscard]] std::vector<std::string> access_lines(
        const std::string& name = "access.log") const {
        std::vector<std::string> all = lines(name);
        std::erase_if(all, [](const std::string& line) {
            return line.find("\"event\":") != std::string::npos;
        });
        return all;
    }
    static bool wait(const std::function<bool()>& condition) {
        const uint64_t until = mono_now_ns() + 20 * kNsPerSecond;
        while (!condition()) {
            if (mono_now_ns() > until) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return true;
    }

    std::filesystem::path folder;
    Settings settings;
    uint64_t generation = 0;
    std::unique_ptr<Telemetry> telemetry;
};

}  // namespace glassgate::telemetry::testing
