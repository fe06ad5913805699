#include "audit/destination.h"

#include <deque>

#include "audit/instant.h"
#include "base/clock.h"
#include "base/text.h"

namespace glassgate::audit {
namespace {

// RFC 5424 section 6.2.1: facility 13, "log audit".
constexpr unsigned kFacility = 13, kInformational = 6, kWarning = 4;

class SyslogSession final : public Session {
public:
    SyslogSession(std::unique_ptr<Wire> wire, bool datagrams, Sender sender)
        : wire_(std::move(wire)), datagrams_(datagrams), sender_(std::move(sender)) {}

    Status send(const Message& message) override {
        const std::string text = syslog_message(message, sender_);
        if (datagrams_) {
            TRY_STATUS(wire_->send(text));
            if (message.seq != 0) acknowledged_ = message.seq;
            return {};
        }
        append_u64(out_, text.size());
        out_ += ' ';
        out_ += text;
        if (message.seq != 0) sent_ = message.seq;
        return out_.size() > kBatchBytes ? flush() : Status();
    }
    Status flush() override {
        if (datagrams_) return {};
        TRY_STATUS(wire_->send(out_));
        out_.clear();
        acknowledged_ = std::max(acknowledged_, sent_);
        return {};
    }
    uint64_t acknowledged() const noexcept override { return acknowledged_; }
    Status idle() override {
        std::string ignored;
        const auto got = wire_->receive(ignored, 0);
        // A refused datagram says so here; a stream that ends, too.
        return got ? Status() : Status(std::unexpected(got.error()));
    }

private:
    static constexpr std::size_t kBatchBytes = 64 * 1024;
    std::unique_ptr<Wire> wire_;
    const bool datagrams_;
    const Sender sender_;
    std::string out_;
    uint64_t sent_ = 0, acknowledged_ = 0;
};

// RELP (https://www.rsyslog.com/doc/relp.html): "TXNR COMMAND DATALEN[ DATA]\n", answered by
// "TXNR rsp DATALEN CODE ...\n" in any order.
class RelpSession final : public Session {
public:
    RelpSession(std::unique_ptr<Wire> wire, Sender sender, uint32_t timeout_ms)
        : wire_(std::move(wire)), sender_(std::move(sender)), timeout_ms_(timeout_ms) {}

    Status begin() {
        TRY_STATUS(write("open", "relp_version=0\nrelp_software=glassgate\ncommands=syslog", 0));
        return drain(0);
    }
    ~RelpSession() override {
        // A word of farewell; nobody waits for the answer.
        if (wire_) (void)write_frame("close", {});
    }
    RelpSession(const RelpSession&) = delete;
    RelpSession& operator=(const RelpSession&) = delete;

    Status send(const Message& message) override {
        TRY_STATUS(write("syslog", syslog_message(message, sender_), message.seq));
        TRY_STATUS(collect(0));
        return waiting_.size() >= kWindow ? drain(kWindow / 2) : Status();
    }
    Status flush() override { return drain(0); }
    uint64_t acknowledged() const noexcept override { return acknowledged_; }
    Status idle() override { return collect(0); }

private:
    static constexpr std::size_t kWindow = 256;
    static constexpr uint64_t kMaxTransaction = 999'999'999;
    struct Waiting {
        uint64_t transaction, seq;
        bool done;
    };

    Status write_frame(std::string_view command, std::string_view data) {
        std::string frame = std::to_string(transaction_) + " " + std::string(command) + " " +
                            std::to_string(data.size());
        if (!data.empty()) frame += ' ';
        frame += data;
        frame += '\n';
        return wire_->send(frame);
    }
    Status write(std::string_view command, std::string_view data, uint64_t seq) {
        transaction_ = transaction_ == kMaxTransaction ? 1 : transaction_ + 1;
        waiting_.push_back({transaction_, seq, false});
        Status sent = write_frame(command, data);
        if (!sent) wire_.reset();
        return sent;
    }
    // Until no more than `left` are unanswered.
    Status drain(std::size_t left) {
        const uint64_t deadline_ns = mono_now_ns() + timeout_ms_ * kNsPerMs;
        while (waiting_.size() > left) {
            if (mono_now_ns() > deadline_ns) return failure("no acknowledgement in time");
            TRY_STATUS(collect(100));
        }
        return {};
    }
    Status collect(uint32_t timeout_ms) {
        if (!wire_) return failure("the connection is gone");
        const auto got = wire_->receive(in_, timeout_ms);
        if (!got) {
            wire_.reset();
            return std::unexpected(got.error());
        }
        while (true) {
            bool whole = false;
            TRY_STATUS(take_answer(whole));
            if (!whole) return {};
        }
    }
    Status take_answer(bool& whole);
    Status note_answer(uint64_t transaction, std::string_view data);

