#include "telemetry/sinks/otlp_transport.h"

#include <algorithm>

#include "base/clock.h"
#include "base/text.h"

namespace glassgate::telemetry {
namespace {

// An answer is a few bytes, or an error page. What goes beyond the first limit is not kept, what
// goes beyond the second breaks the exchange off.
constexpr std::size_t kAnswerBytesKept = 64 * 1024;
constexpr uint64_t kAnswerBytesMax = 4 * 1024 * 1024;
constexpr long kConnectTimeoutMs = 5000;

// Once in the process, before the first handle; never undone, because other users of libcurl
// (alert notifiers, remote write) may live on. curl_global_init counts its calls and, where
// CURL_VERSION_THREADSAFE is set (7.84 and later, Debian 12 has 7.88), may be called by several
// threads.
bool curl_ready() {
    static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    return ready;
}

template <typename Value>
bool set(CURL* easy, CURLoption option, Value value) noexcept {
    return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

}  // namespace

Result<std::unique_ptr<OtlpTransport>> OtlpTransport::create(Target target) {
    std::unique_ptr<OtlpTransport> transport(new OtlpTransport(std::move(target)));
    TRY_STATUS(transport->set_up());
    return transport;
}

OtlpTransport::~OtlpTransport() {
    if (easy_ != nullptr) curl_easy_cleanup(easy_);
    if (multi_ != nullptr) curl_multi_cleanup(multi_);
}

Status OtlpTransport::set_up() {
    if (!curl_ready()) return failure("libcurl cannot be initialised");
    easy_ = curl_easy_init();
    multi_ = curl_multi_init();
    if (easy_ == nullptr || multi_ == nullptr) return failure("libcurl has no memory");
    // QUICK_EXIT: without it the end of a transfer waits for a name resolver that hangs.
    const bool ok = set(easy_, CURLOPT_URL, target_.url.c_str()) && set(easy_, CURLOPT_POST, 1L) &&
                    set(easy_, CURLOPT_PROTOCOLS_STR, "http,https") &&
                    set(easy_, CURLOPT_NOSIGNAL, 1L) && set(easy_, CURLOPT_QUICK_EXIT, 1L) &&
                    set(easy_, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs) &&
                    set(easy_, CURLOPT_TCP_KEEPALIVE, 1L) &&
                    set(easy_, CURLOPT_ERRORBUFFER, error_text_) &&
                    set(easy_, CURLOPT_HEADERFUNCTION, &OtlpTransport::on_header) &&
                    set(easy_, CURLOPT_HEADERDATA, this) &&
                    set(easy_, CURLOPT_WRITEFUNCTION, &OtlpTransport::on_body) &&
                    set(easy_, CURLOPT_WRITEDATA, this);
    if (!ok) return failure("libcurl refuses the settings for " + target_.url);
    return set_version_and_proxy();
}

Status OtlpTransport::set_version_and_proxy() {
    const bool tls = target_.url.starts_with("https:");
    long version = CURL_HTTP_VERSION_1_1;
    if (tls)
        version = CURL_HTTP_VERSION_2TLS;  // ALPN decides
    else if (target_.grpc)
        version = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;  // gRPC is HTTP/2 only
    if (!set(easy_, CURLOPT_HTTP_VERSION, version))
        return failure("this libcurl cannot do HTTP/2, which OTLP over gRPC needs");
    // libcurl 7.88, which Debian 12 has, fails every further request on a connection that began as
    // HTTP/2 by prior knowledge ("Error in the HTTP2 framing layer"): a connection for each batch.
    if (target_.grpc && !tls && !set(easy_, CURLOPT_FORBID_REUSE, 1L))
        return failure("this libcurl cannot close a connection after use");
    // A proxy of the environment that is not tunnelled through would have to speak HTTP/2 itself.
    if (target_.grpc && !set(easy_, CURLOPT_HTTPPROXYTUNNEL, 1L))
        return failure("this libcurl cannot tunnel through a proxy");
    return {};
}

curl_slist* OtlpTransport::header_list(uint32_t timeout_ms) const {
    curl_slist* list = nullptr;
    const auto add = [&list](const std::string& line) {
        if (curl_slist* longer = curl_slist_append(list, line.c_str())) list = longer;
    };
    for (const std::string& line : target_.header_lines) add(line);
    add("Expect:");  // no 100-continue: it costs a round trip
    if (target_.grpc) {
        // PROTOCOL-HTTP2.md, Timeout: at most 8 digits; the server may give up when we do.
        std::string line = "grpc-timeout: ";
        append_u64(line, std::min<uint32_t>(timeout_ms, 99'999'999));
        add(line + "m");
    }
    return list;
}

size_t OtlpTransport::on_header(char* data, size_t size, size_t count, void* self) noexcept {
    static_cast<OtlpTransport*>(self)->answer_.read_header_line({data, size * count});
    return size * count;
}

size_t OtlpTransport::on_body(char* data, size_t size, size_t count, void* self) noexcept {
    OtlpTransport& transport = *static_cast<OtlpTransport*>(self);
    const std::size_t length = size * count;
    transport.body_bytes_ += length;
    if (transport.body_bytes_ > kAnswerBytesMax) return 0;  // an error: breaks the transfer off
    std::string& body = transport.answer_.body;
    body.append(data, std::min(length, kAnswerBytesKept - std::min(body.size(), kAnswerBytesKept)));
    return length;
}

void OtlpTransport::hurry(uint32_t deadline_ms) noexcept {
    deadline_ns_.store(mono_now_ns() + deadline_ms * kNsPerMs, std::memory_order_relaxed);
    curl_multi_wakeup(multi_);  // may be called from any thread
}

// The multi interface with one handle, because its wait can be cut short by hurry();
// CURLOPT_TIMEOUT cannot be changed under way.
CURLcode OtlpTransport::perform(uint64_t give_up_at_ns) noexcept {
    int running = 1;
    while (true) {
        if (curl_multi_perform(multi_, &running) != CURLM_OK) return CURLE_FAILED_INIT;
        if (running == 0) break;
        const uint64_t until =
            std::min(give_up_at_ns, deadline_ns_.load(std::memory_order_relaxed));
        const uint64_t now = mono_now_ns();
        if (now >= until) return CURLE_OPERATION_TIMEDOUT;
        const uint64_t wait_ms = std::min<uint64_t>((until - now) / kNsPerMs + 1, 1000);
        if (curl_multi_poll(multi_, nullptr, 0, static_cast<int>(wait_ms), nullptr) != CURLM_OK)
            return CURLE_FAILED_INIT;
    }
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left))
        if (message->msg == CURLMSG_DONE) return message->data.result;
    return CURLE_FAILED_INIT;
}

OtlpAnswer OtlpTransport::post(std::string_view body, uint32_t timeout_ms) noexcept {
    answer_ = OtlpAnswer{};
    body_bytes_ = 0;
    error_text_[0] = '\0';
    const uint64_t give_up_at_ns = mono_now_ns() + timeout_ms * kNsPerMs;
    curl_slist* headers = header_list(timeout_ms);
    CURLcode code = CURLE_FAILED_INIT;
    if (set(easy_, CURLOPT_HTTPHEADER, headers) && set(easy_, CURLOPT_POSTFIELDS, body.data()) &&
        set(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size())) &&
        curl_multi_add_handle(multi_, easy_) == CURLM_OK) {
        code = perform(give_up_at_ns);
        curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &answer_.http_status);
        curl_multi_remove_handle(multi_, easy_);  // the connection stays with the multi handle
    }
    set(easy_, CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
    curl_slist_free_all(headers);
    if (code != CURLE_OK) {
        const char* why = error_text_[0] != '\0' ? error_text_ : curl_easy_strerror(code);
        answer_.transport_error = code == CURLE_OPERATION_TIMEDOUT ? "no answer in time" : why;
    }
    return std::move(answer_);
}

}  // namespace glassgate::telemetry
