// Writes an audit log for tests of verifiers: FOLDER KEY RECORDS SEGMENT_BYTES [crash]
#include <cstdio>
#include <cstdlib>
#include <string>

#include "audit/log.h"

int main(int argc, char** argv) {
    if (argc < 5) return 2;
    glassgate::audit::LogSettings settings;
    settings.folder = argv[1];
    settings.key_path = argv[2];
    settings.gateway = "securebank-gateway";
    settings.version = "sample";
    settings.segment_bytes = std::strtoull(argv[4], nullptr, 10);
    settings.checkpoint_records = 100;
    const unsigned long long records = std::strtoull(argv[3], nullptr, 10);
    auto log = glassgate::audit::Log::open(settings);
    if (!log) {
        std::fprintf(stderr, "%s\n", log.error().message.c_str());
        return 2;
    }
    const unsigned long long batch = records > 100'000 ? 1000 : 50;
    for (unsigned long long i = 0; i < records; ++i) {
        char body[700];
        std::snprintf(
            body, sizeof body,
            "\"type\":\"%s\",\"request.id\":\"%032llx\",\"request.timestamp\":"
            "\"2026-11-27T09:14:22.123Z\",\"request.method\":\"POST\",\"request.path\":"
            "\"/v1/payments/%llu\",\"request.remoteAddress\":\"192.0.2.%llu\",\"route.id\":"
            "\"payments-api\",\"client.id\":\"shop-%llu\",\"jwt.sub\":\"alice\",\"jwt.org_id\":"
            "\"merchant-7\",\"tls.clientCertSubject\":\"CN=shop,O=Shop \\\"GmbH\\\"\","
            "\"response.status\":201,\"response.duration_ms\":4.213,\"response.ending\":"
            "\"completed\"",
            i % 2 == 0 ? "request.opened" : "request.closed", i / 2, i / 2, i % 250, i % 7);
        (*log)->append(body);
        if (i % batch == batch - 1 && !(*log)->commit(true)) return 2;
    }
    if (argc > 5) return (*log)->commit(true) ? 0 : 2;  // without a word, as a crash
    return (*log)->close() ? 0 : 2;
}
