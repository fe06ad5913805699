// For tests: a session and what its listener was told, two of them wired together, and frames made
// by hand.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/h2/session.h"
#include "http/h2/write_head.h"

namespace glassgate::http::h2 {

inline constexpr uint64_t kTestNow = 1000 * kNsPerSecond;

// What happened to one stream.
struct Seen {
    Stream* stream = nullptr;  // null once released
    std::string head_text;
    RequestHead request;
    ResponseHead response;
    ParseError error = ParseError::none;
    std::vector<unsigned> interims;
    std::string body;
    std::string trailers;
    bool ended = false;
    bool closed = false;
    unsigned sent = 0;
    StreamEnd end;
};

// Takes what comes at once, unless told to hold.
class Recorder final : public Listener {
public:
    std::map<StreamId, std::unique_ptr<Seen>> streams;
    bool hold = false;    // leaves bodies unread
    bool release = true;  // gives streams back when they close
    bool refuse = true;   // resets streams whose head is malformed
    std::function<void(Stream&)> when_head, when_sent, when_end, when_data;
    std::vector<ErrorCode> goaways;
    StreamId goaway_last = -1;
    unsigned settings = 0, pongs = 0;
    Session* session = nullptr;

    Seen& of(StreamId id) {
        auto& seen = streams[id];
        if (!seen) seen = std::make_unique<Seen>();
        return *seen;
    }
    void on_head(Stream& stream) override {
        Seen& seen = of(stream.id());
        seen.stream = &stream;
        seen.error = session->role() == Role::server
                         ? session->read_request(stream, seen.request, seen.head_text)
                         : session->read_response(stream, seen.response, seen.head_text);
        seen.ended = stream.ended();
        if (seen.error != ParseError::none && refuse) {
            session->reset(stream, ErrorCode::protocol_error);
            return;
        }
        if (when_head) when_head(stream);
    }
    void on_interim(Stream& stream) override {
        ResponseHead head;
        std::string text;
        (void)session->read_response(stream, head, text);
        of(stream.id()).interims.push_back(head.status);
    }
    void on_data(Stream& stream) override {
        if (when_data) when_data(stream);
        if (!hold) take(stream);
    }
    void on_end(Stream& stream) override {
        Seen& seen = of(stream.id());
        seen.ended = true;
        seen.trailers = stream.trailers();
        if (when_end) when_end(stream);
    }
    void on_sent(Stream& stream) override {
        ++of(stream.id()).sent;
        if (when_sent) when_sent(stream);
    }
    void on_closed(Stream& stream) override {
        Seen& seen = of(stream.id());
        seen.closed = true;
        seen.end = stream.end();
        if (!release) return;
        if (!hold) take(stream);
        session->release(stream);
        seen.stream = nullptr;
    }
    void on_goaway(ErrorCode code, StreamId last, std::string_view) override {
        goaways.push_back(code);
        goaway_last = last;
    }
    void on_settings() override { ++settings; }
    void on_pong() override { ++pongs; }

    void take(Stream& stream) {
        while (!stream.received().empty()) {
            of(stream.id()).body.append(stream.received());
            session->consume(stream, stream.received().size());
        }
    }
};

struct Peer {
    io::BufferPool buffers;
    Context context{buffers};
    Recorder seen;
    uint64_t now_ns = kTestNow;
    std::unique_ptr<Session> session;

    explicit Peer(Role role, const Limits& limits = {}) {
        session = std::make_unique<Session>(context, role, limits, seen, now_ns);
        seen.session = session.get();
    }
    [[nodiscard]] std::string output(std::size_t room = 64 * 1024) {
        std::string out;
        std::string piece(room, '\0');
        while (const std::size_t n = session->pull(piece.data(), room, now_ns))
            out.append(piece, 0, n);
        return out;
    }
    bool feed(std::string_view bytes) { return session->feed(bytes, now_ns); }
};

// A client and a server, and the bytes between them.
struct Wire {
    Peer client, server;
    explicit Wire(const Limits& server_limits = {}, const Limits& client_limits = {})
        : client(Role::client, client_limits), server(Role::server, server_limits) {}
    // Until nobody has anything more to say.
    void run(std::size_t step = SIZE_MAX) {
        for (int turns = 0; turns < 10000; ++turns) {
            const std::string up = client.output();
            carry(up, server, step);
            const std::string down = server.output();
            carry(down, client, step);
            if (up.empty() && down.empty()) return;
        }
    }
    static void carry(std::string_view bytes, Peer& to, std::size_t step) {
        while (!bytes.empty()) {
            const std::string_view piece = bytes.substr(0, step);
            (void)to.feed(piece);
            bytes.remove_prefix(piece.size());
        }
    }
};

// ---- frames by hand -----------------------------------------------------------------------------

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline constexpr uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4, kPadded = 8;

inline std::string frame(FrameType type, uint8_t flags, uint32_t stream,
                         std::string_view payload = {}) {
    std::string out;
    const auto put = [&](std::size_t value, int bytes) {
        for (int i = bytes; i-- > 0;) out.push_back(static_cast<char>(value >> (8 * i)));
    };
    put(payload.size(), 3);
    put(static_cast<uint8_t>(type), 1);
    put(flags, 1);
    put(stream, 4);
    return out.append(payload);
}
inline std::string u32(uint32_t value) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
    return out;
}
inline std::string settings_frame() { return frame(FrameType::settings, 0, 0); }
inline std::string client_start() { return std::string(kPreface) + settings_frame(); }

