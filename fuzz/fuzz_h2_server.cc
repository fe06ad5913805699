// Frames behind the preface, into a server's session: nothing a client sends breaks it, its bounds
// hold, every stream ends once, and how the bytes were split changes nothing.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "http/h2/session.h"
#include "http/h2/write_head.h"

namespace {

using namespace glassgate;
using namespace glassgate::http;
using namespace glassgate::http::h2;

void expect(bool good) {
    if (!good) std::abort();
}

// Answers some requests at once, some with a body, and leaves some bodies unread.
class Server final : public Listener {
public:
    Session* session = nullptr;
    std::string story;  // what was told, in order
    uint64_t open = 0;

    void on_head(Stream& stream) override {
        ++open;
        RequestHead head;
        std::string text;
        const ParseError error = session->read_request(stream, head, text);
        story += "head " + std::to_string(stream.id()) + ' ' + std::string(to_text(error)) + ' ' +
                 std::string(head.path) + '\n';
        FieldList fields;
        if (error != ParseError::none) {
            fields.add(":status", "400");
            session->discard(stream, ErrorCode::protocol_error);
            session->respond(stream, fields, true);
            return;
        }
        for (const HeaderField& field : head.headers)
            for (const char c : field.value) expect(c != '\r' && c != '\n' && c != '\0');
        switch (stream.id() % 8) {
            case 1:
                fields.add(":status", "204");
                session->respond(stream, fields, true);
                break;
            case 3:
                fields.add(":status", "200");
                session->respond(stream, fields, false);
                session->send(stream, kBody, false);
                session->finish(stream, "x-sum: 1\r\n");
                break;
            case 5:
                session->reset(stream, ErrorCode::refused_stream);
                --open;
                session->release(stream);
                break;
            default:
                break;
        }
    }
    void on_data(Stream& stream) override {
        expect(!stream.received().empty() && stream.unread_bytes() <= 65535);
        if (stream.id() % 8 == 7) return;
        while (!stream.received().empty()) session->consume(stream, stream.received().size());
    }
    void on_end(Stream& stream) override {
        story += "end " + std::to_string(stream.id()) + ' ' +
                 std::to_string(stream.received_bytes()) + ' ' + stream.trailers() + '\n';
    }
    void on_sent(Stream&) override {}
    void on_closed(Stream& stream) override {
        story += "closed " + std::to_string(stream.id()) + ' ' +
                 std::string(to_text(stream.end().code)) + '\n';
        expect(open > 0);
        --open;
        session->release(stream);
    }

private:
    const std::string kBody = std::string(300, 'b');
};

constexpr std::string_view kLeaving = "leaving";

std::string run(std::string_view bytes, std::size_t step, bool pulls) {
    io::BufferPool buffers;
    Context context(buffers);
    Server server;
    std::string verdict;
    {
        Limits limits;
        limits.max_streams = 10;
        limits.head.head_bytes = 4000;
        limits.queued_frames = pulls ? 1000 : 0;  // that one is counted for each feed()
        uint64_t now_ns = 1;
        Session session(context, Role::server, limits, server, now_ns);
        server.session = &session;
        std::string room(8192, '\0');
        const auto drain = [&] {
            std::size_t turns = 0;
            while (session.pull(room.data(), room.size(), now_ns) != 0) expect(++turns < 100000);
        };
        bool on = session.feed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", now_ns);
        while (on && !bytes.empty()) {
            const std::string piece(bytes.substr(0, step));  // exact: overreads are seen
            on = session.feed(piece, now_ns);
            bytes.remove_prefix(piece.size());
            if (pulls) {
                drain();
                session.tick(now_ns += 1'000'000);
            }
        }
        drain();
        if (session.violation() != Violation::none) expect(session.finished());
        verdict = std::string(to_text(session.violation()));
        // Who says it leaves and has no stream open is not listened to any more, from the next
        // read.
        if (session.peer_is_leaving()) verdict = kLeaving;
        session.lost();
        expect(server.open == 0 && session.open_streams() == 0);
    }
    expect(context.memory().in_use() == 0);
    return verdict == kLeaving ? verdict : server.story + verdict;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const std::string whole = run(bytes, SIZE_MAX, false);
    const std::string split = run(bytes, size / 32 + 1, false);
    expect(split == whole || whole == kLeaving || split == kLeaving);
    (void)run(bytes, size / 8 + 1, true);
    return 0;
}
