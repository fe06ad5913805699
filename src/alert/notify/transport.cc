#include "alert/notify/transport.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/clock.h"
#include "base/text.h"

namespace glassgate::alert {
namespace {

constexpr std::size_t kAnswerBytesKept = 1024;
constexpr uint64_t kAnswerBytesMax = 1 << 20;
constexpr uint64_t kRetryAfterMaxMs = 3'600'000;

// Counts its calls and may be called by several threads (CURL_VERSION_THREADSAFE).
bool curl_ready() {
    static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    return ready;
}

struct EasyEnd {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ListEnd {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyEnd>;
using List = std::unique_ptr<curl_slist, ListEnd>;

void add_line(List& list, const std::string& line) {
    if (curl_slist* longer = curl_slist_append(list.get(), line.c_str())) {
        (void)list.release();
        list.reset(longer);
    }
}

// One transfer and what its callbacks see.
struct Transfer {
    Easy easy{curl_easy_init()};
    char error_text[CURL_ERROR_SIZE] = {};
    const std::atomic<bool>* stop = nullptr;
    std::string body, retry_after;
    uint64_t body_bytes = 0;
    std::string_view upload;

    template <typename Value>
    bool set(CURLoption option, Value value) {
        return curl_easy_setopt(easy.get(), option, value) == CURLE_OK;
    }

    static size_t on_header(char* data, size_t size, size_t count, void* self) noexcept {
        const std::string_view line(data, size * count);
        constexpr std::string_view kName = "retry-after:";
        if (line.size() > kName.size() && iequals(line.substr(0, kName.size()), kName)) {
            std::string_view value = line.substr(kName.size());
            while (!value.empty() && (value.back() == '\r' || value.back() == '\n'))
                value.remove_suffix(1);
            static_cast<Transfer*>(self)->retry_after = trim_ows(value);
        }
        return size * count;
    }
    static size_t on_body(char* data, size_t size, size_t count, void* self) noexcept {
        Transfer& t = *static_cast<Transfer*>(self);
        t.body_bytes += size * count;
        if (t.body_bytes > kAnswerBytesMax) return 0;
        t.body.append(data, std::min(size * count,
                                     kAnswerBytesKept - std::min(t.body.size(), kAnswerBytesKept)));
        return size * count;
    }
    static size_t on_upload(char* to, size_t size, size_t count, void* self) noexcept {
        Transfer& t = *static_cast<Transfer*>(self);
        const std::size_t length = std::min(size * count, t.upload.size());
        std::memcpy(to, t.upload.data(), length);
        t.upload.remove_prefix(length);
        return length;
    }
    static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
        return static_cast<Transfer*>(self)->stop->load(std::memory_order_relaxed) ? 1 : 0;
    }

