#include "config/flex/other_kinds.h"

#include <map>

#include "http/base64.h"

namespace glassgate::config::flex {
namespace {

std::string decoded(const Node& node, std::string_view key, Diagnostics& diagnostics) {
    std::string text, pem;
    for (const char c : node.scalar)
        if (c != '\n' && c != '\r' && c != ' ') text += c;
    if (node.kind == Node::Kind::scalar && http::decode_base64(text, pem) &&
        pem.find("-----BEGIN ") != std::string::npos)
        return pem;
    diagnostics.error(node.position, std::string(key) + " of a Secret is not PEM in base64",
                      "the output of: base64 -w0 FILE.pem");
    return {};
}

}  // namespace

void check_extensions(const Documents& documents, Diagnostics& diagnostics) {
    for (const Document& document : documents.all()) {
        if (document.kind != Kind::extension) continue;
        Fields fields(*document.spec, diagnostics, "spec of an Extension");
        const Node* const extends = fields.require("extends");
        for (const Node& item : items_of(extends, "extends", diagnostics)) {
            Fields base(item, diagnostics, "extends");
            (void)read_reference(base, document.space);
        }
        for (const std::string_view key :
             {"properties", "required", "type", "metadata", "config", "title", "description"})
            (void)fields.has(key);  // for whoever edits policies; bindings are checked by us
    }
}

void check_secrets(const Documents& documents, Diagnostics& diagnostics) {
    for (const Document& document : documents.all()) {
        if (document.kind != Kind::secret) continue;
        Fields fields(*document.spec, diagnostics, "spec of a Secret");
        const Node* const tls = fields.require("tls");
        if (tls == nullptr) continue;
        Fields pair(*tls, diagnostics, "tls of a Secret");
        for (const std::string_view key : {"crt", "key"})
            if (const Node* const node = pair.require(key)) (void)decoded(*node, key, diagnostics);
        (void)pair.has("ca");
    }
}

std::string secret_pem(const Document& secret, std::string_view key) {
    Diagnostics ignored;  // check_secrets has reported them
    const Node* const tls = secret.spec->find("tls");
    const Node* const node = tls != nullptr ? tls->find(key) : nullptr;
    return node != nullptr ? decoded(*node, key, ignored) : std::string();
}

std::vector<Contract> read_contracts(const Documents& documents, Diagnostics& diagnostics) {
    std::vector<Contract> out;
    std::map<std::pair<const Document*, std::string>, Position> known;
    for (const Document& document : documents.all()) {
        if (document.kind != Kind::contract) continue;
        Contract contract;
        Fields fields(*document.spec, diagnostics, "spec of a Contract");
        const Node* const api = fields.require("apiId");
        const std::string api_name = read_name(fields, "apiId", {});
        (void)fields.has("sla");
        const Node* const client = fields.require("client");
        Fields credentials(or_empty(client), diagnostics, "client of a Contract");
        const Node* const id = client != nullptr ? credentials.require("id") : nullptr;
        contract.client_id = read_name(credentials, "id", {});
        contract.client_secret = credentials.text("secret");
        (void)credentials.text("name");
        if (client != nullptr) (void)credentials.require("secret");
        if (api == nullptr || api_name.empty() || id == nullptr || contract.client_id.empty())
            continue;
        contract.api = documents.find(Kind::api_instance, document.space, api_name);
        if (contract.api == nullptr) {
            diagnostics.error(api->position,
                              "no ApiInstance " + quote(api_name) + " for a Contract",
                              "the name of one", documents.nearest(Kind::api_instance, api_name));
            continue;
        }
        const auto [first, fresh] =
            known.emplace(std::pair(contract.api, contract.client_id), id->position);
        if (fresh)
            out.push_back(std::move(contract));
        else
            diagnostics.error(id->position, "client " + quote(contract.client_id) +
                                                " has two contracts with one API, first in " +
                                                place(first->second));
    }
    return out;
}

}  // namespace glassgate::config::flex
