#include "flight/record.h"

#include "telemetry/project/field_value.h"

namespace glassgate::flight {

std::string_view to_text(RecordKind kind) noexcept {
    static constexpr std::string_view kNames[kRecordKindCount] = {"exchange", "event",
                                                                  "connection"};
    return kNames[static_cast<std::size_t>(kind)];
}

std::string_view to_text(Kept kept) noexcept {
    static constexpr std::string_view kNames[kKeptCount] = {"error",   "refused", "slow",
                                                            "sampled", "event",   "connection"};
    return kNames[static_cast<std::size_t>(kept)];
}

namespace {

// Only what the kind uses: the others are large.
void copy_facts(const Record& from, Record& to) {
    to.sequence = from.sequence;
    to.row = from.row;
    if (from.row.kind == RecordKind::exchange)
        to.exchange = from.exchange;
    else if (from.row.kind == RecordKind::event)
        to.event = from.event;
    else
        to.connection = from.connection;
}

}  // namespace

Record& Record::operator=(const Record& other) {
    copy_facts(other, *this);
    plan = other.plan;
    text = other.text;
    attach();
    return *this;
}

Record& Record::operator=(Record&& other) noexcept {
    copy_facts(other, *this);
    plan = other.plan;  // the other one stays whole
    text = std::move(other.text);
    attach();
    return *this;
}

std::string_view request_id_of(const Record& record, std::string& scratch) {
    if (record.row.kind != RecordKind::exchange) return {};
    return telemetry::request_id_of(record.exchange, scratch);
}

}  // namespace glassgate::flight
