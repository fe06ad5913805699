// Frames from an upstream, into a client's session with requests under way: nothing it sends breaks
// us, and every request comes to its end once.
#include <cstdint>
#include <cstdlib>
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

class Client final : public Listener {
public:
    Session* session = nullptr;
    int open = 0;

    void on_head(Stream& stream) override {
        ResponseHead head;
        std::string text;
        if (session->read_response(stream, head, text) != ParseError::none) {
            --open;
            session->release(stream);
            return;
        }
        expect(head.status >= 200 && head.status < 600);
        for (const HeaderField& field : head.headers)
            for (const char c : field.value) expect(c != '\r' && c != '\n' && c != '\0');
    }
    void on_interim(Stream& stream) override {
        ResponseHead head;
        std::string text;
        if (session->read_response(stream, head, text) == ParseError::none)
            expect(head.status >= 100 && head.status < 200 && head.status != 101);
    }
    void on_data(Stream& stream) override {
        expect(stream.unread_bytes() <= 65535);
        if (stream.id() == 3) return;  // nobody reads this one
        while (!stream.received().empty()) session->consume(stream, stream.received().size());
    }
    void on_end(Stream& stream) override { expect(stream.ended()); }
    void on_sent(Stream&) override {}
    void on_closed(Stream& stream) override {
        expect(open > 0);
        --open;
        session->release(stream);
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    io::BufferPool buffers;
    Context context(buffers);
    Client client;
    {
        const uint64_t now_ns = 1;
        Session session(context, Role::client, {}, client, now_ns);
        client.session = &session;
        const std::string body(500, 'b');
        for (const char* method : {"GET", "POST", "HEAD", "CONNECT"}) {
            FieldList fields;
            fields.add(":method", method);
            fields.add(":authority", "a.example:443");
            const bool post = std::string_view(method) == "POST";
            Stream* const stream = session.request(fields, !post, nullptr);
            expect(stream != nullptr);
            ++client.open;
            if (post) session.send(*stream, body, true);
        }
        std::string room(8192, '\0');
        while (session.pull(room.data(), room.size(), now_ns) != 0) {
        }
        std::string_view rest = bytes;
        bool on = true;
        while (on && !rest.empty()) {
            const std::string piece(rest.substr(0, size / 16 + 1));
            on = session.feed(piece, now_ns);
            rest.remove_prefix(piece.size());
            while (session.pull(room.data(), room.size(), now_ns) != 0) {
            }
        }
        session.lost();
        expect(client.open == 0);
    }
    expect(context.memory().in_use() == 0);
    return 0;
}
