// Session: one HTTP/2 connection without its socket (RFC 9113). Bytes in with feed(), bytes out
// with pull(); what they mean is told to a Listener while feed() or pull() runs. No thread, no
// clock, no waiting of its own. The frame layer is nghttp2; what a message may be, which bodies fit
// it, and what a peer is allowed to cost us is decided here.
//
// Flow control reaches to who reads: a stream's body waits in Stream::received() until consume(),
// and only that opens the window again. So a connection never holds more than max_streams windows.
//
// Sending is by reference: send() lends bytes, pull() copies them once, into the output. Streams
// with something to send take turns frame by frame.
//
// Inside a Listener's function everything may be called but feed(), pull(), tick(), lost() and the
// destructor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/h2/context.h"
#include "http/h2/error.h"
#include "http/h2/field_block.h"
#include "http/h2/field_list.h"
#include "http/h2/flood_guard.h"
#include "http/h2/frame_scan.h"
#include "http/h2/limits.h"
#include "http/h2/stream.h"

struct nghttp2_session;

namespace glassgate::http::h2 {

enum class Role : uint8_t { server, client };

// All of a stream's calls come in this order: on_head (a client's: after any on_interim), on_data
// any number of times, on_end at most once, on_closed exactly once unless the user has reset or
// released the stream before. on_sent stands apart.
class Listener {
public:
    // The head is there: read it now, with Session::read_request or read_response. stream.ended()
    // tells whether that was all. On a server's session the stream is new and the user's to keep.
    virtual void on_head(Stream& stream) = 0;
    // A 1xx head; read with Session::read_response.
    virtual void on_interim(Stream& stream) { (void)stream; }
    // More in stream.received().
    virtual void on_data(Stream& stream) = 0;
    // The peer has ended its side, behind its head. stream.trailers() is complete.
    virtual void on_end(Stream& stream) = 0;
    // All of what send() was given has been taken. From pull() only.
    virtual void on_sent(Stream& stream) = 0;
    // The stream is over; stream.end() tells how. It is the user's until release().
    virtual void on_closed(Stream& stream) = 0;

    // The peer takes no further streams: those above `last` were closed as safe to retry.
    virtual void on_goaway(ErrorCode code, StreamId last, std::string_view debug) {
        (void)code, (void)last, (void)debug;
    }
    // The peer's settings are known, or have changed.
    virtual void on_settings() {}
    // The answer to ping().
    virtual void on_pong() {}

protected:
    ~Listener() = default;
};

class Session {
public:
    // Times are mono_now_ns(). A client's session begins with the preface; both with SETTINGS.
    Session(Context& context, Role role, const Limits& limits, Listener& listener, uint64_t now_ns);
    ~Session();  // streams that were not released are gone with it, without a call
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // ---- bytes ----

    // Takes what the peer has sent. False: the connection is over; pull() has the last words.
    [[nodiscard]] bool feed(std::string_view bytes, uint64_t now_ns);
    // Writes up to `bytes` bytes of output; returns how many. 0: nothing more to send for now. At
    // least kLeastRoom bytes should be free, or DATA waits.
    [[nodiscard]] std::size_t pull(char* room, std::size_t bytes, uint64_t now_ns);
    static constexpr std::size_t kLeastRoom = 4096;
    [[nodiscard]] bool wants_to_write() const noexcept;
    // Nothing more will be sent or received: the connection can be closed.
    [[nodiscard]] bool finished() const noexcept;
    // The connection broke: all open streams are closed, by the connection.
    void lost();

    // Why the connection was given up, if it was, and in words.
    [[nodiscard]] Violation violation() const noexcept { return violation_; }
    [[nodiscard]] std::string_view detail() const noexcept { return detail_; }

    // ---- heads (inside on_head and on_interim) ----

    // See read_head.h for what comes out. When it is refused: answer with http::status_of(error)
    // and discard(stream, ErrorCode::protocol_error), or reset the stream.
    [[nodiscard]] ParseError read_request(Stream& stream, RequestHead& out, std::string& text);
    [[nodiscard]] ParseError read_response(Stream& stream, ResponseHead& out, std::string& text);

    // ---- server ----

    void interim(Stream& stream, const FieldList& fields);
    // `end`: the head is all.
    void respond(Stream& stream, const FieldList& fields, bool end);

    // Stream 1 is the HTTP/1.1 request that asked for h2c (RFC 7540 §3.2), which must have had no
    // body. `settings`: the value of HTTP2-Settings. Null when that is not valid. Right behind the
    // constructor.
    [[nodiscard]] Stream* adopt_upgrade(std::string_view settings, Method method, void* user);

    // ---- client ----

    // Whether the peer would take one more stream now: its limit, ours, and no GOAWAY either way.
    [[nodiscard]] bool can_request() const noexcept;
    // Null when it cannot. `end`: the request has no body.
    [[nodiscard]] Stream* request(const FieldList& fields, bool end, void* user);
    // RFC 8441: the peer's settings allow for it.
    [[nodiscard]] bool peer_takes_extended_connect() const noexcept;
    // The value of HTTP2-Settings for a request that asks for h2c with these limits.
    [[nodiscard]] static std::string upgrade_settings(const Limits& limits);

