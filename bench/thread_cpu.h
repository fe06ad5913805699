// CPU time of the threads of other processes, as the scheduler counts it.
//
// The load generator reads it itself, at the two ends of what it measures: another process would
// have to be woken for that, on a core that is busy, and would be late by milliseconds.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

struct ThreadCpu {
    std::string name;
    uint64_t ns = 0;  // exact
    uint64_t user_ticks = 0,
             system_ticks = 0;  // sampled by the kernel's timer: good for the share only
};

using ThreadCpus = std::map<int, ThreadCpu>;  // by thread id

inline void read_thread(const std::filesystem::path& task, ThreadCpus& into) {
    std::string stat;
    std::getline(std::ifstream(task / "stat"), stat);
    const std::size_t open = stat.find('('), close = stat.rfind(')');
    if (open == std::string::npos || close == std::string::npos) return;  // it has just ended
    ThreadCpu cpu;
    cpu.name = stat.substr(open + 1, close - open - 1);
    std::istringstream rest(stat.substr(close + 2));
    std::string skipped;
    for (int i = 0; i < 11; ++i) rest >> skipped;
    rest >> cpu.user_ticks >> cpu.system_ticks;
    std::ifstream(task / "schedstat") >> cpu.ns;
    into[std::stoi(task.filename())] = cpu;
}

inline ThreadCpus read_threads(const std::vector<int>& pids) {
    ThreadCpus all;
    for (const int pid : pids) {
        std::error_code gone;
        for (const auto& task :
             std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone))
            read_thread(task.path(), all);
    }
    return all;
}

// [{"tid": 1, "name": "worker", "ns": 1, "user": 1, "system": 1}, ...] of what was used in between.
inline std::string json_of_difference(const ThreadCpus& before, const ThreadCpus& after) {
    std::string out = "[";
    for (const auto& [tid, now] : after) {
        const auto found = before.find(tid);
        const ThreadCpu then = found == before.end() ? ThreadCpu{} : found->second;
        char line[256];
        std::snprintf(line, sizeof line,
                      R"(%s{"tid": %d, "name": "%.32s", "ns": %llu, "user": %llu, "system": %llu})",
                      out.size() > 1 ? ", " : "", tid, now.name.c_str(),
                      static_cast<unsigned long long>(now.ns - then.ns),
                      static_cast<unsigned long long>(now.user_ticks - then.user_ticks),
                      static_cast<unsigned long long>(now.system_ticks - then.system_ticks));
        out += line;
    }
    return out + "]";
}
