#include "policy/reference.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "policy/policy.h"

namespace glassgate::policy {
namespace {

TEST(Reference, NamesEveryPolicyAndSetting) {
    const std::string page = policies_reference_markdown();
    for (const PolicyKind& kind : catalogue()) {
        EXPECT_NE(page.find("\n## " + std::string(kind.name) + "\n"), std::string::npos);
        for (const FieldDoc& field : kind.fields)
            EXPECT_NE(page.find("| `" + std::string(field.name) + "` |"), std::string::npos)
                << field.name;
        for (const std::string_view reason : kind.reasons)
            EXPECT_NE(page.find("`" + std::string(reason) + "`"), std::string::npos) << reason;
    }
}

// With GLASSGATE_WRITE_DOCS set, writes the page instead.
TEST(Reference, ThePageInTheRepositoryIsFresh) {
    const std::string path = std::string(GLASSGATE_SOURCE_DIR) + "/docs/reference/policies.md";
    if (std::getenv("GLASSGATE_WRITE_DOCS") != nullptr) {
        std::ofstream(path) << policies_reference_markdown();
        return;
    }
    std::stringstream page;
    page << std::ifstream(path).rdbuf();
    EXPECT_EQ(page.str(), policies_reference_markdown())
        << "write it anew: GLASSGATE_WRITE_DOCS=1 unit_policy --gtest_filter='Reference.*'";
}

}  // namespace
}  // namespace glassgate::policy
