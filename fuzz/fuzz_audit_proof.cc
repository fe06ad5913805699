// Any bytes as a proof, a deletion order and a public key: nothing breaks, and nothing is proven,
// since nobody has signed it.
#include <cstdint>
#include <string_view>
#include <vector>

#include "audit/proof.h"
#include "audit/retention.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    using namespace glassgate::audit;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const ProofReport report = check_proof(bytes, {});
    GW_CHECK(!report.wrong.empty());
    if (const auto order = parse_order(bytes)) {
        GW_CHECK(!is_authorised(*order, {}));
        GW_CHECK(parse_order(order_text(*order)).has_value());
    }
    (void)read_public_keys(bytes);
    (void)parse_condition(bytes);
    return 0;
}
