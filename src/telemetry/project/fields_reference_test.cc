#include "telemetry/project/fields_reference.h"

#include <gtest/gtest.h>

#include "model/ending.h"
#include "model/event.h"
#include "model/field.h"

namespace glassgate::telemetry {
namespace {

TEST(FieldsReference, HasARowForEveryFieldEventAndEnding) {
    const std::string page = fields_reference_markdown();
    const auto has_row = [&page](std::string_view name) {
        return page.find("\n| `" + std::string(name)) != std::string::npos;
    };
    for (const model::FieldDescription& field : model::field_catalogue())
        EXPECT_TRUE(has_row(field.name)) << field.name;
    for (std::size_t i = 0; i < model::kEventKindCount; ++i)
        EXPECT_TRUE(has_row(to_text(static_cast<model::EventKind>(i)))) << i;
    for (std::size_t i = 0; i < model::kEndingCount; ++i)
        EXPECT_TRUE(has_row(to_text(static_cast<model::Ending>(i)))) << i;
    EXPECT_NE(page.find("`\"interim\":true`"), std::string::npos);
}

}  // namespace
}  // namespace glassgate::telemetry
