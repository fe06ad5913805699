// What the store's tests play with: a folder of their own, a clock they turn, series they name.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"

namespace glassgate::store::scene {

class Folder {
public:
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "store-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~Folder() {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::vector<std::string> files(const std::string& extension) const {
        std::vector<std::string> found;
        for (const auto& entry : std::filesystem::directory_iterator(path_))
            if (entry.path().extension() == extension) found.push_back(entry.path().string());
        std::sort(found.begin(), found.end());
        return found;
    }

private:
    std::string path_;
};

inline std::string read_all(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}
inline void write_all(const std::string& path, const std::string& bytes) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline constexpr TimeMs kStart = 1'795'770'840'000;  // a full minute

inline Labels labels(std::vector<std::pair<std::string, std::string>> pairs) {
    Labels out;
    std::sort(pairs.begin(), pairs.end());
    for (auto& [name, value] : pairs) out.push_back({name, value});
    return out;
}
inline Labels metric(const std::string& name, const std::string& route = "a") {
    return labels({{"__name__", name}, {"route", route}});
}
inline std::vector<Matcher> named(const std::string& name) {
    return {{"__name__", Matcher::Kind::equal, name}};
}

// A store that does nothing by itself, at the time the test says.
class Shop {
public:
    explicit Shop(Settings settings = {}) : settings_(std::move(settings)) {
        settings_.background = false;
        settings_.sync = false;
        settings_.now = [this] { return now.load(); };
        open();
    }
    void open() {
        auto opened = Store::open(settings_);
        ASSERT_TRUE(opened) << opened.error().message;
        store_ = std::move(*opened);
    }
    void close() { store_ = nullptr; }
    Store& operator*() { return *store_; }
    Store* operator->() { return store_.get(); }

    // Values at one a second from `from`, at each of which the clock stands.
    void feed(Handle series, TimeMs from, const std::vector<double>& values) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            now = from + static_cast<TimeMs>(i) * 1000;
            ASSERT_EQ(store_->append(series, now, values[i]), Append::stored) << i;
        }
    }
    std::vector<Series> all(const std::string& name, TimeMs from = kStart - 1000 * kDayMs,
                            TimeMs to = kStart + 1000 * kDayMs) {
        auto found = store_->select(named(name), from, to, {});
        EXPECT_TRUE(found) << (found ? "" : found.error().message);
        return found ? *found : std::vector<Series>{};
    }
    // The one series of that name.
    Series one(const std::string& name, TimeMs from = kStart - 1000 * kDayMs,
               TimeMs to = kStart + 1000 * kDayMs) {
        std::vector<Series> found = all(name, from, to);
        EXPECT_EQ(found.size(), 1u) << name;
        return found.empty() ? Series{} : found[0];
    }

    std::atomic<TimeMs> now{kStart};

private:
    Settings settings_;
    std::unique_ptr<Store> store_;
};

inline HistogramPtr histogram(double count, int32_t buckets = 5) {
    auto h = std::make_shared<NativeHistogram>();
    h->schema = 5;
    h->zero_threshold = 0x1p-17;
    for (int32_t i = 0; i < buckets; ++i) h->positive.push_back({i * 3, count});
    h->count = count * buckets;
    h->sum = 0.25 * h->count;
    return h;
}

}  // namespace glassgate::store::scene
