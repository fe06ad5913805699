// Record: one fact as the flight recorder keeps it: an exchange, an event, or a connection that was
// refused. What was an exchange is one again when it is read, with redacted texts and a plan of its
// own, so that every projection of exchanges (log line, fields) applies to it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "flight/stored_plan.h"
#include "model/connection.h"
#include "model/event.h"
#include "model/exchange.h"

namespace glassgate::flight {

enum class RecordKind : uint8_t { exchange, event, connection };
inline constexpr std::size_t kRecordKindCount = 3;
// Why it is there.
enum class Kept : uint8_t { error, refused, slow, sampled, event, connection };
inline constexpr std::size_t kKeptCount = 6;
[[nodiscard]] std::string_view to_text(RecordKind kind) noexcept;
[[nodiscard]] std::string_view to_text(Kept kept) noexcept;

inline constexpr uint16_t kNone16 = 0xffff;

// The facts filters ask for most, at a fixed place, as they lie in a file: a scan reads these and
// decodes the rest of a record only when it must.
struct Row {
    uint64_t at_ns = 0;        // wall clock: when it ended, or happened
    uint64_t lifetime_ns = 0;  // of an exchange: first byte to last
    uint64_t response_bytes = 0;
    uint32_t route = model::kNone;
    uint32_t detail = 0;  // where the rest begins, in its block
    uint16_t status = 0;
    uint16_t pattern = 0;
    uint16_t listener = 0;
    uint16_t attempts = 0;
    uint16_t plan = 0;  // of the block's
    // Texts of the block's table.
    uint16_t path = 0, client_id = 0, remote_address = 0, host = 0;
    uint16_t upstream = kNone16;  // of the last attempt
    RecordKind kind = RecordKind::exchange;
    Kept kept = Kept::sampled;
    uint8_t ending = 0;
    uint8_t origin = 0;
    uint8_t method = 0;
    uint8_t protocol = 0;
    uint8_t scheme = 0;
    int8_t grpc_status = -1;
    uint8_t event = 0;
    uint8_t level = 0;
    uint8_t stream = 0;
    uint8_t reserved = 0;
};
static_assert(sizeof(Row) == 64 && std::is_trivially_copyable_v<Row>);

struct Record {
    uint64_t sequence = 0;  // of the ring: ascends by one a record, never repeats
    Row row;                // refs of texts are meaningless here
    std::shared_ptr<const StoredPlan> plan = unknown_plan();
    std::string text;          // of the exchange
    model::Exchange exchange;  // kind == exchange
    model::Event event;        // kind == event
    model::Connection connection;

    Record() = default;
    // The exchange points into `text` and at the plan.
    Record(const Record& other) { *this = other; }
    Record(Record&& other) noexcept { *this = std::move(other); }
    Record& operator=(const Record& other);
    Record& operator=(Record&& other) noexcept;
    ~Record() = default;
    void attach() noexcept {
        exchange.text = text.data();
        exchange.text_size = static_cast<uint32_t>(text.size());
        exchange.names = &plan->names;
    }
};

// request.id as the log line has it; empty for events and connections.
[[nodiscard]] std::string_view request_id_of(const Record& record, std::string& scratch);

}  // namespace glassgate::flight
