#include "config/load.h"

#include <set>

#include "config/compile.h"
#include "config/digest.h"
#include "config/expand.h"
#include "config/files.h"
#include "config/flex/document.h"
#include "config/yaml.h"

namespace glassgate::config {
namespace {

constexpr std::string_view kApiVersion = "gateway.mulesoft.com/v1alpha1";
constexpr std::string_view kBetaVersion = "gateway.mulesoft.com/v1beta1";
constexpr std::string_view kGateway = "Gateway";

bool is_flex(std::string_view kind) { return flex::parse_kind(kind).has_value(); }

// The text of a required key; empty and reported if it is absent or no text.
std::string required_text(const Node& document, std::string_view key, std::string expected,
                          Position& at, Diagnostics& diagnostics) {
    const Node* const node = document.find(key);
    at = node != nullptr ? node->position : document.position;
    if (node != nullptr && node->kind == Node::Kind::scalar) return node->scalar;
    diagnostics.error(at,
                      node == nullptr ? "the document has no " + std::string(key)
                                      : std::string(key) + " is not a text",
                      std::move(expected));
    return {};
}

void check_api_version(const Node& document, bool beta_is_good, Diagnostics& diagnostics) {
    Position at;
    const std::string version =
        required_text(document, "apiVersion", std::string(kApiVersion), at, diagnostics);
    if (version.empty() || version == kApiVersion || (beta_is_good && version == kBetaVersion))
        return;
    diagnostics.error(at, "unknown apiVersion " + quote(version), std::string(kApiVersion),
                      std::string(nearest_name(version, {kApiVersion})));
}

// True if the document is one of ours. All else is reported: nothing is ever passed over in
// silence.
bool check_envelope(const Node& document, Diagnostics& diagnostics) {
    if (document.kind != Node::Kind::map) {
        diagnostics.error(document.position, "the document is not a map",
                          "apiVersion, kind, metadata and spec");
        return false;
    }
    Position at;
    const std::string kind = required_text(document, "kind", "kind: Gateway", at, diagnostics);
    check_api_version(document, is_flex(kind), diagnostics);
    if (kind == kGateway || is_flex(kind)) return true;
    if (!kind.empty()) {
        std::vector<std::string_view> kinds{kGateway};
        for (std::size_t i = 0; i < flex::kKindCount; ++i)
            kinds.push_back(to_text(static_cast<flex::Kind>(i)));
        diagnostics.error(at, "unknown kind " + quote(kind), "kind: Gateway or ApiInstance",
                          std::string(nearest_name(kind, kinds)));
    }
    return false;
}

struct Documents {
    InputDocuments input;
    bool found_none = true;  // no document that is, or may have been meant as, one of ours
};

Documents read_documents(const std::vector<Source>& sources, Diagnostics& diagnostics) {
    Documents out;
    for (const Source& source : sources) {
        const auto file = std::make_shared<const std::string>(source.name);
        const std::size_t before = diagnostics.all().size();
        std::vector<Node> documents = read_yaml(file, source.text, diagnostics);
        if (diagnostics.all().size() != before) out.found_none = false;
        for (Node& document : documents) {
            if (!check_envelope(document, diagnostics)) {
                if (document.find("kind") == nullptr) out.found_none = false;  // reported
                continue;
            }
            out.found_none = false;
            if (document.find("kind")->scalar != kGateway) {
                out.input.flex.push_back(std::move(document));
                continue;
            }
            if (out.input.gateway) {
                const Position& first = out.input.gateway->position;
                diagnostics.error(document.position,
                                  "a second Gateway document, the first is in " + *first.file +
                                      ":" + std::to_string(first.line),
                                  "exactly one in all files together");
                continue;
            }
            out.input.gateway = std::move(document);
        }
    }
    return out;
}

// A value that could not be expanded is wrong in the eyes of whoever reads it, too: once is enough.
// The expansion's own mistakes are those of `into` from `from` on.
void add_unless_known(const Diagnostics& more, std::size_t from, Diagnostics& into) {
    const bool mistaken = into.has_errors();  // then warnings would only distract
    std::set<std::pair<uint32_t, uint32_t>> known;
    for (std::size_t i = from; i < into.all().size(); ++i)
        known.emplace(into.all()[i].position.line, into.all()[i].position.column);
    std::set<std::string> told;  // one setting may be compiled for several routes
    for (const Diagnostic& d : more.all()) {
        if (!told.insert(to_text(d)).second) continue;
        if (d.severity == Severity::warning && !mistaken)
            into.warning(d.position, d.message, d.expected);
        else if (d.severity == Severity::error &&
                 !known.contains({d.position.line, d.position.column}))
            into.error(d.position, d.message, d.expected, d.nearest);
    }
}

void note(Loaded& loaded, const std::string& path, const Digest& content) {
    for (const SeenFile& file : loaded.seen)
        if (file.path == path) return;
    loaded.files.push_back(path);
    loaded.seen.push_back({path, content});
}

void load_into(Loaded& loaded, const std::vector<Source>& sources, uint64_t generation,
               const Environment& environment) {
    Diagnostics& diagnostics = loaded.diagnostics;
    Documents documents = read_documents(sources, diagnostics);
    if (documents.found_none && !diagnostics.has_errors())
        diagnostics.error(
            {sources.empty() ? nullptr : std::make_shared<const std::string>(sources[0].name), 0,
             0},
            "no document of kind Gateway", "one, or ApiInstances");
    InputDocuments& input = documents.input;
    if (!input.gateway && input.flex.empty()) return;

    const std::size_t before = diagnostics.all().size();
    Digest digest;
    for (const Source& source : sources) digest.add(source.text);
    const auto expand_one = [&](Node& document) {
        for (const ReadFile& file : expand(document, environment, diagnostics)) {
            if (file.text) digest.add(*file.text);
            note(loaded, file.path, file.text ? digest_of(file.text) : content_of(file.path));
        }
    };
    if (input.gateway) expand_one(*input.gateway);
    for (Node& document : input.flex) expand_one(document);
    NamedFiles named;
    Diagnostics compiling;
    loaded.configuration = compile(input, generation, or_process(environment), named, compiling);
    if (!named.seen().empty()) digest.add(named.content().hex());
    for (const SeenFile& file : named.seen()) note(loaded, file.path, file.content);
    add_unless_known(compiling, before, diagnostics);
    if (diagnostics.has_errors())
        loaded.configuration.reset();
    else
        loaded.configuration->digest = digest.hex().substr(0, 16);
}

}  // namespace

Loaded load(const std::vector<std::string>& paths, uint64_t generation,
            const Environment& environment) {
    Loaded loaded;
    const std::vector<std::string> files = list_files(paths, loaded.diagnostics);
    std::vector<Source> sources = read_sources(files, loaded.diagnostics);
    for (const Source& source : sources) note(loaded, source.name, digest_of(source.text));
    for (const std::string& file : files) note(loaded, file, content_of(file));  // the unreadable
    if (auto text = or_process(environment)("FLEX_CONFIG"); text && !text->empty())
        sources.push_back({"<FLEX_CONFIG>", std::move(*text)});
    load_into(loaded, sources, generation, environment);
    return loaded;
}

Loaded load_sources(const std::vector<Source>& sources, uint64_t generation,
                    const Environment& environment) {
    Loaded loaded;
    load_into(loaded, sources, generation, environment);
    return loaded;
}

}  // namespace glassgate::config
