#include "console/api/metadata_table.h"

#include <algorithm>

namespace glassgate::console {

void MetadataTable::add(std::string_view family, FamilyMetadata metadata) {
    const std::lock_guard lock(mutex_);
    auto found = by_family_.find(family);
    if (found == by_family_.end()) {
        if (by_family_.size() >= kFamiliesMax) return;
        found = by_family_.emplace(family, std::vector<FamilyMetadata>{}).first;
    }
    auto& variants = found->second;
    if (variants.size() >= kVariantsMax ||
        std::find(variants.begin(), variants.end(), metadata) != variants.end())
        return;
    variants.push_back(std::move(metadata));
}

std::map<std::string, std::vector<FamilyMetadata>> MetadataTable::find(
    std::string_view family) const {
    const std::lock_guard lock(mutex_);
    if (family.empty()) return {by_family_.begin(), by_family_.end()};
    const auto found = by_family_.find(family);
    if (found == by_family_.end()) return {};
    return {{found->first, found->second}};
}

}  // namespace glassgate::console