    // ---- both ----

    // Lends `data` until on_sent or on_closed, or the stream is reset or released. One at a time:
    // not while stream.sending(). `end`: it is the last of the body.
    void send(Stream& stream, std::string_view data, bool end);
    // Ends our side with a trailer section, "name: value\r\n" lines; behind what is being sent.
    void finish(Stream& stream, std::string_view trailer_lines);
    // `bytes` of received() are used: gone from there, and room for the peer to send.
    void consume(Stream& stream, std::size_t bytes);
    // Nobody wants the rest of the body: it is thrown away as it comes. Once our side has ended,
    // the peer is told to stop, with `code` (a server's session does so by itself, with NO_ERROR).
    void discard(Stream& stream, ErrorCode code);
    // Ends the stream now. There is no call for it afterwards; release() is still due.
    void reset(Stream& stream, ErrorCode code);
    // Gives the stream back; one that is not closed is reset with CANCEL.
    void release(Stream& stream);

    // ---- connection ----

    // No further streams are taken, those under way go on (RFC 9113 §6.8). A server says so in two
    // steps, a round trip apart, so that no request on its way is lost; finish_drain() does the
    // second step at once. finished() becomes true with the last stream.
    void drain();
    void finish_drain();
    // Ends the connection now.
    void close(ErrorCode code, std::string_view reason);
    // Asks for a sign of life; not again while one is due.
    void ping(uint64_t now_ns);

    // Deadlines: when tick() should be called again; UINT64_MAX: none.
    [[nodiscard]] uint64_t deadline_ns() const noexcept;
    void tick(uint64_t now_ns);

    [[nodiscard]] Role role() const noexcept { return role_; }
    [[nodiscard]] uint32_t open_streams() const noexcept { return open_streams_; }
    [[nodiscard]] uint64_t streams_opened() const noexcept { return streams_opened_; }
    [[nodiscard]] bool draining() const noexcept { return drain_ != Drain::no; }
    [[nodiscard]] bool peer_is_leaving() const noexcept { return peer_goaway_; }

private:
    friend struct Callbacks;
    enum class Drain : uint8_t { no, announced, said };

    void begin();
    Stream& new_stream(StreamId id);
    [[nodiscard]] Stream* stream_of(StreamId id) const noexcept;
    void give_up(Violation violation, std::string_view detail);
    void say_goaway(ErrorCode code, std::string_view reason);
    void close_all();
    void close_stream(Stream& stream, const StreamEnd& end);
    void detach(Stream& stream) noexcept;
    void fail_stream(Stream& stream, ParseError error);
    void take_pong(const uint8_t* payload);
    void blame_reset();
    [[nodiscard]] Violation judge(FrameScan& scan);
    void credit(Stream& stream, std::size_t bytes) noexcept;
    [[nodiscard]] bool tell_sent();
    void submit_trailers(Stream& stream);

    // what frames mean (session_receive.cc)
    void take_block(Stream& stream, bool end_stream);
    void take_head(Stream& stream, bool end_stream);
    void take_trailers(Stream& stream, bool end_stream);
    void take_data(Stream& stream, std::string_view data);
    void take_end(Stream& stream);
    void note_priority(const Stream& stream);

    Context& context_;
    Listener& listener_;
    const Role role_;
    const Limits limits_;
    FloodGuard guard_;
    FrameScan scan_;
    nghttp2_session* session_ = nullptr;
    uint64_t now_ns_;

    bool busy_ = false;  // inside feed() or pull()
    bool over_ = false;
    bool said_settings_ = false;
    bool said_goaway_ = false;  // the frame layer, for an error it found
    bool peer_goaway_ = false;
    bool settings_acked_ = false;
    Drain drain_ = Drain::no;
    Violation violation_ = Violation::none;
    Violation invalid_frame_ = Violation::none;  // what the frame layer found last
    std::string detail_;

    std::vector<Stream*> streams_;  // all that are not released
    std::vector<Stream*> sent_;     // on_sent is due
    uint32_t open_streams_ = 0;
    uint64_t streams_opened_ = 0;

    std::unique_ptr<FieldBlock> block_;  // lent by the context while one is being read
    Stream* block_stream_ = nullptr;     // whose block is being read, if anybody wants it
    uint64_t block_began_ns_ = 0;        // 0: none is under way

    char* out_at_ = nullptr;  // inside pull()
    char* out_end_ = nullptr;
    std::string_view pending_;  // of a frame that did not fit
    std::string last_words_;    // a GOAWAY of our own making

    uint64_t settings_sent_ns_ = 0;
    uint64_t ping_sent_ns_ = 0;  // 0: none is due
};

}  // namespace glassgate::http::h2
