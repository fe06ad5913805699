#include "telemetry/sinks/log_sink.h"

#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "telemetry/project/json_line.h"
#include "telemetry/project/text_line.h"
#include "telemetry/sinks/log_file.h"

namespace glassgate::telemetry {
namespace {

constexpr uint64_t kRaiseAgainNs = 30 * kNsPerSecond;

bool may_pass(int error) noexcept {
    return error == ENOSPC || error == EDQUOT || error == EIO || error == EAGAIN ||
           error == ENOMEM || error == EFBIG || error == ESTALE || error == ETIMEDOUT;
}

class LogSink final : public Sink {
public:
    LogSink(std::string name, uint64_t queue_bytes, LogFile file,
            std::shared_ptr<const LineFormats> formats,
            std::function<void(const model::Event&)> raise)
        : name_(std::move(name)),
          queue_bytes_(queue_bytes),
          formats_(std::move(formats)),
          file_(std::move(file)),
          raise_(std::move(raise)) {}

    [[nodiscard]] SinkTraits traits() const override {
        SinkTraits traits;
        traits.name = name_;
        traits.queue_bytes = queue_bytes_;
        traits.batch_records = 1024;
        traits.batch_bytes = 256 * 1024;
        traits.flush_ms = 100;  // a line should be there when somebody looks for it
        return traits;
    }

    Projected project(const model::Exchange& exchange, std::string& out) override {
        const LineFormat& format = formats_->of(exchange.names);
        if (!passes_level(format.level, exchange)) return Projected::filtered;
        if (format.format == LogFormat::json)
            append_json_line(exchange, format, scratch_, out);
        else
            append_text_line(exchange, format, scratch_, out);
        return Projected::queued;
    }

    Projected project(const model::Event& event, std::string& out) override {
        const LineFormat& format = formats_->newest();
        if (event.level < format.level) return Projected::filtered;
        if (format.format == LogFormat::json)
            append_json_line(event, scratch_, out);
        else
            append_text_line(event, scratch_, out);
        return Projected::queued;
    }

    Delivered deliver(std::span<const std::string_view> batch) noexcept override {
        if (!leaving_.load(std::memory_order_relaxed)) {
            std::size_t bytes = 0;
            for (const std::string_view line : batch) bytes += line.size();
            const Status rotated = file_.rotate_if_due(bytes, wall_now_ns());
            if (!rotated) complain(rotated.error().message);
        }
        const LogFile::Written written = file_.write(batch);
        if (written.error == 0) {
            failing_ = false;
            return {written.lines, false, 0, {}};
        }
        std::string why = failure_errno("write " + file_.name(), written.error).error().message;
        if (!failing_ || mono_now_ns() >= complain_again_ns_) complain(why);
        failing_ = true;
        return {written.lines, may_pass(written.error), 0, std::move(why)};
    }

    void reopen() noexcept override {
        const Status reopened = file_.reopen();
        if (!reopened) complain(reopened.error().message);
    }

    // A sink that goes does not rotate: its successor on the same path does.
    void hurry(uint32_t) noexcept override { leaving_.store(true, std::memory_order_relaxed); }

private:
    void complain(std::string_view why) noexcept {
        complain_again_ns_ = mono_now_ns() + kRaiseAgainNs;
        model::Event event(model::EventKind::log_write_failed, wall_now_ns());
        event.with("sink", name_).with("error", why.substr(0, 400));
        if (raise_) raise_(event);
    }

    const std::string name_;
    const uint64_t queue_bytes_;
    const std::shared_ptr<const LineFormats> formats_;
    std::string scratch_;  // collector thread; the rest is the lane's
    LogFile file_;
    const std::function<void(const model::Event&)> raise_;
    bool failing_ = false;
    uint64_t complain_again_ns_ = 0;
    std::atomic<bool> leaving_{false};
};

}  // namespace

Result<std::unique_ptr<Sink>> make_log_sink(std::string name, const LogOutput& output,
                                            uint64_t queue_bytes,
                                            std::shared_ptr<const LineFormats> formats,
                                            std::function<void(const model::Event&)> raise) {
    LogFile file = TRY(LogFile::open(output));
    return std::make_unique<LogSink>(std::move(name), queue_bytes, std::move(file),
                                     std::move(formats), std::move(raise));
}

}  // namespace glassgate::telemetry
