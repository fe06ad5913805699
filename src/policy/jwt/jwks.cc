#include "policy/jwt/jwks.h"

#include <curl/curl.h>

#include <algorithm>
#include <list>
#include <map>
#include <thread>

#include "base/clock.h"

namespace glassgate::policy::jwt {
namespace {

constexpr std::size_t kMaxBodyBytes = 1024 * 1024;
constexpr uint64_t kFirstRetryMs = 1000;
constexpr uint64_t kLastRetryMs = 60'000;
constexpr int kLookAroundMs = 1000;  // sources that nobody uses any more are let go that soon

// 1, 2, 4 ... 60 s.
uint64_t retry_ms(unsigned failures) {
    return std::min(kFirstRetryMs << std::min(failures - 1, 10u), kLastRetryMs);
}

std::string scheme_of(const std::string& url) { return url.substr(0, url.find(':')); }

}  // namespace

Keys JwksSource::keys() const {
    const std::lock_guard lock(mutex_);
    return keys_;
}

bool JwksSource::ask() {
    {
        const std::lock_guard lock(mutex_);
        if (fetching_ || asked_) return true;
        const uint64_t now_ns = mono_now_ns();
        if (began_ns_ != 0 && now_ns - began_ns_ < settings_.min_gap_ms * kNsPerMs) return false;
        asked_ = true;
    }
    if (wake_thread_) wake_thread_();
    return true;
}

void JwksSource::listen(std::shared_ptr<Doorbell> bell, std::function<void(const News&)> heard) {
    const std::lock_guard lock(mutex_);
    listeners_.push_back({std::move(bell), std::move(heard)});
}

void JwksSource::forget(const Doorbell* bell) {
    const std::lock_guard lock(mutex_);
    std::erase_if(listeners_, [bell](const Listener& l) { return l.bell.get() == bell; });
}

bool JwksSource::due(uint64_t now_ns) {
    const std::lock_guard lock(mutex_);
    if (fetching_ || (!asked_ && began_ns_ != 0 && now_ns < next_ns_)) return false;
    fetching_ = true;
    asked_ = false;
    began_ns_ = now_ns;
    return true;
}

uint64_t JwksSource::next_ns() const {
    const std::lock_guard lock(mutex_);
    if (fetching_) return UINT64_MAX;
    return asked_ || began_ns_ == 0 ? 0 : next_ns_;
}

void JwksSource::done(Result<std::string> body, uint64_t now_ns) {
    News news;
    Result<std::vector<Key>> fresh =
        body ? parse_key_set(*body) : Result<std::vector<Key>>(std::unexpected(body.error()));
    {
        const std::lock_guard lock(mutex_);
        fetching_ = false;
        if (fresh) {
            news.recovered = failures_ > 0;
            failures_ = 0;
            next_ns_ = now_ns + settings_.refresh_ms * kNsPerMs;
            if (keys_ == nullptr || *body != body_) {
                news.changed = true;
                body_ = std::move(*body);
                keys_ = std::make_shared<const std::vector<Key>>(std::move(*fresh));
                version_.fetch_add(1, std::memory_order_release);
            }
        } else {
            news.now_failing = failures_++ == 0;
            news.error = fresh.error().message;
            next_ns_ =
                now_ns + std::min<uint64_t>(retry_ms(failures_), settings_.refresh_ms) * kNsPerMs;
        }
        news.keys = keys_ != nullptr ? keys_->size() : 0;
    }
    tell(news);
}

void JwksSource::tell(const News& news) {
    std::vector<Listener> listeners;
    {
        const std::lock_guard lock(mutex_);
        listeners = listeners_;
    }
    News told = news;
    told.announce = true;
    for (const Listener& listener : listeners) {
        listener.bell->ring([heard = listener.heard, told] { heard(told); });
        told.announce = false;
    }
}

// ---- the thread
// -------------------------------------------------------------------------------------

class JwksFetcher {
public:
    JwksFetcher() : multi_(curl_multi_init()), thread_([this] { run(); }) {}
    ~JwksFetcher() {
        stopping_ = true;
        wake();
        thread_.join();
        curl_multi_cleanup(multi_);
    }
    JwksFetcher(const JwksFetcher&) = delete;
    JwksFetcher& operator=(const JwksFetcher&) = delete;

    std::shared_ptr<JwksSource> source(const JwksSettings& settings) {
        const std::lock_guard lock(mutex_);
        std::weak_ptr<JwksSource>& known = sources_[settings];
        std::shared_ptr<JwksSource> source = known.lock();
        if (source != nullptr) return source;
        source = std::make_shared<JwksSource>(settings);
        source->wake_thread_ = [this] { wake(); };
        known = source;
        wake();
        return source;
    }

private:
    struct Fetch {
        std::shared_ptr<JwksSource> source;
        CURL* easy = nullptr;
        std::string body;
        bool too_large = false;
        char error[CURL_ERROR_SIZE] = {};
    };

