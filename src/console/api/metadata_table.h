// MetadataTable: what the families of the store are: type, help and unit, from the gateway's own
// catalogue, from remote write and from scraped gateways. Bounded; any thread.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace glassgate::console {

struct FamilyMetadata {
    std::string type;  // counter, gauge, histogram, summary, unknown, ...
    std::string help, unit;
    auto operator<=>(const FamilyMetadata&) const = default;
};

class MetadataTable {
public:
    static constexpr std::size_t kFamiliesMax = 20'000;
    static constexpr std::size_t kVariantsMax = 10;  // of one family, where sources disagree

    void add(std::string_view family, FamilyMetadata metadata);
    // By family; `family` empty: all.
    [[nodiscard]] std::map<std::string, std::vector<FamilyMetadata>> find(
        std::string_view family) const;

private:
    mutable std::mutex mutex_;
    std::map<std::string, std::vector<FamilyMetadata>, std::less<>> by_family_;
};

}  // namespace glassgate::console
