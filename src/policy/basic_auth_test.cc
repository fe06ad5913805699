#include "policy/basic_auth.h"

#include <gtest/gtest.h>

#include <thread>

#include "http/base64.h"
#include "policy/fixture_test.h"
#include "policy/pause.h"
#include "policy/services.h"

namespace glassgate::policy {
namespace {

// openssl passwd -6 -salt saltsalt secret
constexpr const char* kSha512 =
    "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq."
    "H91p5hVO1";

std::string basic(const std::string& user_and_password) {
    std::string text = "Authorization: Basic ";
    http::append_base64(text, user_and_password);
    return text;
}

// A worker whose loop runs on the test's thread until a request has its verdict.
class BasicAuthTest : public testing::Test {
protected:
    BasicAuthTest() {
        worker_.env.loop = loop_.get();
        worker_.env.services = &services_;
    }
    void use(std::vector<std::pair<std::string, Node>> settings) {
        Compiled compiled = compile("basic-auth", map(std::move(settings)));
        ASSERT_TRUE(compiled.plan) << compiled.mistakes;
        plan_ = std::move(compiled.plan);
        policy_ = plan_->instantiate(worker_.env);
    }
    io::Detached run(Request& request, std::string& result) {
        const Verdict verdict = co_await policy_->resume(request);
        result = verdict_text(verdict);
        loop_->stop();
    }
    std::string waited(Call& call) {
        call.request.now_ns = loop_->refresh_now();
        std::string result = verdict_text(policy_->on_request(call.request));
        if (result != "wait") return "at once: " + result;
        run(call.request, result);
        if (result == "wait") loop_->run();
        return result;
    }
    std::string as(const std::string& user_and_password) {
        Call call(with_headers({basic(user_and_password)}));
        const std::string result = waited(call);
        if (result.ends_with("pass")) {
            EXPECT_EQ(call.request.client_id,
                      user_and_password.substr(0, user_and_password.find(':')));
        }
        return result;
    }
    std::unique_ptr<io::Loop> loop_ = std::move(*io::Loop::create());
    Services services_;
    FakeWorker worker_;
    std::unique_ptr<PolicyPlan> plan_;
    std::unique_ptr<Policy> policy_;
};

constexpr const char* kBad = "401 bad_credentials: Unauthorized";

TEST_F(BasicAuthTest, ComparesElsewhereAndRemembers) {
    use({{"users", map({{"ann", scalar(kSha512)}})}});
    EXPECT_EQ(as("ann:secret"), "pass");
    EXPECT_EQ(as("ann:secret"), "at once: pass");
    EXPECT_EQ(as("ann:wrong"), kBad);
    EXPECT_EQ(as("ann:wrong"), std::string("at once: ") + kBad);
    EXPECT_EQ(as("bob:secret"), kBad);
    EXPECT_EQ(as("ann:secret"), "at once: pass");
}

TEST_F(BasicAuthTest, HtpasswdFile) {
    use({{"htpasswd", scalar(std::string("# users\n\nann:") + kSha512 + "\r\nbob:" + kSha512)}});
    EXPECT_EQ(as("bob:secret"), "pass");
    EXPECT_EQ(as("#:secret"), kBad);
}

TEST_F(BasicAuthTest, PasswordOfTheConfiguration) {
    use({{"username", scalar("ann")}, {"password", scalar("s:e:c")}});
    EXPECT_EQ(as("ann:s:e:c"), "at once: pass");
    EXPECT_EQ(as("ann:s:e"), std::string("at once: ") + kBad);
    EXPECT_EQ(as("bob:s:e:c"), std::string("at once: ") + kBad);
}

TEST_F(BasicAuthTest, WhatIsNoCredential) {
    use({{"users", map({{"ann", scalar(kSha512)}})}, {"realm", scalar("a \"b\"")}});
    Call none;
    EXPECT_EQ(waited(none), "at once: 401 missing_credentials: Unauthorized");
    EXPECT_EQ(none.header("WWW-Authenticate"), "Basic realm=\"a \\\"b\\\"\", charset=\"UTF-8\"");
    Call bearer(with_headers({"Authorization: Bearer x"}));
    EXPECT_EQ(waited(bearer), "at once: 401 missing_credentials: Unauthorized");
    Call broken(with_headers({"Authorization: Basic !"}));
    EXPECT_EQ(waited(broken), std::string("at once: ") + kBad);
    EXPECT_EQ(as("ann:" + std::string(600, 'x')), std::string("at once: ") + kBad);
    EXPECT_EQ(as(std::string("ann:a\0b", 7)), std::string("at once: ") + kBad);
}

TEST_F(BasicAuthTest, GivesUpWhenTheExchangeDoes) {
    use({{"users", map({{"ann", scalar(kSha512)}})}});
    Call call(with_headers({basic("ann:secret")}));
    EXPECT_EQ(verdict_text(policy_->on_request(call.request)), "wait");
    std::string result;
    run(call.request, result);
    ASSERT_NE(call.request.pause, nullptr);
    call.request.pause->cancel();
    EXPECT_EQ(result, "503 busy: Service Unavailable");
    EXPECT_EQ(call.request.pause, nullptr);
    loop_->run();  // what the thread has still to say finds nobody
}

TEST_F(BasicAuthTest, QueueIsBounded) {
    Passwords passwords;
    const auto bell = std::make_shared<Doorbell>(*loop_);
    const auto ask = [&] {
        auto job = std::make_shared<Passwords::Job>();
        job->password = "x";
        job->hash = "$6$rounds=200000$saltsalt$";  // long enough to pile up
        job->bell = bell;
        return passwords.ask(job);
    };
    std::size_t taken = 0;
    while (taken < 1000 && ask()) ++taken;
    EXPECT_GE(taken, Passwords::kMaxQueued);
    EXPECT_LT(taken, Passwords::kMaxQueued + 100);
    bell->close();
}

TEST(BasicAuthSettings, Mistakes) {
    EXPECT_EQ(compile("basic-auth", Node{}).mistakes,
              "error: policy basic-auth has no users; expected users, htpasswd, or username and "
              "password\n");
    const std::string none =
        " is none that is used here; expected a hash of bcrypt, sha512-crypt, sha256-crypt, scrypt "
        "or yescrypt\n";
    EXPECT_EQ(compile("basic-auth", map({{"users", map({{"a", scalar("secret")}})}})).mistakes,
              "error: the hash of user 'a'" + none);
    EXPECT_EQ(
        compile("basic-auth", map({{"htpasswd", scalar("a\nb:$apr1$x$y\nc:{SHA}x")}})).mistakes,
        "error: htpasswd has no user and hash in line 1; expected user:hash\n"
        "error: the hash of user 'b'" +
            none + "error: the hash of user 'c'" + none);
    EXPECT_EQ(compile("basic-auth", map({{"username", scalar("a")}})).mistakes,
              "error: policy basic-auth has no key 'password'\n");
}

TEST(PasswordHash, Forms) {
    EXPECT_TRUE(is_password_hash(kSha512));
    EXPECT_TRUE(is_password_hash("$2b$12$abcdefghijklmnopqrstuuJ7bO6bkYwr0kWKG8E5JwqzQW1vHkhG."));
    EXPECT_FALSE(is_password_hash("$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"));
    EXPECT_FALSE(is_password_hash("password"));
    EXPECT_FALSE(is_password_hash(""));
    EXPECT_TRUE(password_matches("secret", kSha512));
    EXPECT_FALSE(password_matches("Secret", kSha512));
    EXPECT_FALSE(password_matches("", kSha512));
}

}  // namespace
}  // namespace glassgate::policy
