// Certificates, keys, revocation lists and names from any bytes: loading ends with objects or with
// problems that can be printed, and facts of what was loaded have no line ends.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "io/tls/certificate_facts.h"
#include "io/tls/distinguished_name.h"
#include "io/tls/pem.h"
#include "io/tls/subject_allow_list.h"

namespace {

using namespace glassgate::io::tls;

void expect(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "violated: %s\n", what);
    std::abort();
}

void expect_line(std::string_view text) {
    expect(text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
           "one line, no NUL");
}

void check_facts(X509* certificate) {
    const CertificateFacts facts = facts_of(certificate);
    expect_line(facts.subject);
    expect_line(facts.issuer);
    for (const auto* list : {&facts.dns_names, &facts.uris, &facts.emails, &facts.ip_addresses})
        for (const std::string& name : *list) expect_line(name);
    (void)describe(facts, 0);
    Problems problems;
    const auto list = SubjectAllowList::compile({"dn:" + facts.subject}, "allow", problems);
    expect(facts.subject_key.empty() || problems.has_errors() || list.allows(facts),
           "a certificate is let in by its own subject");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    const auto* der = data;
    if (const CertificatePtr certificate{d2i_X509(nullptr, &der, static_cast<long>(size))})
        check_facts(certificate.get());
    if (auto canonical = canonical_name(bytes)) expect(!canonical->empty(), "a name of something");
    if (bytes.empty()) return 0;
    const PemSource source{{}, bytes};
    Problems problems;
    const auto certificates = load_certificates(source, "certificate", problems);
    expect(!certificates.empty() || problems.has_errors(), "something, or why not");
    for (const CertificatePtr& certificate : certificates) check_facts(certificate.get());
    (void)load_crls(source, "crl", problems);
    (void)load_key(source, "key", problems);
    SubjectAllowList::compile({bytes}, "allow", problems);
    return 0;
}