// HPACK: a literal without indexing, new name, no Huffman (RFC 7541 §6.2.2).
inline std::string hpack_number(std::size_t value, unsigned bits) {
    const std::size_t most = (std::size_t{1} << bits) - 1;
    if (value < most) return {static_cast<char>(value)};
    std::string out{static_cast<char>(most)};
    for (value -= most; value >= 128; value /= 128)
        out.push_back(static_cast<char>(value % 128 + 128));
    out.push_back(static_cast<char>(value));
    return out;
}
inline std::string hpack_literal(std::string_view name, std::string_view value) {
    std::string out(1, '\0');
    out += hpack_number(name.size(), 7);
    out += name;
    out += hpack_number(value.size(), 7);
    return out.append(value);
}
using Pairs = std::vector<std::pair<std::string, std::string>>;
inline std::string block(const Pairs& fields) {
    std::string out;
    for (const auto& [name, value] : fields) out += hpack_literal(name, value);
    return out;
}
inline Pairs get_fields(std::string path = "/") {
    return {{":method", "GET"},
            {":scheme", "http"},
            {":authority", "a.example"},
            {":path", std::move(path)}};
}
inline std::string headers_frame(uint32_t stream, const Pairs& fields, bool end = true) {
    const auto flags = static_cast<uint8_t>(kEndHeaders | (end ? kEndStream : 0));
    return frame(FrameType::headers, flags, stream, block(fields));
}

struct RawFrame {
    FrameType type;
    uint8_t flags;
    uint32_t stream;
    std::string payload;
    [[nodiscard]] uint32_t code() const {  // of RST_STREAM and GOAWAY
        const std::size_t at = type == FrameType::goaway ? 4 : 0;
        uint32_t value = 0;
        for (std::size_t i = 0; i < 4; ++i)
            value = value << 8 | static_cast<uint8_t>(payload.at(at + i));
        return value;
    }
};
inline std::vector<RawFrame> frames_of(std::string_view bytes) {
    if (bytes.starts_with(kPreface)) bytes.remove_prefix(kPreface.size());
    std::vector<RawFrame> out;
    while (bytes.size() >= 9) {
        const auto byte = [&](std::size_t i) { return static_cast<uint8_t>(bytes[i]); };
        const std::size_t length = static_cast<std::size_t>(byte(0)) << 16 | byte(1) << 8 | byte(2);
        const uint32_t stream = static_cast<uint32_t>(byte(5)) << 24 |
                                static_cast<uint32_t>(byte(6)) << 16 |
                                static_cast<uint32_t>(byte(7)) << 8 | byte(8);
        out.push_back({static_cast<FrameType>(byte(3)), byte(4), stream,
                       std::string(bytes.substr(9, length))});
        bytes.remove_prefix(std::min(bytes.size(), 9 + length));
    }
    return out;
}
inline const RawFrame* find_frame(const std::vector<RawFrame>& frames, FrameType type,
                                  uint32_t stream) {
    for (const RawFrame& f : frames)
        if (f.type == type && f.stream == stream) return &f;
    return nullptr;
}

// ---- simple heads -------------------------------------------------------------------------------

struct RequestFields : FieldList {
    explicit RequestFields(std::string_view method = "GET", std::string_view path = "/") {
        add(":method", method);
        add(":scheme", "http");
        add(":authority", "a.example");
        add(":path", path);
    }
};
struct ResponseFields : FieldList {
    explicit ResponseFields(std::string_view status = "200") { add(":status", status); }
};

}  // namespace glassgate::http::h2
