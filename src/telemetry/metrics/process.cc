#include "telemetry/metrics/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string_view>

#include "base/text.h"
#include "telemetry/metrics/catalogue.h"

namespace glassgate::telemetry {
namespace {

std::string read_file(const char* path) {
    std::string text;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return text;
    char block[4096];
    for (ssize_t n; (n = read(fd, block, sizeof block)) > 0;)
        text.append(block, static_cast<std::size_t>(n));
    close(fd);
    return text;
}

// Field `number` of /proc/self/stat, counted as in proc(5); only those after the command's name.
double stat_field(std::string_view stat, unsigned number) {
    const std::size_t name_end = stat.rfind(") ");
    if (name_end == std::string_view::npos) return 0;
    stat.remove_prefix(name_end + 2);
    for (unsigned field = 3; field < number; ++field) {
        const std::size_t space = stat.find(' ');
        if (space == std::string_view::npos) return 0;
        stat.remove_prefix(space + 1);
    }
    const auto value = parse_u64(stat.substr(0, stat.find(' ')));
    return value ? static_cast<double>(*value) : 0;
}

double boot_time_seconds() {
    const std::string text = read_file("/proc/stat");
    const std::size_t at = text.find("\nbtime ");
    if (at == std::string::npos) return 0;
    const std::string_view rest = std::string_view(text).substr(at + 7);
    const auto value = parse_u64(rest.substr(0, rest.find('\n')));
    return value ? static_cast<double>(*value) : 0;
}

double count_open_fds() {
    DIR* directory = opendir("/proc/self/fd");
    if (directory == nullptr) return 0;
    double count = 0;
    while (const dirent* entry = readdir(directory))
        if (entry->d_name[0] != '.') ++count;
    closedir(directory);
    return count - 1;  // without the one that counts
}

}  // namespace

ProcessNumbers read_process_numbers() {
    static const double boot = boot_time_seconds();
    static const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    static const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
    const std::string stat = read_file("/proc/self/stat");
    ProcessNumbers numbers;
    numbers.cpu_seconds = (stat_field(stat, 14) + stat_field(stat, 15)) / ticks;  // utime, stime
    numbers.start_time_seconds = boot + stat_field(stat, 22) / ticks;
    numbers.virtual_bytes = stat_field(stat, 23);
    numbers.resident_bytes = stat_field(stat, 24) * page;
    numbers.open_fds = count_open_fds();
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        numbers.max_fds = static_cast<double>(limit.rlim_cur);
    return numbers;
}

External build_info(std::string version, std::string revision) {
    External external;
    external.name = "flex_build_info";
    external.help = find_family(external.name)->help;
    external.type = MetricType::gauge;
    external.collect = [version = std::move(version),
                        revision = std::move(revision)](std::vector<Sample>& samples) {
        samples.push_back({{{"version", version}, {"revision", revision}}, 1});
    };
    return external;
}

}  // namespace glassgate::telemetry
