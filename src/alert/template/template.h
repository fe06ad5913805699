// Templates: the part of Go's text/template, with the functions of Prometheus 2.42, that
// annotations and labels of rules are written in. What does not parse is a mistake of the rule
// file; what fails while it is expanded is an error in words, as Prometheus puts it into the
// annotation.
//
// Bounded whatever the template says: depth of nesting, of calls of templates, steps and bytes of
// output.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/labels.h"
#include "store/query/result.h"

namespace glassgate::alert {

// What a template sees: .Labels ($labels), .ExternalLabels ($externalLabels), .ExternalURL
// ($externalURL) and .Value ($value).
struct TemplateScene {
    store::Labels labels;
    double value = 0;
    store::Labels external_labels;
    std::string external_url;
    // For the function `query`: an instant vector, at the time of the evaluation.
    std::function<Result<std::vector<store::query::Sample>>(const std::string&)> query;
};

inline constexpr std::size_t kTemplateBytesMax = 64 * 1024;  // of a template
inline constexpr std::size_t kExpandedBytesMax = 256 * 1024;

struct TemplateTree;

class Template {
public:
    // `name` is what messages call it. Error: as Go words it, "template: NAME:LINE: ...".
    [[nodiscard]] static Result<Template> parse(std::string name, std::string_view text);

    // Any thread, any number at once.
    [[nodiscard]] Result<std::string> expand(const TemplateScene& scene) const;

private:
    std::shared_ptr<const TemplateTree> tree_;
};

}  // namespace glassgate::alert
