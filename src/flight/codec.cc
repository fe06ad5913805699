#include "flight/codec.h"

#include <cstring>
#include <mutex>
#include <set>

#include "store/codec/bits.h"

namespace glassgate::flight {
namespace {

using model::Attempt;
using model::Connection;
using model::Event;
using model::Exchange;
using model::PolicyStep;
using model::TextRef;
using store::ByteReader;
using store::put_u64;
using store::put_u8;
using store::put_varint;
using store::put_zigzag;

// Monotonic times are kept as distances from the first byte; read again they count from here.
constexpr uint64_t kOpenedNs = uint64_t{1} << 60;

// --- texts ---------------------------------------------------------------------------------------

struct InlineTexts {
    std::string& out;
    void put(std::string_view text) { store::put_text(out, text); }
};
struct TableTexts {
    std::string& out;
    TextTable& table;
    void put(std::string_view text) { put_varint(out, table.number(text)); }
};
struct InlineReader {
    ByteReader& in;
    std::string_view get() { return in.text(); }
};
struct TableReader {
    ByteReader& in;
    const TextView& table;
    std::string_view get() {
        const uint64_t number = in.varint_up_to(kNone16);
        if (number >= table.size()) {
            in.fail();
            return {};
        }
        return table[static_cast<uint16_t>(number)];
    }
};

// Keys of events have static storage in the process that made them; here they get it again. There
// are few; a file that has many names them all the same.
std::string_view interned(std::string_view key) {
    static std::mutex mutex;
    static std::set<std::string, std::less<>> keys;
    const std::lock_guard lock(mutex);
    auto found = keys.find(key);
    if (found == keys.end()) {
        if (keys.size() >= 1000) return "attribute";
        found = keys.emplace(key).first;
    }
    return *found;
}

// --- one list of fields for both directions ------------------------------------------------------

template <typename Texts>
struct Writer {
    std::string& out;
    Texts texts;
    const Exchange* exchange = nullptr;

    template <typename T>
    void number(const T& value) {
        put_varint(out, static_cast<uint64_t>(value));
    }
    template <typename T>
    void index(const T& value) {  // kNone is 0
        put_varint(out, value == model::kNone ? 0 : uint64_t{value} + 1);
    }
    void flag(bool value) { put_u8(out, value ? 1 : 0); }
    template <typename Id>
    void id(const Id& value) {
        out.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
    }
    void text(const TextRef& ref) { texts.put(exchange->str(ref)); }
    void time(const uint64_t& at_ns) {
        put_varint(out, at_ns == 0
                            ? 0
                            : store::zigzag(static_cast<int64_t>(at_ns - exchange->opened_ns)) + 1);
    }
    template <typename E>
    void choice(const E& value, std::size_t) {
        put_u8(out, static_cast<uint8_t>(value));
    }
    template <typename List>
    std::size_t count(const List& list) {
        put_varint(out, list.size());
        return list.size();
    }
    bool ok() const { return true; }
};

template <typename Texts>
struct Reader {
    ByteReader& in;
    Texts texts;
    std::string& text_bytes;

    template <typename T>
    void number(T& value) {
        value = static_cast<T>(in.varint_up_to(std::numeric_limits<T>::max()));
    }
    template <typename T>
    void index(T& value) {
        const uint64_t v = in.varint_up_to(UINT32_MAX);
        value = v == 0 ? model::kNone : static_cast<T>(v - 1);
    }
    void flag(bool& value) { value = in.u8() != 0; }
    template <typename Id>
    void id(Id& value) {
        const std::string_view bytes = in.bytes(value.bytes.size());
        if (!bytes.empty()) std::memcpy(value.bytes.data(), bytes.data(), bytes.size());
    }
    void text(TextRef& ref) {
        const std::string_view bytes = texts.get();
        ref = {static_cast<uint32_t>(text_bytes.size()), static_cast<uint32_t>(bytes.size())};
        if (text_bytes.size() + bytes.size() > kEntryTextMax) {
            in.fail();
            return;
        }
        text_bytes += bytes;
    }
    void time(uint64_t& at_ns) {
        const uint64_t v = in.varint();
        at_ns = v == 0 ? 0 : kOpenedNs + static_cast<uint64_t>(store::unzigzag(v - 1));
    }
    template <typename E>
    void choice(E& value, std::size_t count) {
        const uint8_t v = in.u8();
        if (v >= count)
            in.fail();
        else
            value = static_cast<E>(v);
    }
    template <typename List>
    std::size_t count(List& list) {
        const uint64_t size = in.varint_up_to(list.capacity());
        list.clear();
        for (uint64_t i = 0; i < size; ++i) list.push_back({});
        return size;
    }
    bool ok() const { return in.ok(); }

