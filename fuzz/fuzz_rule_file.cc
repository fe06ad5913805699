// Rule files, rule tests and matchers: bytes from outside, read with diagnostics and never worse.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "alert/notify/matcher.h"
#include "alert/notify/notice.h"
#include "alert/rules/rule_file.h"
#include "alert/rules/test_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    using namespace glassgate;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    Diagnostics diagnostics;
    const auto groups = alert::read_rule_file("r.yml", text, diagnostics);
    if (!diagnostics.has_errors())
        for (const alert::RuleGroup& group : groups)
            for (const alert::RulePtr& rule : group.rules)
                if (rule->expr == nullptr) std::abort();
    alert::check_duplicates(groups, diagnostics);
    for (const Diagnostic& d : diagnostics.all()) (void)to_text(d);
    Diagnostics of_test;
    if (size < 4096) (void)alert::read_test_file("t.yml", text, of_test);
    if (const auto matchers = alert::LabelMatcher::parse_all(text))
        for (const alert::LabelMatcher& matcher : *matchers) {
            // What is printed reads back as the same.
            const auto again = alert::LabelMatcher::parse(matcher.to_text());
            if (!again || !(*again == matcher)) std::abort();
        }
    (void)alert::notification_from_json(text);
    return 0;
}
