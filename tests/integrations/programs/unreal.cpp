// A game of sorts: plays, and prints what happens, one thing a line.

#include <atomic>
#include <iostream>
#include <thread>

#include "segue.hpp"

template <class... Words>
void print(const Words&... words) {
    ((std::cout << words << ' '), ...);
    std::cout << std::endl;
}

int main(int count, char** words) {
    segue::Options options;
    options.endpoint = words[1];
    if (count > 2) options.keys = words[2];
    segue::Client music(options);
    music.on_connected = [&] { print("connected", music.server()["rights"].text()); };
    music.on_lost = [] { print("lost"); };
    auto session = music.open("dungeon", {{"director", "table"}, {"parameters", segue::Fields{{"danger", 0.1}}}});
    session->on_opened = [&] { print("opened", session->id(), session->cue()["title"].text()); };
    session->on_closed = [](const std::string& reason) { print("closed", reason); };
    session->on_reopened = [&] {
        session->position().then([&](const segue::Reply& reply) {
            print("reopened", session->id(), reply.value()["position"]["parameters"]["danger"].number());
        });
    };
    session->on("beat", [&](const segue::Event& told) {
        print("beat", told.beat, session->seconds_until(told.at_frame));
    });
    session->on_sound("*", [&](const segue::Event& told) {
        print("sounds", told.type, session->seconds_until(told.at_frame));
    });
    session->on("executed", [](const segue::Event& told) { print("executed", told.data["verb"].text()); });

    // said before there is a session: done as soon as there is one
    const auto refused = [](const segue::Reply& reply) {
        try {
            reply.value();
        } catch (const segue::Error& error) {
            print("refused", error.code, error.what());
        }
    };
    session->set({{"danger", 0.7}}).then([](const segue::Reply& reply) { print("set", reply.ok); });
    session->go("boss").then([](const segue::Reply& reply) { print("go", reply.value()["eta_seconds"].number()); });
    session->set({{"dangr", 1.0}}).then(refused);
    session->set({{"danger", std::nan("")}}).then(refused);
    session->ask("metrics").then([](const segue::Reply& reply) { print("metrics", reply.ok); });

    std::atomic<bool> ending = false;
    std::thread reader([&] {
        std::cin.get();
        ending = true;
    });
    const auto frame = [&] {
        music.tick();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    };
    for (int i = 0; i < 10; ++i) frame();
    print("frames go by");
    while (!ending) frame();
    const auto closed = session->close();
    while (!closed.done()) frame();
    print("files", closed.reply().content["files"].list().size());
    reader.join();
}
