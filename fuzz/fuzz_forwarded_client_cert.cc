// An X-Forwarded-Client-Cert value: parsing any bytes ends, and an element we write from them is
// one element again, whatever is in its names.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "http/forwarded_client_cert.h"

namespace {

using namespace glassgate::http;

void expect(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "violated: %s\n", what);
    std::abort();
}

void check_writing(const ClientCertElement& element) {
    ClientCertElement ours = element;
    ours.cert = url_encoded(element.cert);
    ours.chain = url_encoded(element.chain);
    const std::string text = client_cert_element_text(ours, {true, true, true, true, true});
    for (const char c : text) expect(c >= ' ' && c <= '~', "printable ASCII only");
    const auto again = parse_forwarded_client_cert(text);
    expect(again && again->size() == 1, "one element stays one element");
    expect(again->front().cert == ours.cert, "the certificate stays");
    expect(again->front().uris.size() <= ours.uris.size(), "no name is made up");
    const auto appended = forwarded_client_cert(ClientCertForwarding::append_forward, text, text);
    const auto both = parse_forwarded_client_cert(*appended);
    expect(both && both->size() == 2, "appending adds one");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    if (const auto elements = parse_forwarded_client_cert(bytes))
        for (const ClientCertElement& element : *elements) check_writing(element);
    ClientCertElement raw;
    raw.by = raw.hash = raw.cert = raw.subject = bytes;
    raw.uris = raw.dns_names = {bytes, "spiffe://a/b"};
    check_writing(raw);
    return 0;
}
