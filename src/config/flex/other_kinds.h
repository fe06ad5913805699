// Extension, Secret and Contract documents.
#pragma once

#include "config/draft.h"
#include "config/flex/document.h"

namespace glassgate::config::flex {

// What may be wrong with each, whether anything uses it or not.
void check_extensions(const Documents& documents, Diagnostics& diagnostics);
void check_secrets(const Documents& documents, Diagnostics& diagnostics);

// The PEM text of a Secret's `key` ("crt" or "key" of spec.tls); empty if there is none, and that
// has been reported.
[[nodiscard]] std::string secret_pem(const Document& secret, std::string_view key);

// A client of an API.
struct Contract {
    std::string client_id, client_secret;
    const Document* api = nullptr;
};
[[nodiscard]] std::vector<Contract> read_contracts(const Documents& documents,
                                                   Diagnostics& diagnostics);

}  // namespace glassgate::config::flex
