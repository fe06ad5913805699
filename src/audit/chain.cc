#include "audit/chain.h"

#include <utility>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/instant.h"
#include "audit/scan.h"
#include "base/text.h"

namespace glassgate::audit {
namespace {

bool may_go_back(std::string_view type) noexcept {
    return type == "clock.step" || type == "log.started" || type == "log.recovered";
}

std::string number(uint64_t value) { return std::to_string(value); }

}  // namespace

std::optional<Opening> parse_opening(const LineView& line) {
    Opening opening;
    std::string_view log;
    uint64_t format = 0, size = 0;
    Scan scan(line.body);
    scan.literal("\"type\":\"segment.opened\",\"log\":\"").plain(log);
    scan.literal("\",\"segment\":").number(opening.segment).literal(",\"format\":").number(format);
    scan.literal(",\"tree\":{\"size\":").number(size).literal(",\"peaks\":[");
    std::vector<Hash> peaks;
    while (scan.good() && scan.rest().starts_with(peaks.empty() ? "\"" : ",\"")) {
        Hash peak{};
        scan.literal(peaks.empty() ? "\"" : ",\"").hash(peak).literal("\"");
        peaks.push_back(peak);
    }
    scan.literal("]}");
    if (!scan.good() || format != 1 || !is_log_id(log)) return std::nullopt;
    auto restored = Peaks::restore(size, std::move(peaks));
    if (!restored) return std::nullopt;
    opening.log = log;
    opening.peaks = std::move(*restored);
    return opening;
}

std::string opening_body(const Opening& opening) {
    std::string body = "\"type\":\"segment.opened\",\"log\":\"" + opening.log +
                       "\",\"segment\":" + number(opening.segment) +
                       ",\"format\":1,\"tree\":{\"size\":" + number(opening.peaks.size()) +
                       ",\"peaks\":[";
    for (const Hash& peak : opening.peaks.peaks()) {
        if (body.back() != '[') body += ',';
        body += '"';
        append_hex(body, peak);
        body += '"';
    }
    return body + "]}";
}

std::string sealing_body(uint64_t segment, uint64_t records) {
    return "\"type\":\"segment.sealed\",\"segment\":" + number(segment) +
           ",\"records\":" + number(records);
}

Chain Chain::behind(const Anchor& anchor) {
    Chain chain;
    chain.log_ = anchor.log;
    chain.segment_ = anchor.segment;
    chain.seq_ = anchor.size;
    chain.wall_ns_ = anchor.wall_ns;
    chain.hash_ = anchor.hash;
    chain.expected_root_ = anchor.root;
    return chain;
}

std::optional<std::string> Chain::check(std::string_view line) {
    std::string_view why;
    const auto view = parse_line(line, why);
    if (!view) return std::string(why);
    if (view->seq != seq_ + 1)
        return "seq is " + number(view->seq) + ", not " + number(seq_ + 1) +
               (view->seq > seq_ ? ": records are missing"
                                 : ": a record is doubled or out of order");
    if (record_hash(hash_, view->hashed) != view->hash)
        return std::string("the hash does not follow from the line and the hash before it");
    if (view->wall_ns < wall_ns_ && !may_go_back(view->type))
        return "the time " + std::string(view->time) + " is before that of the record before it";
    if (auto wrong = check_type(*view)) return wrong;
    seq_ = view->seq;
    hash_ = view->hash;
    wall_ns_ = view->wall_ns;
    ++segment_records_;
    stopped_ = view->type == "log.stopped";
    return std::nullopt;
}

std::optional<std::string> Chain::check_type(const LineView& line) {
    if (sealed_) return check_opening(line);
    if (line.type == "segment.opened") return std::string("a second segment.opened");
    if (line.type != "segment.sealed") return std::nullopt;
    uint64_t segment = 0, records = 0;
    Scan scan(line.body);
    scan.literal("\"type\":\"segment.sealed\",\"segment\":").number(segment);
    scan.literal(",\"records\":").number(records);
    if (!scan.good() || segment != segment_ || records != segment_records_ + 1)
        return std::string("segment.sealed does not state this segment and its records");
    sealed_ = true;
    return std::nullopt;
}

std::optional<std::string> Chain::check_opening(const LineView& line) {
    const auto opening = parse_opening(line);
    if (!opening) return std::string("a segment must begin with segment.opened, as documented");
    if (opening->segment != segment_ + 1)
        return "it says segment " + number(opening->segment) + ", not " + number(segment_ + 1);
    if (!log_.empty() && opening->log != log_) return std::string("it belongs to another log");
    if (opening->peaks.size() != seq_)
        return std::string("its tree is not of the size of all records before");
    if (expected_root_) {
        if (opening->peaks.root() != *expected_root_)
            return std::string("its tree is not the one the checkpoint before it signs");
        peaks_ = opening->peaks;
        expected_root_.reset();
    } else if (opening->peaks.peaks() != peaks_.peaks()) {
        return std::string("its tree is not that of the records before");
    }
    log_ = opening->log;
    segment_ = opening->segment;
    segment_records_ = 0;
    sealed_ = false;
    return std::nullopt;
}

}  // namespace glassgate::audit
