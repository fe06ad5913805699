// Files of the flight recorder, whatever is in them: read without a crash, in bounded memory; what
// comes out can be shown. The first byte says what the rest is taken for.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "flight/block.h"
#include "flight/codec.h"
#include "flight/frame.h"
#include "flight/render.h"
#include "flight/stored_plan.h"

namespace {

using namespace glassgate;
using namespace glassgate::flight;

void use(Record& record) {
    std::string out;
    append_json(record, out);
    GW_CHECK(out.size() > 2 && out.front() == '{' && out.back() == '}');
    append_short_line(record, out);
    (void)waterfall(record, 80);
}

void read_block(std::string_view head_bytes, std::string_view body) {
    BlockHead head;
    if (!head.read(head_bytes)) return;
    // Parts as large as they may be are slow to clear, not wrong.
    for (const BlockHead::Part& part : head.parts)
        if (part.raw > (256u << 10)) return;
    Block block;
    block.open(head, body, {});
    std::span<const Row> rows;
    if (!block.rows(rows)) return;
    for (std::size_t i = 0; i < rows.size() && i < 16; ++i) {
        Record record;
        if (block.record(i, record)) use(record);
    }
}

void read_file(std::string_view bytes) {
    uint64_t end = 0;
    const Damage damage = walk_frames(
        bytes, kFileHeadBytes, end,
        [](const FrameHead& frame, uint64_t, std::string_view head, std::string_view body) {
            if (frame.kind == FrameKind::block) read_block(head, body);
            if (frame.kind == FrameKind::plan) (void)decode_plan(body);
        });
    GW_CHECK(end <= kFileHeadBytes + bytes.size());
    GW_CHECK(damage.torn_bytes + damage.skipped_bytes <= bytes.size());
    FileHead head;
    (void)read_file_head(bytes, kSegmentMagic, head);
}

// Behind a length: a plan; then an entry that may refer to it.
void read_entry(std::string_view bytes) {
    if (bytes.empty()) return;
    const std::size_t size =
        std::min<std::size_t>(static_cast<uint8_t>(bytes[0]), bytes.size() - 1);
    const auto plan = decode_plan(bytes.substr(1, size));
    Record record;
    uint64_t key = 0;
    if (!decode_entry(bytes.substr(1 + size), record, key)) return;
    if (plan) record.plan = *plan;
    record.attach();
    use(record);
    // What has been read is written again and read the same.
    TextTable table;
    Row row;
    std::string details, texts;
    encode_detail(record, table, row, details);
    table.write(texts);
    TextView view;
    GW_CHECK(view.read(texts));
    Record again;
    GW_CHECK(decode_detail(row, details, view, again));
    again.plan = record.plan;
    again.sequence = record.sequence;
    again.attach();
    std::string a, b;
    append_json(record, a);
    append_json(again, b);
    GW_CHECK(a == b);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
    switch (data[0] % 4) {
        case 0:
            read_file(rest);
            break;
        case 1:
            read_entry(rest);
            break;
        case 2:
            (void)decode_plan(rest);
            break;
        default:
            // A head of 64 bytes and more, then a body: no checksums in the fuzzer's way.
            for (const std::size_t plans : {0u, 1u})
                for (const std::size_t count : {1u, 2u}) {
                    const std::size_t head = 56 + plans * 8 + count * 4;
                    if (rest.size() >= head) read_block(rest.substr(0, head), rest.substr(head));
                }
    }
    return 0;
}
