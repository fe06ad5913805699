#include "policy/reference.h"

#include "policy/policy.h"

namespace glassgate::policy {
namespace {

// Text in a cell of a table: '|' would end it.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '|') out += '\\';
        out += c;
    }
    return out;
}

void append_kind(std::string& out, const PolicyKind& kind) {
    out.append("\n## ").append(kind.name).append("\n\n");
    out.append(kind.doc).append("\n\n");
    out.append("Category: ").append(kind.category).append("\n\n");
    out.append("```yaml\n").append(kind.example).append("\n```\n\n");
    out += "| setting | type | default | meaning |\n|---|---|---|---|\n";
    for (const FieldDoc& field : kind.fields) {
        out.append("| `").append(field.name).append("` | ").append(cell(field.type)).append(" | ");
        if (field.fallback == "required" || field.fallback == "none")
            out.append(field.fallback);
        else
            out.append("`").append(cell(field.fallback)).append("`");
        out.append(" | ").append(cell(field.doc)).append(" |\n");
    }
    out += "\nReasons (label of `flex_policy_verdicts_total`, field `policy.outcomes`): ";
    for (std::size_t i = 0; i < kind.reasons.size(); ++i)
        out.append(i == 0 ? "`" : ", `").append(kind.reasons[i]).append("`");
    out += ".\n";
}

}  // namespace

std::string policies_reference_markdown() {
    std::string out =
        "# Policies\n\n"
        "Generated from the catalogue (`src/policy/catalogue.cc`); do not edit.\n\n"
        "The policies of a route run in the order written on the request and in reverse order on "
        "the "
        "response. The first that refuses ends the chain.\n\n";
    for (const PolicyKind& kind : catalogue())
        out.append("- [").append(kind.name).append("](#").append(kind.name).append(")\n");
    for (const PolicyKind& kind : catalogue()) append_kind(out, kind);
    return out;
}

}  // namespace glassgate::policy
