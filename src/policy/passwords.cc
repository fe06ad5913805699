#include "policy/passwords.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace glassgate::policy {
namespace {

constexpr std::size_t kMinHashBytes = 40;

}  // namespace

bool is_password_hash(std::string_view hash) noexcept {
    constexpr std::string_view kForms[] = {"$2a$", "$2b$", "$2y$", "$6$", "$5$", "$y$", "$7$"};
    if (std::none_of(std::begin(kForms), std::end(kForms),
                     [&](std::string_view form) { return hash.starts_with(form); }))
        return false;
    // crypt tells whether it knows the form; the shortest whole hash, sha256-crypt's, has 48 bytes.
    return hash.size() >= kMinHashBytes &&
           crypt_checksalt(std::string(hash).c_str()) != CRYPT_SALT_INVALID;
}

bool password_matches(const std::string& password, const std::string& hash) {
    const auto data = std::make_unique<crypt_data>();
    const char* const got = crypt_r(password.c_str(), hash.c_str(), data.get());
    const bool good = got != nullptr && got[0] != '*' && hash.size() == std::strlen(got) &&
                      CRYPTO_memcmp(got, hash.data(), hash.size()) == 0;
    OPENSSL_cleanse(data.get(), sizeof *data);
    return good;
}

Passwords::Job::~Job() { OPENSSL_cleanse(password.data(), password.size()); }

Passwords::~Passwords() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        queue_.clear();
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool Passwords::ask(std::shared_ptr<Job> job) {
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(queue_, [](const auto& waiting) { return !waiting->wanted.load(); });
        if (queue_.size() >= kMaxQueued) return false;
        queue_.push_back(std::move(job));
        if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    }
    changed_.notify_one();
    return true;
}

void Passwords::run() {
    pthread_setname_np(pthread_self(), "passwords");
    // Workers first: whoever floods us with passwords takes what is left.
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 10);
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (stopping_) return;
        const std::shared_ptr<Job> job = std::move(queue_.front());
        queue_.pop_front();
        if (!job->wanted.load()) continue;
        lock.unlock();
        const bool good = password_matches(job->password, job->hash);
        job->bell->ring([job, good] {
            job->good = good;
            job->done = true;
            if (job->told) job->told();
        });
        lock.lock();
    }
}

}  // namespace glassgate::policy
