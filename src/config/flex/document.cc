#include "config/flex/document.h"

#include <algorithm>

#include "config/draft.h"

namespace glassgate::config::flex {
namespace {

constexpr std::string_view kKinds[] = {"ApiInstance", "PolicyBinding", "Service", "Configuration",
                                       "Extension",   "Secret",        "Contract"};

Document read_document(const Node& node, Kind kind, Diagnostics& diagnostics) {
    Document out;
    out.kind = kind;
    out.at = node.position;
    Fields fields(node, diagnostics, "the document");
    out.beta = fields.text("apiVersion").ends_with("v1beta1");
    (void)fields.has("kind");
    (void)fields.has("status");  // what a dump of a running gateway adds
    const Node* const spec = fields.child("spec");
    out.spec = &or_empty(spec);
    const bool missing = spec == nullptr || spec->kind == Node::Kind::null;
    if (missing)
        fields.mistake(node.position, std::string(to_text(kind)) + " without spec", "spec");
    out.space = kDefaultNamespace;
    const Node* const metadata = fields.require("metadata");
    if (metadata == nullptr) return out;
    Fields about(*metadata, diagnostics, "metadata");
    if (const Node* const name = about.require("name")) {
        if (!missing) out.name = read_name(about, "name", {});
        out.at = name->position;
    }
    out.space = read_name(about, "namespace", kDefaultNamespace);
    out.labels = read_pairs(about, "labels");
    (void)read_pairs(about, "annotations");
    return out;
}

}  // namespace

std::string_view to_text(Kind kind) noexcept { return kKinds[static_cast<std::size_t>(kind)]; }

std::optional<Kind> parse_kind(std::string_view text) noexcept {
    const auto found = std::find(std::begin(kKinds), std::end(kKinds), text);
    if (found == std::end(kKinds)) return std::nullopt;
    return static_cast<Kind>(found - std::begin(kKinds));
}

std::string qualified(std::string_view space, std::string_view name) {
    if (space == kDefaultNamespace) return std::string(name);
    return std::string(space) + "/" + std::string(name);
}

Documents Documents::read(const std::vector<Node>& nodes, Diagnostics& diagnostics) {
    Documents out;
    for (const Node& node : nodes) {
        const Node* const kind = node.find("kind");
        Document document =
            read_document(node, parse_kind(kind->scalar).value_or(Kind::api_instance), diagnostics);
        if (document.name.empty()) continue;  // that, or what else is missing, is reported
        if (const Document* const first = out.find(document.kind, document.space, document.name)) {
            diagnostics.error(document.at, std::string(to_text(document.kind)) + " " +
                                               quote(qualified(document.space, document.name)) +
                                               " is defined twice, first in " + place(first->at));
            continue;
        }
        out.all_.push_back(std::move(document));
    }
    return out;
}

const Document* Documents::find(Kind kind, std::string_view space,
                                std::string_view name) const noexcept {
    for (const Document& document : all_)
        if (document.kind == kind && document.name == name && document.space == space)
            return &document;
    return nullptr;
}

std::string Documents::nearest(Kind kind, std::string_view name) const {
    std::vector<std::string_view> names;
    for (const Document& document : all_)
        if (document.kind == kind) names.push_back(document.name);
    return std::string(nearest_name(name, names));
}

std::optional<Reference> read_reference(Fields& fields, std::string_view space) {
    Reference out;
    const Node* const name = fields.require("name");
    out.name = read_name(fields, "name", {});
    out.space = read_name(fields, "namespace", space);
    if (name == nullptr || out.name.empty()) return std::nullopt;
    out.at = name->position;
    return out;
}

}  // namespace glassgate::config::flex
