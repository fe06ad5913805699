// Keeps the addresses of names fresh: resolves each again and again, tells what has changed, and
// keeps the last good addresses when a name fails later. On one loop's thread.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "io/timer.h"
#include "model/event.h"

namespace glassgate::proxy {

using Addresses = std::vector<sockaddr_storage>;  // sorted, port 0

class NameRefresh {
public:
    // The addresses of `host` are other ones than before.
    using Changed = std::function<void(const std::string& host, const Addresses&)>;
    // dns_failed: once when a name stops resolving, or never did. dns_changed: its addresses are
    // other ones, or it resolves again; not for the first answer of all.
    using Events = std::function<void(const model::Event&)>;

    NameRefresh(io::Loop& loop, Random& random, std::unique_ptr<io::Resolver> resolver,
                Changed changed, Events events);
    NameRefresh(const NameRefresh&) = delete;
    NameRefresh& operator=(const NameRefresh&) = delete;

    // From now on these names, each with its refresh interval in milliseconds; others are
    // forgotten. `answered` runs once, when every one of them has resolved or failed at least once
    // (at once, within this call, when that is so already).
    void follow(const std::map<std::string, uint32_t>& refresh_ms, std::function<void()> answered);

    // The last good addresses; empty when there never were any.
    [[nodiscard]] const Addresses& addresses(const std::string& host) const;

private:
    struct Name {
        NameRefresh* owner = nullptr;
        std::string host;
        uint32_t refresh_ms = 0;
        Addresses good;
        bool answered = false;  // or failed
        bool failing = false;
        io::Timer due;
    };
    struct Waiting {
        std::set<std::string> hosts;
        std::function<void()> answered;
    };

    void resolve(Name& name);
    void on_answer(const std::string& host, const io::Resolution& resolution);
    void take_good(Name& name, Addresses addresses);
    void take_failure(Name& name, const io::Resolution& resolution);
    void schedule(Name& name);
    void no_longer_waits_for(const std::string& host);
    static void on_due(void* name);

    io::Loop& loop_;
    Random& random_;
    Changed changed_;
    Events events_;
    std::map<std::string, std::unique_ptr<Name>> names_;
    std::list<Waiting> waiting_;
    std::unique_ptr<io::Resolver> resolver_;  // goes first: its callbacks refer to the rest
};

}  // namespace glassgate::proxy