    static constexpr std::size_t kEntryTextMax = 1u << 20;
};

template <typename Archive, typename A>
void attempt_fields(Archive& a, A& attempt) {
    a.index(attempt.upstream);
    a.index(attempt.target);
    a.id(attempt.span_id);
    a.text(attempt.address);
    a.time(attempt.start_ns);
    a.time(attempt.connected_ns);
    a.time(attempt.first_byte_ns);
    a.time(attempt.end_ns);
    a.number(attempt.status);
    a.choice(attempt.result, model::kAttemptResultCount);
    a.flag(attempt.reused);
}

template <typename Archive, typename S>
void step_fields(Archive& a, S& step) {
    a.index(step.policy);
    a.number(step.reason);
    a.choice(step.verdict, 2);
    a.number(step.elapsed_ns);
}

// Everything of an exchange that the row has not.
template <typename Archive, typename X>
void exchange_fields(Archive& a, X& x) {
    a.id(x.trace_id);
    a.id(x.span_id);
    a.id(x.parent_span_id);
    a.flag(x.sampled);
    a.flag(x.request_id_is_trace_id);
    a.text(x.request_id);
    for (auto* const text :
         {&x.method_text, &x.query, &x.user_agent, &x.client_name, &x.tls_version, &x.tls_cipher,
          &x.tls_client_cert_subject, &x.tls_client_cert_serial, &x.tls_client_cert_san,
          &x.tls_client_cert_fingerprint, &x.tls_server_name, &x.detail})
        a.text(*text);
    a.number(x.remote_port);
    a.number(x.request_bytes);
    a.time(x.head_received_ns);
    a.time(x.request_sent_ns);
    a.time(x.response_head_ns);
    a.number(x.quota_limit);
    a.number(x.quota_current);
    a.number(x.quota_period_s);
    const std::size_t attempts = a.count(x.attempts);
    for (std::size_t i = 0; i < attempts && a.ok(); ++i) attempt_fields(a, x.attempts[i]);
    const std::size_t steps = a.count(x.policies);
    for (std::size_t i = 0; i < steps && a.ok(); ++i) step_fields(a, x.policies[i]);
}

// Captures: how many slots are written, then each.
template <typename Texts>
void put_captures(Writer<Texts>& a, const Exchange& x) {
    std::size_t used = model::kMaxCaptures;
    while (used > 0 && x.captures[used - 1].empty()) --used;
    put_varint(a.out, used);
    for (std::size_t i = 0; i < used; ++i) a.text(x.captures[i]);
}

template <typename Texts>
void get_captures(Reader<Texts>& a, Exchange& x) {
    const uint64_t used = a.in.varint_up_to(model::kMaxCaptures);
    for (std::size_t i = 0; i < used && a.ok(); ++i) a.text(x.captures[i]);
}

Row row_of(const Exchange& x, Kept kept) noexcept {
    Row row;
    row.lifetime_ns = x.closed_ns > x.opened_ns ? x.lifetime_ns() : 0;
    row.at_ns = x.opened_wall_ns + row.lifetime_ns;
    row.response_bytes = x.response_bytes;
    row.route = x.route;
    row.status = x.status;
    row.pattern = static_cast<uint16_t>(x.pattern);
    row.listener = static_cast<uint16_t>(x.listener);
    row.attempts = static_cast<uint16_t>(std::min<uint32_t>(x.attempt_count, kNone16));
    if (!x.attempts.empty() && x.attempts.back().upstream < kNone16)
        row.upstream = static_cast<uint16_t>(x.attempts.back().upstream);
    row.kind = RecordKind::exchange;
    row.kept = kept;
    row.ending = static_cast<uint8_t>(x.ending);
    row.origin = static_cast<uint8_t>(x.origin);
    row.method = static_cast<uint8_t>(x.method);
    row.protocol = static_cast<uint8_t>(x.protocol);
    row.scheme = static_cast<uint8_t>(x.scheme);
    row.grpc_status = x.grpc_status;
    row.stream = static_cast<uint8_t>(x.stream);
    return row;
}

void apply_row(const Row& row, Exchange& x) noexcept {
    x.opened_wall_ns = row.at_ns - row.lifetime_ns;
    x.opened_ns = kOpenedNs;
    x.closed_ns = kOpenedNs + row.lifetime_ns;
    x.response_bytes = row.response_bytes;
    x.route = row.route;
    x.status = row.status;
    x.pattern = row.pattern;
    x.listener = row.listener;
    x.attempt_count = row.attempts;
    x.ending = static_cast<model::Ending>(row.ending);
    x.origin = static_cast<model::Origin>(row.origin);
    x.method = static_cast<Method>(row.method);
    x.protocol = static_cast<model::Protocol>(row.protocol);
    x.scheme = static_cast<model::Scheme>(row.scheme);
    x.grpc_status = row.grpc_status;
    x.grpc = row.grpc_status >= 0;
    x.stream = static_cast<model::StreamKind>(row.stream);
}

template <typename Texts>
void put_event(std::string& out, Texts texts, const Event& event) {
    put_varint(out, event.count);
    put_varint(out, event.attributes.size());
    for (const model::EventAttribute& attribute : event.attributes) {
        texts.put(attribute.key);
        put_u8(out, attribute.is_number ? 1 : 0);
        if (attribute.is_number)
            put_zigzag(out, attribute.number);
        else
            texts.put(event.str(attribute));
    }
}

template <typename Texts>
void get_event(ByteReader& in, Texts texts, const Row& row, Event& event) {
    event = Event(static_cast<model::EventKind>(row.event), row.at_ns);
    event.level = static_cast<model::Level>(row.level);
    event.count = in.varint();
    const uint64_t count = in.varint_up_to(event.attributes.capacity());
    for (uint64_t i = 0; i < count && in.ok(); ++i) {
        const std::string_view key = interned(texts.get());
        if (in.u8() != 0)
            event.with(key, in.zigzag());
        else
            event.with(key, texts.get());
    }
}

template <typename Texts>
void put_connection(std::string& out, Texts texts, const Connection& c) {
    for (const char* const text : {&c.listener_name[0], &c.peer[0], &c.reason[0], &c.detail[0]})
        texts.put(text);
    put_varint(out, c.exchanges);
}

void copy_text(std::string_view from, char* to, std::size_t size) noexcept {
    const std::size_t length = std::min(from.size(), size - 1);
    std::memcpy(to, from.data(), length);
    to[length] = '\0';
}

template <typename Texts>
void get_connection(ByteReader& in, Texts texts, const Row& row, Connection& c) {
    c = Connection{};
    copy_text(texts.get(), c.listener_name, sizeof c.listener_name);
    copy_text(texts.get(), c.peer, sizeof c.peer);
    copy_text(texts.get(), c.reason, sizeof c.reason);
    copy_text(texts.get(), c.detail, sizeof c.detail);
    c.exchanges = in.varint();
    c.listener = row.listener;
    c.ending = static_cast<model::ConnectionEnding>(row.ending);
    c.opened_wall_ns = row.at_ns - row.lifetime_ns;
    c.opened_ns = kOpenedNs;
    c.closed_ns = kOpenedNs + row.lifetime_ns;
}

void put_head(std::string& out, const Row& row, uint64_t key) {
    put_u64(out, key);
    out.append(reinterpret_cast<const char*>(&row), sizeof row);
}

}  // namespace

// --- entries -------------------------------------------------------------------------------------

void encode_entry(const Exchange& x, Kept kept, uint64_t key, std::string& out) {
    put_head(out, row_of(x, kept), key);
    InlineTexts texts{out};
    for (const TextRef ref : {x.path, x.client_id, x.remote_address, x.host}) texts.put(x.str(ref));
    Writer<InlineTexts> writer{out, texts, &x};
    exchange_fields(writer, x);
    put_captures(writer, x);
}

void encode_entry(const Event& event, uint64_t key, std::string& out) {
    Row row;
    row.kind = RecordKind::event;
    row.kept = Kept::event;
    row.at_ns = event.wall_ns;
    row.event = static_cast<uint8_t>(event.kind);
    row.level = static_cast<uint8_t>(event.level);
    put_head(out, row, key);
    put_event(out, InlineTexts{out}, event);
}

void encode_entry(const Connection& c, uint64_t key, std::string& out) {
    Row row;
    row.kind = RecordKind::connection;
    row.kept = Kept::connection;
    row.lifetime_ns = c.closed_ns > c.opened_ns ? c.closed_ns - c.opened_ns : 0;
    row.at_ns = c.opened_wall_ns + row.lifetime_ns;
    row.listener = static_cast<uint16_t>(c.listener);
    row.ending = static_cast<uint8_t>(c.ending);
    put_head(out, row, key);
    put_connection(out, InlineTexts{out}, c);
}

bool decode_entry(std::string_view bytes, Record& record, uint64_t& key) {
    ByteReader in(bytes);
    key = in.u64();
    const std::string_view head = in.bytes(sizeof(Row));
    if (!in.ok()) return false;
    std::memcpy(&record.row, head.data(), sizeof(Row));
    if (!sound(record.row)) return false;
    InlineReader texts{in};
    record.text.clear();
    if (record.row.kind == RecordKind::event) {
        get_event(in, texts, record.row, record.event);
    } else if (record.row.kind == RecordKind::connection) {
        get_connection(in, texts, record.row, record.connection);
    } else {
        Exchange& x = record.exchange = Exchange{};
        apply_row(record.row, x);
        Reader<InlineReader> reader{in, texts, record.text};
        for (TextRef* const ref : {&x.path, &x.client_id, &x.remote_address, &x.host})
            reader.text(*ref);
        exchange_fields(reader, x);
        get_captures(reader, x);
    }
    record.attach();
    return in.ok();
}

// --- details -------------------------------------------------------------------------------------

void encode_detail(const Record& record, TextTable& table, Row& row, std::string& out) {
    row = record.row;
    row.detail = static_cast<uint32_t>(out.size());
    row.path = row.client_id = row.remote_address = row.host = 0;
    TableTexts texts{out, table};
    if (row.kind == RecordKind::event) return put_event(out, texts, record.event);
    if (row.kind == RecordKind::connection) return put_connection(out, texts, record.connection);
    const Exchange& x = record.exchange;
    row.path = table.number(x.str(x.path));
    row.client_id = table.number(x.str(x.client_id));
    row.remote_address = table.number(x.str(x.remote_address));
    row.host = table.number(x.str(x.host));
    Writer<TableTexts> writer{out, texts, &x};
    exchange_fields(writer, x);
    put_captures(writer, x);
}

bool decode_detail(const Row& row, std::string_view details, const TextView& table,
                   Record& record) {
    if (!sound(row) || row.detail > details.size()) return false;
    ByteReader in(details.substr(row.detail));
    TableReader texts{in, table};
    record.row = row;
    record.text.clear();
    if (row.kind == RecordKind::event) {
        get_event(in, texts, row, record.event);
    } else if (row.kind == RecordKind::connection) {
        get_connection(in, texts, row, record.connection);
    } else {
        Exchange& x = record.exchange = Exchange{};
        apply_row(row, x);
        const auto take = [&](TextRef& ref, uint16_t number) {
            const std::string_view text = table[number];
            ref = {static_cast<uint32_t>(record.text.size()), static_cast<uint32_t>(text.size())};
            record.text += text;
        };
        take(x.path, row.path);
        take(x.client_id, row.client_id);
        take(x.remote_address, row.remote_address);
        take(x.host, row.host);
        Reader<TableReader> reader{in, texts, record.text};
        exchange_fields(reader, x);
        get_captures(reader, x);
    }
    record.attach();
    return in.ok();
}

bool sound(const Row& row) noexcept {
    if (static_cast<std::size_t>(row.kind) >= kRecordKindCount ||
        static_cast<std::size_t>(row.kept) >= kKeptCount)
        return false;
    if (row.kind == RecordKind::event)
        return row.event < model::kEventKindCount &&
               row.level <= static_cast<uint8_t>(model::Level::error);
    if (row.lifetime_ns > row.at_ns || row.lifetime_ns >= kOpenedNs) return false;
    if (row.kind == RecordKind::connection) return row.ending < model::kConnectionEndingCount;
    return row.ending < model::kEndingCount && row.origin < model::kOriginCount &&
           row.method < kMethodCount && row.protocol <= 3 && row.scheme <= 1 &&
           row.stream < model::kStreamKindCount && row.grpc_status >= -1;
}

}  // namespace glassgate::flight
