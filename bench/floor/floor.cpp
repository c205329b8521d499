// SPDX-License-Identifier: Apache-2.0
// floor.cpp - what the machine can do on the same file: the yardstick of every throughput figure.
//
//     egret-bench-floor lines FILE    read(2) in 1 MiB pieces, count line ends
//     egret-bench-floor json FILE     simdjson on-demand over the mapped file, four fields an event (ts, user, type, amount)
//
// Prints one line of JSON: {"floor":..., "events":..., "wall_s":..., "cpu_s_per_million":..., "check":...}
#include <fcntl.h>
#include <simdjson.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

namespace
{
struct Result {
    size_t events = 0;
    uint64_t check =
        0; // keeps the work from being optimised away, and shows that it is the same work
    bool ok = false;
};

double wall_seconds()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

double cpu_seconds()
{
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    auto seconds = [](const timeval &time) {
        return double(time.tv_sec) + double(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Result count_lines(const char *path)
{
    Result result;
    std::vector<char> piece(1 << 20);
    int file = open(path, O_RDONLY);
    ssize_t length;

    if (file < 0)
        return result;
    while ((length = read(file, piece.data(), piece.size())) > 0) {
        const char *end = piece.data() + length;
        for (const char *at = piece.data();
             (at = static_cast<const char *>(memchr(at, '\n', size_t(end - at)))); at++)
            result.events++;
    }
    close(file);
    result.ok = length == 0;
    return result;
}

Result walk_json(const simdjson::padded_string &text)
{
    Result result;
    simdjson::ondemand::parser parser;
    simdjson::ondemand::document_stream events;

    if (parser.iterate_many(text, 1000000).get(events))
        return result;
    for (auto document : events) {
        simdjson::ondemand::object event;
        int64_t time;
        double amount;
        std::string_view user, type;

        if (document.get_object().get(event) || event["ts"].get(time) || event["user"].get(user) ||
            event["type"].get(type) || event["amount"].get(amount))
            return result;
        result.check += uint64_t(time) + user.size() + uint64_t(type[0]) + uint64_t(amount);
        result.events++;
    }
    result.ok = true;
    return result;
}
} // namespace

int main(int argc, char **argv)
{
    if (argc != 3 || (strcmp(argv[1], "lines") != 0 && strcmp(argv[1], "json") != 0)) {
        fputs("usage: egret-bench-floor lines|json FILE\n", stderr);
        return 2;
    }

    bool json = strcmp(argv[1], "json") == 0;
    simdjson::padded_string text;

    if (json && simdjson::padded_string::load(argv[2]).get(text)) {
        fprintf(stderr, "egret-bench-floor: cannot read %s\n", argv[2]);
        return 1;
    }

    double wall = wall_seconds(), cpu = cpu_seconds();
    Result result = json ? walk_json(text) : count_lines(argv[2]);

    wall = wall_seconds() - wall;
    cpu = cpu_seconds() - cpu;
    if (!result.ok || result.events == 0) {
        fprintf(stderr, "egret-bench-floor: %s is not such a file\n", argv[2]);
        return 1;
    }
    printf("{\"floor\":\"%s\",\"events\":%zu,\"wall_s\":%.3f,\"cpu_s_per_million\":%.4f,\"check\":%"
           "llu}\n",
           argv[1], result.events, wall, cpu / double(result.events) * 1e6,
           static_cast<unsigned long long>(result.check));
    return 0;
}