    bool set_up(const std::atomic<bool>& stop_flag, uint32_t timeout_ms,
                const std::string& ca_file) {
        stop = &stop_flag;
        bool ok =
            curl_ready() && easy != nullptr && set(CURLOPT_NOSIGNAL, 1L) &&
            set(CURLOPT_ERRORBUFFER, error_text) &&
            set(CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms)) &&
            set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(timeout_ms, 10'000u))) &&
            set(CURLOPT_NOPROGRESS, 0L) && set(CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress) &&
            set(CURLOPT_XFERINFODATA, this) && set(CURLOPT_HEADERFUNCTION, &Transfer::on_header) &&
            set(CURLOPT_HEADERDATA, this) && set(CURLOPT_WRITEFUNCTION, &Transfer::on_body) &&
            set(CURLOPT_WRITEDATA, this);
        if (!ca_file.empty()) ok = ok && set(CURLOPT_CAINFO, ca_file.c_str());
        return ok;
    }
    // Empty: good.
    std::string run() {
        const CURLcode code = curl_easy_perform(easy.get());
        if (code == CURLE_OK) return {};
        if (code == CURLE_ABORTED_BY_CALLBACK) return "the gateway stops";
        return error_text[0] != '\0' ? error_text : curl_easy_strerror(code);
    }
};

// Seconds, or a date (RFC 9110 §10.2.3).
std::optional<uint64_t> read_retry_after(std::string_view text, int64_t now_ms) {
    if (text.empty()) return std::nullopt;
    if (const auto seconds = parse_u64(text))
        return std::min(*seconds, kRetryAfterMaxMs / 1000) * 1000;
    const time_t at = curl_getdate(std::string(text).c_str(), nullptr);
    if (at < 0) return std::nullopt;
    const int64_t wait_ms = static_cast<int64_t>(at) * 1000 - now_ms;
    return static_cast<uint64_t>(std::clamp<int64_t>(wait_ms, 0, kRetryAfterMaxMs));
}

std::string first_line(std::string_view text) {
    std::string out(text.substr(0, std::min<std::size_t>(text.find('\n'), 200)));
    std::erase_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    return out;
}

bool set_email(Transfer& t, const EmailTarget& target, const std::string& url,
               const std::string& from, const List& to) {
    using Tls = EmailTarget::Tls;
    const long tls = target.tls == Tls::none            ? CURLUSESSL_NONE
                     : target.tls == Tls::opportunistic ? CURLUSESSL_TRY
                                                        : CURLUSESSL_ALL;
    bool ok = t.set(CURLOPT_URL, url.c_str()) && t.set(CURLOPT_PROTOCOLS_STR, "smtp,smtps") &&
              t.set(CURLOPT_USE_SSL, tls) && t.set(CURLOPT_MAIL_FROM, from.c_str()) &&
              t.set(CURLOPT_MAIL_RCPT, to.get()) && t.set(CURLOPT_UPLOAD, 1L) &&
              t.set(CURLOPT_READFUNCTION, &Transfer::on_upload) && t.set(CURLOPT_READDATA, &t);
    if (!target.username.empty())
        ok = ok && t.set(CURLOPT_USERNAME, target.username.c_str()) &&
             t.set(CURLOPT_PASSWORD, target.password.c_str());
    return ok;
}

}  // namespace

Delivery judge_http(long status, std::string_view retry_after, std::string_view body,
                    int64_t now_ms) {
    Delivery delivery;
    if (status >= 200 && status < 300) {
        delivery.kind = Delivery::Kind::sent;
        return delivery;
    }
    const bool temporary = status >= 500 || status == 408 || status == 425 || status == 429;
    delivery.kind = temporary ? Delivery::Kind::retry : Delivery::Kind::refused;
    delivery.error = "status " + std::to_string(status);
    if (const std::string line = first_line(body); !line.empty()) delivery.error += ": " + line;
    if (temporary) delivery.retry_after_ms = read_retry_after(retry_after, now_ms);
    return delivery;
}

Delivery post_json(const HttpTarget& target, std::string_view body, const std::atomic<bool>& stop) {
    Transfer t;
    List headers;
    add_line(headers, "Content-Type: application/json");
    add_line(headers, "User-Agent: Glassgate");
    add_line(headers, "Expect:");
    if (!target.bearer.empty()) add_line(headers, "Authorization: Bearer " + target.bearer);
    for (const std::string& line : target.headers) add_line(headers, line);
    bool ok = t.set_up(stop, target.timeout_ms, target.ca_file) &&
              t.set(CURLOPT_URL, target.url.c_str()) &&
              t.set(CURLOPT_PROTOCOLS_STR, "http,https") && t.set(CURLOPT_POST, 1L) &&
              t.set(CURLOPT_POSTFIELDS, body.data()) &&
              t.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size())) &&
              t.set(CURLOPT_HTTPHEADER, headers.get());
    if (!target.username.empty())
        ok = ok && t.set(CURLOPT_USERNAME, target.username.c_str()) &&
             t.set(CURLOPT_PASSWORD, target.password.c_str());
    if (!ok) return {Delivery::Kind::refused, "libcurl refuses the settings", std::nullopt};
    if (std::string error = t.run(); !error.empty())
        return {Delivery::Kind::retry, std::move(error), std::nullopt};
    long status = 0;
    curl_easy_getinfo(t.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    return judge_http(status, t.retry_after, t.body,
                      static_cast<int64_t>(wall_now_ns() / kNsPerMs));
}

Delivery send_mail(const EmailTarget& target, const std::string& message,
                   const std::atomic<bool>& stop) {
    Transfer t;
    t.upload = message;
    List to;
    for (const std::string& address : target.to) add_line(to, "<" + address + ">");
    const std::string from = "<" + target.from + ">";
    const bool implicit = target.tls == EmailTarget::Tls::implicit;
    std::string url = (implicit ? "smtps://" : "smtp://") + target.smarthost;
    if (!target.hello.empty()) url += "/" + target.hello;
    if (!t.set_up(stop, target.timeout_ms, target.ca_file) || !set_email(t, target, url, from, to))
        return {Delivery::Kind::refused, "libcurl refuses the settings", std::nullopt};
    std::string error = t.run();
    if (error.empty()) return {Delivery::Kind::sent, {}, std::nullopt};
    long status = 0;
    curl_easy_getinfo(t.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    // RFC 5321 §4.2.1: 5yz is for good.
    const bool for_good = status >= 500 && status < 600;
    return {for_good ? Delivery::Kind::refused : Delivery::Kind::retry, std::move(error),
            std::nullopt};
}

}  // namespace glassgate::alert
