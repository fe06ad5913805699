// Distinguished names as text (RFC 4514), and a form of them that can be compared.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "io/tls/openssl.h"

namespace glassgate::io::tls {

// "CN=payments,O=Secure Bank\, Inc.,C=DE": UTF-8, control characters escaped as \XX, so the text
// has neither line ends nor NUL.
[[nodiscard]] std::string name_text(const X509_NAME* name);

// The same name always as the same bytes, different names as different ones. Attribute types are
// compared as such ("CN", "cn", "2.5.4.3"), values byte by byte after the escapes are taken away,
// the attributes of one multi-valued RDN in any order. The order of the RDNs counts: RFC 4514
// writes the most specific first. An Error says what is wrong with the text.
[[nodiscard]] Result<std::string> canonical_name(std::string_view text);

}  // namespace glassgate::io::tls
