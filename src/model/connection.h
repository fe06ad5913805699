// Connection: the record of one accepted socket. A refused one has no exchange but is a fact too.
#pragma once

#include <cstdint>
#include <type_traits>

#include "model/ending.h"

namespace glassgate::model {

struct Connection {
    uint32_t listener = 0;  // index into PlanNames::listeners of the plan that accepted it
    ConnectionEnding ending = ConnectionEnding::client_closed;
    uint64_t opened_wall_ns = 0;
    uint64_t opened_ns = 0;
    uint64_t closed_ns = 0;
    uint64_t exchanges = 0;
    TlsVersion tls = TlsVersion::none;  // of a handshake that came to its end
    bool tls_resumed = false;
    char listener_name[64] = {};  // the same by name, since the plan may be gone; NUL-terminated
    char peer[56] = {};           // "192.0.2.1:52114", "[2001:db8::1]:443"; NUL-terminated
    char reason[48] = {};         // why it was refused: a slug (io/tls/refusal.h); NUL-terminated
    char detail[128] = {};        // the same for people; NUL-terminated
};
static_assert(std::is_trivially_copyable_v<Connection>);

}  // namespace glassgate::model
