// Destinations outside: how a record or checkpoint is put on the wire, and when it counts as there.
//   syslog://          RFC 5426, a datagram each; sent counts
//   syslog+tcp, +tls   RFC 6587 octet counting, RFC 5425; sent counts
//   relp, relp+tls     acknowledged one by one (rsyslog's RELP, version 0)
// The message is RFC 5424's, with the line as its text and MSGID "record" or "checkpoint".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "audit/settings.h"
#include "audit/wire.h"
#include "base/result.h"

namespace glassgate::audit {

enum class Protocol : uint8_t { syslog, relp };

struct Target {
    Protocol protocol = Protocol::syslog;
    Endpoint endpoint;
};
// Of a URL that policy::audit_destination_mistake finds nothing wrong with.
[[nodiscard]] Result<Target> parse_target(std::string_view url);

struct Message {
    std::string_view line;  // without LF
    uint64_t seq = 0;       // of a record; 0: a checkpoint
    uint64_t wall_ns = 0;
    bool failure = false;  // what it tells went wrong: severity warning, else informational
};
struct Sender {
    std::string host, process;  // HOSTNAME and PROCID
};
[[nodiscard]] std::string syslog_message(const Message& message, const Sender& sender);

// One connection. Calls block, with the settings' time limit; after an Error it is of no use.
class Session {
public:
    static Result<std::unique_ptr<Session>> open(const Target& target, const TlsSettings& tls,
                                                 const Sender& sender, uint32_t timeout_ms);
    virtual ~Session() = default;
    virtual Status send(const Message& message) = 0;
    // Everything up to here is there, as far as the protocol tells.
    virtual Status flush() = 0;
    // The last seq that is there, and whether the last checkpoint sent is.
    [[nodiscard]] virtual uint64_t acknowledged() const noexcept = 0;
    // While there is nothing to send: notices that the other side has gone.
    virtual Status idle() = 0;
};

}  // namespace glassgate::audit
