// The documents of Flex Gateway's seven kinds, read as far as all kinds are alike: who they are.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/document.h"

namespace glassgate::config::flex {

enum class Kind : uint8_t {
    api_instance,
    policy_binding,
    service,
    configuration,
    extension,
    secret,
    contract
};
inline constexpr std::size_t kKindCount = 7;

[[nodiscard]] std::string_view to_text(Kind kind) noexcept;
[[nodiscard]] std::optional<Kind> parse_kind(std::string_view text) noexcept;

inline constexpr std::string_view kDefaultNamespace = "default";

using Labels = std::vector<std::pair<std::string, std::string>>;

struct Document {
    Kind kind = Kind::api_instance;
    std::string name, space;  // metadata.name, metadata.namespace
    Labels labels;
    bool beta = false;           // apiVersion v1beta1
    const Node* spec = nullptr;  // never null: an absent one reads as an empty map
    Position at;                 // of metadata.name, else of the document
};

// "orders", or "shop/orders" outside the default namespace: for labels and messages.
[[nodiscard]] std::string qualified(std::string_view space, std::string_view name);

class Documents {
public:
    // `nodes`: checked for apiVersion and kind, expanded; they outlive this. A name that stands
    // twice in its kind and namespace is reported, and the first one counts.
    static Documents read(const std::vector<Node>& nodes, Diagnostics& diagnostics);

    [[nodiscard]] const std::vector<Document>& all() const noexcept { return all_; }
    [[nodiscard]] const Document* find(Kind kind, std::string_view space,
                                       std::string_view name) const noexcept;
    // The nearest of the names of a kind, for "did you mean".
    [[nodiscard]] std::string nearest(Kind kind, std::string_view name) const;

private:
    std::vector<Document> all_;
};

// A reference by name: the namespace defaults to that of the document it stands in.
struct Reference {
    std::string name, space;
    Position at;  // of the name
    [[nodiscard]] std::string text() const { return qualified(space, name); }
};

// Of a map with name and namespace. Nothing if there is no name, and that is reported.
[[nodiscard]] std::optional<Reference> read_reference(Fields& fields, std::string_view space);

}  // namespace glassgate::config::flex
