// Stream: one exchange on a session, as its user holds it. Made by the session; the user gives it
// back with Session::release, also after it is closed: what was received stays readable till then.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/method.h"
#include "http/h1.h"
#include "http/h2/body_queue.h"
#include "http/h2/error.h"

namespace glassgate::http::h2 {

using StreamId = int32_t;

// How a stream came to its end.
struct StreamEnd {
    enum class By : uint8_t {
        both,        // in order: both sides have ended it
        peer,        // reset by the peer; with NO_ERROR and all of its side ended() that only means
                     // that it does not want the rest of ours
        us,          // reset by the session: `error` or `violation` tells why
        connection,  // with its connection, or never opened (GOAWAY)
    };
    By by = By::both;
    ErrorCode code = ErrorCode::no_error;
    ParseError error = ParseError::none;
    Violation violation = Violation::none;

    // The peer has not begun to process the request: it may be sent again elsewhere, whatever its
    // method (RFC 9113 §8.7).
    [[nodiscard]] bool safe_to_retry() const noexcept { return code == ErrorCode::refused_stream; }
};

class Stream {
public:
    explicit Stream(io::BufferPool& buffers) noexcept : in_(buffers) {}

    void* user = nullptr;  // the user's

    [[nodiscard]] StreamId id() const noexcept { return id_; }
    // The first of what was received of the body and not yet consumed: empty only if there is none.
    // It stays where it is until it is consumed, whatever comes meanwhile.
    [[nodiscard]] std::string_view received() const noexcept { return in_.front(); }
    // All that waits; at most a stream's window.
    [[nodiscard]] std::size_t unread_bytes() const noexcept { return in_.size(); }
    // The peer has ended its side: what waits is the last of the body.
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    // The trailer section, once ended(): "name: value\r\n" lines, as of ChunkedDecoder.
    [[nodiscard]] const std::string& trailers() const noexcept { return trailers_; }
    // Some of what was given to send() has not been taken: its bytes must stay where they are.
    [[nodiscard]] bool sending() const noexcept { return !out_.empty() || out_end_unsent_; }
    // Our side has been ended and that has been taken into the output.
    [[nodiscard]] bool sent_end() const noexcept { return sent_end_; }
    [[nodiscard]] bool closed() const noexcept { return closed_; }
    [[nodiscard]] const StreamEnd& end() const noexcept { return end_; }

    // Bytes of bodies, framing left out.
    [[nodiscard]] uint64_t received_bytes() const noexcept { return received_bytes_; }
    [[nodiscard]] uint64_t sent_bytes() const noexcept { return sent_bytes_; }
    [[nodiscard]] uint64_t opened_ns() const noexcept { return opened_ns_; }

private:
    friend class Session;
    friend struct Callbacks;
    void open(StreamId id, uint64_t now_ns) noexcept;

    enum class At : uint8_t { head, body, done };  // what the peer sends next

    BodyQueue in_;
    StreamId id_ = 0;
    At at_ = At::head;
    Method method_ = Method::get;  // as sent, on a client's session
    bool ended_ = false;
    bool closed_ = false;
    bool told_ = false;  // the user knows it
    bool discarding_ = false;
    bool tunnel_ = false;  // CONNECT: either side may end alone
    bool reset_by_peer_ = false;
    bool has_length_ = false;
    bool no_body_ = false;   // DATA would be wrong: HEAD, 204, 304
    bool deferred_ = false;  // the frame layer waits to be told of more
    bool out_end_ = false;   // what out_ has is the last
    bool out_end_unsent_ = false;
    bool sent_end_ = false;
    bool in_sent_ = false;  // on_sent is due
    ErrorCode code_after_end_ = ErrorCode::no_error;
    uint32_t index_ = 0;        // in the session's list
    uint64_t length_left_ = 0;  // of an announced body
    uint64_t received_bytes_ = 0;
    uint64_t sent_bytes_ = 0;
    uint64_t opened_ns_ = 0;
    uint64_t progress_ns_ = 0;  // since when out_ has waited
    std::string_view out_;
    std::string trailers_;
    std::string out_trailers_;
    StreamEnd end_;
};

}  // namespace glassgate::http::h2
