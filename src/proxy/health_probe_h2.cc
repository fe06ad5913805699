// A probe over HTTP/2: one stream of a connection of its own, for a GET or for gRPC's health
// service.
#include <memory>

#include "base/clock.h"
#include "http/grpc.h"
#include "http/h2/session.h"
#include "proxy/health_probe.h"

namespace glassgate::proxy {
namespace {

namespace h2 = http::h2;
namespace grpc = http::grpc;

constexpr std::size_t kBlockBytes = 16 * 1024;
constexpr std::size_t kAnswerBytes = 4 * 1024;  // of a body; health messages have a few bytes

h2::Limits limits() {
    h2::Limits limits;
    limits.max_streams = 1;
    return limits;
}

// The session of one question, and what came of it.
class Question final : public h2::Listener {
public:
    Question(HealthEnv& env, const HealthTarget& target)
        : target_(target),
          session_(env.h2, h2::Role::client, limits(), *this, env.loop.now_ns()),
          head_(std::make_unique<http::ResponseHead>()) {}

    [[nodiscard]] h2::Session& session() noexcept { return session_; }
    [[nodiscard]] bool done() const noexcept { return done_; }
    // Done by the stream's end, not by an answer.
    [[nodiscard]] bool broken() const noexcept { return broken_; }
    [[nodiscard]] const CheckOutcome& outcome() const noexcept { return outcome_; }

    void put() {
        const bool call = target_.plan.type == HealthCheckType::grpc;
        h2::FieldList fields;
        fields.add(":method", call ? "POST" : "GET");
        fields.add(":scheme", target_.tls ? "https" : "http");
        fields.add(":authority", target_.label);
        fields.add(":path", call ? grpc::kHealthCheckPath : std::string_view(target_.plan.path));
        fields.add("user-agent", "glassgate-health-check");
        if (call) {
            fields.add("content-type", "application/grpc");
            fields.add("te", "trailers");
            timeout_.clear();
            grpc::append_timeout(timeout_, target_.plan.timeout_ms * kNsPerMs);
            fields.add("grpc-timeout", timeout_);
            grpc::append_health_request(body_, target_.plan.grpc_service);
        } else {
            fields.add("accept", "*/*");
        }
        h2::Stream* const stream = session_.request(fields, !call, nullptr);
        if (stream == nullptr)
            end({false, "the upstream takes no streams"});
        else if (call)
            session_.send(*stream, body_, true);
    }

private:
    void end(CheckOutcome outcome) {
        if (done_) return;
        done_ = true;
        outcome_ = std::move(outcome);
    }
    void on_head(h2::Stream& stream) override {
        const http::ParseError error = session_.read_response(stream, *head_, head_text_);
        if (error != http::ParseError::none) {
            end({false, "malformed answer: " + std::string(http::to_text(error))});
        } else if (target_.plan.type != HealthCheckType::grpc) {
            end(judge_status(head_->status, target_.plan));
        } else if (stream.ended()) {  // a head that is also the trailers
            const std::string_view status = http::find(head_->headers, "grpc-status");
            std::string lines;
            if (status.data() != nullptr)
                lines.append("grpc-status: ").append(status).append("\r\n");
            end(judge_grpc_health(head_->status, lines, {}));
        }
    }
    void on_interim(h2::Stream& stream) override {
        (void)session_.read_response(stream, *head_, head_text_);
    }
    void on_data(h2::Stream& stream) override {
        while (!stream.received().empty()) {
            answer_ += stream.received();
            session_.consume(stream, stream.received().size());
        }
        if (answer_.size() > kAnswerBytes) end({false, "malformed answer: too large"});
    }
    void on_end(h2::Stream& stream) override {
        end(judge_grpc_health(head_->status, stream.trailers(), answer_));
    }
    void on_sent(h2::Stream&) override {}
    void on_closed(h2::Stream& stream) override {
        broken_ = !done_;
        end({false, "stream closed: " + std::string(to_text(stream.end().code))});
    }

    const HealthTarget& target_;
    std::string body_, timeout_;  // before the session, which is lent the body
    h2::Session session_;
    std::unique_ptr<http::ResponseHead> head_;
    std::string head_text_, answer_;
    bool done_ = false;
    bool broken_ = false;
    CheckOutcome outcome_;
};

std::string lost(const h2::Session& session, std::string_view otherwise) {
    if (session.violation() == h2::Violation::none) return std::string(otherwise);
    return "malformed answer: " + std::string(to_text(session.violation()));
}

}  // namespace

CheckOutcome judge_grpc_health(uint16_t status, std::string_view trailer_lines,
                               std::string_view body) {
    if (status != 200) return {false, "status " + std::to_string(status)};
    const grpc::Outcome outcome = grpc::outcome_of_trailers(trailer_lines);
    if (!outcome.status) return {false, "malformed answer: no grpc-status"};
    // NOT_FOUND is the protocol's way to say that it does not know the service.
    if (*outcome.status != grpc::Status::ok)
        return {false, "grpc status " + std::string(grpc::to_text(*outcome.status))};
    const auto health = grpc::read_health_response(body);
    if (!health) return {false, "malformed answer: not a health message"};
    switch (*health) {
        case grpc::Health::serving:
            return {true, {}};
        case grpc::Health::not_serving:
            return {false, "NOT_SERVING"};
        case grpc::Health::service_unknown:
            return {false, "SERVICE_UNKNOWN"};
        case grpc::Health::unknown:
            break;
    }
    return {false, "UNKNOWN"};
}

io::Task<CheckOutcome> HealthProbe::ask_http2(io::Socket& socket, uint64_t deadline_ns) {
    const auto question = std::make_unique<Question>(env_, target_);
    h2::Session& session = question->session();
    question->put();
    const auto block = std::make_unique<char[]>(kBlockBytes);
    while (true) {
        // After the answer: GOAWAY, so that the upstream sees an end in order.
        if (question->done() && !question->broken()) session.close(h2::ErrorCode::no_error, {});
        std::size_t bytes = session.pull(block.get(), kBlockBytes, env_.loop.now_ns());
        while (bytes != 0) {
            const io::IoResult sent =
                co_await socket.write({block.get(), bytes}, left_ns(deadline_ns));
            if (!sent.ok() && !question->done())
                co_return CheckOutcome{false, reason_of(sent.status)};
            if (!sent.ok()) break;
            bytes = session.pull(block.get(), kBlockBytes, env_.loop.now_ns());
        }
        if (question->broken())
            co_return CheckOutcome{false, lost(session, question->outcome().reason)};
        if (question->done()) co_return question->outcome();
        const io::IoResult got = co_await socket.read(block.get(), kBlockBytes, deadline_ns);
        if (!got.ok()) co_return CheckOutcome{false, lost(session, reason_of(got.status))};
        const bool alive = session.feed({block.get(), got.bytes}, env_.loop.now_ns());
        if (!alive && (!question->done() || question->broken()))
            co_return CheckOutcome{false, lost(session, "closed without an answer")};
    }
}

}  // namespace glassgate::proxy
