// An example without an engine: a walk from a meadow into a cave and out again.
//
//     g++ -std=c++17 example.cpp -lzmq -o walk && ./walk        # with `segue serve` in a terminal
//     ./walk tcp://192.168.1.7:5570 laptop.key                  # to a server on another machine

#include <chrono>
#include <cmath>
#include <cstdio>
#include <thread>

#include "segue.hpp"

int main(int count, char** words) {
    segue::Options options;
    if (count > 1) options.endpoint = words[1];
    if (count > 2) options.keys = words[2];
    const double walk_seconds = count > 3 ? std::atof(words[3]) : 60.0;

    segue::Client music(options);
    music.on_lost = [] { std::puts("the server is gone; the walk goes on"); };
    auto session = music.open("dungeon", {{"output", count > 3 ? "none" : "auto"}});
    session->on_opened = [&] { std::printf("plays %s\n", session->cue()["title"].text().c_str()); };
    session->on_closed = [](const std::string& reason) { std::printf("no music: %s\n", reason.c_str()); };
    session->on("section", [](const segue::Event& told) {
        std::printf("section %s\n", told.data["name"].text().c_str());
    });
    session->on_sound("beat", [](const segue::Event&) { std::fputs(". ", stdout), std::fflush(stdout); });

    const auto frame = std::chrono::milliseconds(16);
    bool deep = false;
    for (double seconds = 0.0; seconds < walk_seconds; seconds += 0.016) {
        const double depth = std::sin(3.14159 * seconds / walk_seconds);  // 0 outside, 1 at the bottom
        if (std::fmod(seconds, 0.25) < 0.016) session->set({{"danger", depth}}, {{"ramp_seconds", 0.3}});
        if (std::exchange(deep, depth > 0.7) != (depth > 0.7)) session->go(depth > 0.7 ? "fight" : "explore");
        music.tick();
        std::this_thread::sleep_for(frame);
    }
    auto closed = session->close();
    for (int ticks = 0; ticks < 60 && !closed.done(); ++ticks, std::this_thread::sleep_for(frame)) music.tick();
}