    std::unique_ptr<Wire> wire_;
    const Sender sender_;
    const uint32_t timeout_ms_;
    std::string in_;
    std::deque<Waiting> waiting_;  // in the order sent
    uint64_t transaction_ = 0, acknowledged_ = 0;
};

Status RelpSession::take_answer(bool& whole) {
    constexpr std::size_t kMaxHeader = 64, kMaxData = 128 * 1024;
    // Header: three words, the last of them followed by a space or, without data, the LF.
    const std::string_view text = in_;
    const std::size_t first = text.find(' ');
    const std::size_t second = first == std::string_view::npos ? first : text.find(' ', first + 1);
    const std::size_t third =
        second == std::string_view::npos ? second : text.find_first_of(" \n", second + 1);
    if (third == std::string_view::npos)
        return text.size() > kMaxHeader ? Status(failure("what came is not RELP")) : Status();
    const auto transaction = parse_u64(text.substr(0, first));
    const auto length = parse_u64(text.substr(second + 1, third - second - 1));
    if (!transaction || !length || *length > kMaxData) return failure("what came is not RELP");
    const std::size_t data_at = *length == 0 ? third : third + 1;
    if (text.size() < data_at + *length + 1) return {};
    if (text[data_at + *length] != '\n') return failure("what came is not RELP");
    const std::string_view command = text.substr(first + 1, second - first - 1);
    whole = true;
    Status status;
    if (command == "rsp")
        status = note_answer(*transaction, text.substr(data_at, *length));
    else if (command == "serverclose")
        status = failure("closed by the other side");
    in_.erase(0, data_at + *length + 1);
    return status;
}

Status RelpSession::note_answer(uint64_t transaction, std::string_view data) {
    if (!data.starts_with("200"))
        return failure("refused: " + std::string(data.substr(0, data.find('\n'))));
    for (Waiting& w : waiting_)
        if (w.transaction == transaction) w.done = true;
    while (!waiting_.empty() && waiting_.front().done) {
        if (waiting_.front().seq != 0) acknowledged_ = waiting_.front().seq;
        waiting_.pop_front();
    }
    return {};
}

}  // namespace

Result<Target> parse_target(std::string_view url) {
    const std::size_t scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos) return failure("no URL: " + std::string(url));
    const std::string_view scheme = url.substr(0, scheme_end);
    Target target;
    target.protocol = scheme.starts_with("relp") ? Protocol::relp : Protocol::syslog;
    target.endpoint.kind = scheme.ends_with("+tls")                       ? WireKind::tls
                           : scheme == "syslog" || scheme == "syslog+udp" ? WireKind::udp
                                                                          : WireKind::tcp;
    // RFC 5426, RFC 6587 section 3.2 (by custom), RFC 5425; RELP has none assigned.
    target.endpoint.port = target.protocol == Protocol::relp       ? 2514
                           : target.endpoint.kind == WireKind::udp ? 514
                           : target.endpoint.kind == WireKind::tcp ? 601
                                                                   : 6514;
    std::string_view host = url.substr(scheme_end + 3);
    const std::size_t colon = host.rfind(':');
    if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
        const auto port = parse_u64(host.substr(colon + 1));
        if (!port || *port == 0 || *port > 65535) return failure("no port: " + std::string(url));
        target.endpoint.port = static_cast<uint16_t>(*port);
        host = host.substr(0, colon);
    }
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host.empty()) return failure("no host: " + std::string(url));
    target.endpoint.host = host;
    return target;
}

std::string syslog_message(const Message& message, const Sender& sender) {
    std::string text = "<";
    append_u64(text, kFacility * 8 + (message.failure ? kWarning : kInformational));
    text += ">1 ";
    append_instant(text, message.wall_ns);
    text.append(" ").append(sender.host).append(" glassgate ").append(sender.process);
    text += message.seq != 0 ? " record - " : " checkpoint - ";
    text += message.line;
    return text;
}

Result<std::unique_ptr<Session>> Session::open(const Target& target, const TlsSettings& tls,
                                               const Sender& sender, uint32_t timeout_ms) {
    auto wire = TRY(Wire::connect(target.endpoint, tls, timeout_ms));
    if (target.protocol == Protocol::syslog)
        return std::unique_ptr<Session>(
            new SyslogSession(std::move(wire), target.endpoint.kind == WireKind::udp, sender));
    auto session = std::make_unique<RelpSession>(std::move(wire), sender, timeout_ms);
    TRY_STATUS(session->begin());
    return std::unique_ptr<Session>(std::move(session));
}

}  // namespace glassgate::audit
