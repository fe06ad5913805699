#include "console/scraper.h"

#include <curl/curl.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "base/clock.h"
#include "config/url.h"
#include "http/h1.h"
#include "store/feed/scraped_text.h"

namespace glassgate::console {
namespace {

using store::SeriesKind;
using store::TimeMs;

constexpr int64_t kTimeoutMaxMs = 10'000;
// What Prometheus 2.42 asks for.
constexpr const char* kAccept =
    "Accept: application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
    "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

TimeMs now_ms() { return static_cast<TimeMs>(wall_now_ns() / kNsPerMs); }

bool curl_ready() {
    static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    return ready;
}

std::string instance_of(const std::string& url) {
    const auto parsed = config::parse_url(url);
    if (!parsed) return url;
    return config::host_and_port(parsed->host,
                                 parsed->port.value_or(parsed->scheme == "https" ? 443 : 80));
}

store::Labels labels_of(const config::ScrapeJob& job, const std::string& url) {
    return {{"instance", instance_of(url)}, {"job", job.job}};
}

ScrapeTarget target_of(const config::ScrapeJob& job, const std::string& url, int64_t timeout_ms) {
    ScrapeTarget target;
    target.job = job.job;
    target.url = url;
    target.labels = labels_of(job, url);
    target.discovered = discovered_labels(url, job.job);
    target.interval_ms = job.interval_ms;
    target.timeout_ms = timeout_ms;
    return target;
}

}  // namespace

store::Labels discovered_labels(const std::string& url, const std::string& job) {
    const auto parsed = config::parse_url(url);
    if (!parsed) return {{"job", job}};
    return {{"__address__", instance_of(url)},
            {"__metrics_path__", parsed->path},
            {"__scheme__", parsed->scheme},
            {"job", job}};
}

// ---- Fetcher -----------------------------------------------------------------------------------

struct Fetcher::Transfer {
    std::string body;
    bool too_large = false;
    const std::atomic<bool>& stopping;
};

Fetcher::Fetcher() : easy_(curl_ready() ? curl_easy_init() : nullptr) {}

Fetcher::~Fetcher() {
    if (easy_ != nullptr) curl_easy_cleanup(easy_);
}

std::size_t Fetcher::on_body(char* data, std::size_t size, std::size_t count, void* self) noexcept {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.too_large = transfer.body.size() + size * count > kBodyBytesMax;
    if (transfer.too_large) return 0;
    transfer.body.append(data, size * count);
    return size * count;
}

int Fetcher::on_progress(void* self, long, long, long, long) noexcept {
    return static_cast<Transfer*>(self)->stopping.load() ? 1 : 0;
}

Result<Fetcher::Fetched> Fetcher::get(const std::string& url, int64_t timeout_ms,
                                      const std::atomic<bool>& stopping) {
    if (easy_ == nullptr) return failure("libcurl cannot be initialised");
    Transfer transfer{{}, false, stopping};
    char why[CURL_ERROR_SIZE] = {};
    curl_slist* headers = curl_slist_append(nullptr, kAccept);
    const std::string timeout = "X-Prometheus-Scrape-Timeout-Seconds: " +
                                std::to_string(static_cast<double>(timeout_ms) / 1000);
    headers = curl_slist_append(headers, timeout.c_str());
    curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
    curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy_, CURLOPT_USERAGENT, "glassgate");
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &Fetcher::on_body);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy_, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy_, CURLOPT_XFERINFOFUNCTION, &Fetcher::on_progress);
    curl_easy_setopt(easy_, CURLOPT_XFERINFODATA, &transfer);
    const CURLcode code = curl_easy_perform(easy_);
    curl_slist_free_all(headers);
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, nullptr);
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, nullptr);
    if (transfer.too_large)
        return failure("the body is larger than " + std::to_string(kBodyBytesMax) + " bytes");
    if (code != CURLE_OK) return failure(why[0] != '\0' ? why : curl_easy_strerror(code));
    long status = 0;
    const char* type = nullptr;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy_, CURLINFO_CONTENT_TYPE, &type);
    if (status != 200)
        return failure("server returned HTTP status " + std::to_string(status) + " " +
                       std::string(http::reason_phrase(static_cast<uint16_t>(status))));
    return Fetched{std::move(transfer.body), type != nullptr ? type : ""};
}

// ---- Scraper -----------------------------------------------------------------------------------

Scraper::Scraper(store::Store& store, MetadataTable& metadata, const config::ScrapeJob& job,
                 const std::string& url)
    : metadata_(metadata),
      interval_ms_(job.interval_ms),
      timeout_ms_(std::min(job.interval_ms, kTimeoutMaxMs)),
      feed_(store, labels_of(job, url)),
      target_(target_of(job, url, timeout_ms_)) {}

Scraper::~Scraper() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
    if (last_ms_ != store::kNever) feed_.close(std::max(now_ms(), last_ms_ + 1));
}

ScrapeTarget Scraper::state() const {
    const std::lock_guard lock(mutex_);
    return target_;
}

void Scraper::start() {
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "scraper");
        run();
    });
}

// Fetches and reads; only what was read as a whole goes into the round.
Result<std::size_t> Scraper::feed(TimeMs t_ms) {
    const auto fetched = TRY(fetcher_.get(target_.url, timeout_ms_, stopping_));
    const auto scraped =
        TRY(store::read_scraped_text(fetched.body, store::format_of(fetched.content_type)));
    for (const store::ScrapedFamily& f : scraped.families)
        metadata_.add(f.name, {f.type.empty() ? "unknown" : f.type, f.help, f.unit});
    store::feed_scraped(scraped, feed_, t_ms);
    return scraped.samples.size();
}

void Scraper::scrape(TimeMs t_ms) {
    const uint64_t began_ns = mono_now_ns();
    feed_.begin(t_ms);
    const Result<std::size_t> samples = feed(t_ms);
    const double duration_s = static_cast<double>(mono_now_ns() - began_ns) / 1e9;
    const auto number = [&](std::string_view name, double value) {
        feed_.number({name, {}, {}, {}}, SeriesKind::gauge, value);
    };
    number("up", samples ? 1 : 0);
    number("scrape_duration_seconds", duration_s);
    number("scrape_samples_scraped", samples ? static_cast<double>(*samples) : 0);
    feed_.end();
    last_ms_ = t_ms;
    const std::lock_guard lock(mutex_);
    target_.known = true;
    target_.up = samples.has_value();
    target_.last_error = samples ? "" : samples.error().message;
    target_.last_scrape_ms = t_ms;
    target_.last_duration_s = duration_s;
}

// Every interval, each target at an offset of its own, so that they do not all come at once.
void Scraper::run() {
    const auto offset_ms = static_cast<int64_t>(std::hash<std::string>{}(target_.url) %
                                                static_cast<std::size_t>(interval_ms_));
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const int64_t since_ms = (now_ms() + interval_ms_ - offset_ms) % interval_ms_;
        wake_.wait_for(lock, std::chrono::milliseconds(interval_ms_ - since_ms),
                       [this] { return stopping_.load(); });
        if (stopping_) return;
        const TimeMs now = now_ms();
        if (now <= last_ms_) continue;  // the clock was set back
        lock.unlock();
        scrape(now);
        lock.lock();
    }
}

}  // namespace glassgate::console