    void wake() { curl_multi_wakeup(multi_); }

    void run() {
        pthread_setname_np(pthread_self(), "keys");
        while (!stopping_) {
            begin_due();
            int running = 0;
            curl_multi_perform(multi_, &running);
            end_finished();
            curl_multi_poll(multi_, nullptr, 0, wait_ms(), nullptr);
        }
        for (Fetch& fetch : fetches_) {
            curl_multi_remove_handle(multi_, fetch.easy);
            curl_easy_cleanup(fetch.easy);
        }
        fetches_.clear();
    }

    std::vector<std::shared_ptr<JwksSource>> alive() {
        const std::lock_guard lock(mutex_);
        std::vector<std::shared_ptr<JwksSource>> all;
        std::erase_if(sources_, [&](const auto& entry) {
            auto source = entry.second.lock();
            if (source != nullptr) all.push_back(std::move(source));
            return entry.second.expired();
        });
        return all;
    }

    int wait_ms() {
        uint64_t next_ns = UINT64_MAX;
        for (const auto& source : alive()) next_ns = std::min(next_ns, source->next_ns());
        const uint64_t now_ns = mono_now_ns();
        if (next_ns <= now_ns) return 0;
        return static_cast<int>(
            std::min<uint64_t>((next_ns - now_ns) / kNsPerMs + 1, kLookAroundMs));
    }

    void begin_due() {
        const uint64_t now_ns = mono_now_ns();
        for (const auto& source : alive())
            if (source->due(now_ns)) begin(source);
    }

    void begin(std::shared_ptr<JwksSource> source) {
        Fetch& fetch = fetches_.emplace_back();
        fetch.source = std::move(source);
        fetch.easy = curl_easy_init();
        const JwksSettings& settings = fetch.source->settings();
        const std::string scheme = scheme_of(settings.url);
        CURL* const easy = fetch.easy;
        curl_easy_setopt(easy, CURLOPT_PRIVATE, &fetch);
        curl_easy_setopt(easy, CURLOPT_URL, settings.url.c_str());
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, scheme.c_str());
        // Never from https to http: whoever answers there could hand out keys of his own.
        curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
                         scheme == "https" ? "https" : "http,https");
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 3L);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(settings.timeout_ms));
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
        curl_easy_setopt(easy, CURLOPT_USERAGENT, "Glassgate");
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch.error);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &JwksFetcher::on_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &fetch);
        if (!settings.trusted_ca.empty()) {
            curl_blob blob{const_cast<char*>(settings.trusted_ca.data()),
                           settings.trusted_ca.size(), CURL_BLOB_COPY};
            curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
        }
        curl_multi_add_handle(multi_, easy);
    }

    static std::size_t on_body(char* data, std::size_t, std::size_t size, void* raw) {
        auto* const fetch = static_cast<Fetch*>(raw);
        fetch->too_large = fetch->body.size() + size > kMaxBodyBytes;
        if (fetch->too_large) return 0;
        fetch->body.append(data, size);
        return size;
    }

    void end_finished() {
        int left = 0;
        while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            Fetch* fetch = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
            end(*fetch, message->data.result);
        }
    }

    void end(Fetch& fetch, CURLcode code) {
        long status = 0;
        curl_easy_getinfo(fetch.easy, CURLINFO_RESPONSE_CODE, &status);
        Result<std::string> body = std::move(fetch.body);
        if (fetch.too_large)
            body = failure("more than 1 MiB");
        else if (code != CURLE_OK)
            body = failure(fetch.error[0] != 0 ? fetch.error : curl_easy_strerror(code));
        else if (status != 200)
            body = failure("status " + std::to_string(status));
        curl_multi_remove_handle(multi_, fetch.easy);
        curl_easy_cleanup(fetch.easy);
        fetch.source->done(std::move(body), mono_now_ns());
        fetches_.remove_if([&fetch](const Fetch& f) { return &f == &fetch; });
    }

    CURLM* const multi_;
    std::atomic<bool> stopping_{false};
    std::list<Fetch> fetches_;  // the thread's; addresses are stable
    std::mutex mutex_;
    std::map<JwksSettings, std::weak_ptr<JwksSource>> sources_;  // guarded by mutex_
    std::thread thread_;                                         // last: begins when all is there
};

JwksKeeper::JwksKeeper() = default;
JwksKeeper::~JwksKeeper() = default;

std::shared_ptr<JwksSource> JwksKeeper::source(const JwksSettings& settings) {
    const std::lock_guard lock(mutex_);
    if (fetcher_ == nullptr) {
        // Not thread-safe everywhere; here it is (CURL_VERSION_THREADSAFE), and counted.
        curl_global_init(CURL_GLOBAL_DEFAULT);
        fetcher_ = std::make_unique<JwksFetcher>();
    }
    return fetcher_->source(settings);
}

}  // namespace glassgate::policy::jwt
