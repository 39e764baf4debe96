// The C++17 client of Segue, for Unreal and everything else: one header over cppzmq (zmq.hpp, libzmq).
//
//     segue::Client music;                                   // tcp://127.0.0.1:5570
//     auto session = music.open("dungeon", {{"output", "auto"}});
//     session->on("beat", [&](const segue::Event& beat) {    // told ahead of the sound
//         flash_in(session->seconds_until(beat.at_frame));
//     });
//     session->set({{"danger", 0.8}});                       // every verb returns at once
//     session->go("boss").then([](const segue::Reply& reply) { log(reply.content["eta_seconds"].number()); });
//     ...
//     music.tick();                                          // once a frame: replies and events come here
//
// Speaks the protocol of docs/protocol.md. Nothing here waits, and nothing throws but Reply::value.
// All calls belong to one thread, which hears of everything in tick(). A server that is lost is called
// again, and a session that it does not know any more is opened again, with the parameters last set.

#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <fstream>
#include <functional>
#include <limits>
#include <locale>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <zmq.hpp>

namespace segue {

constexpr const char* kVersion = "1.3";  // of the protocol
constexpr double kNever = std::numeric_limits<double>::infinity();

// ------------------------------------------------------------------------------------------- JSON

class Value;
using Fields = std::map<std::string, Value>;
using List = std::vector<Value>;

// A JSON value. What is not there, or of another type, reads as empty: "", 0, false, null.
class Value {
public:
    Value(std::nullptr_t = nullptr) {}
    Value(bool value) : held_(value) {}
    Value(int value) : held_(std::int64_t{value}) {}
    Value(std::int64_t value) : held_(value) {}
    Value(float value) : held_(double{value}) {}
    Value(double value) : held_(value) {}
    Value(const char* value) : held_(std::string(value)) {}
    Value(std::string value) : held_(std::move(value)) {}
    Value(List value) : held_(std::move(value)) {}
    Value(Fields value) : held_(std::move(value)) {}

    // Null if it is left out: the field takes the protocol's default.
    template <class T>
    Value(const std::optional<T>& value) {
        if (value) *this = Value(*value);
    }

    bool is_null() const { return std::holds_alternative<std::monostate>(held_); }
    bool flag() const { return get<bool>(); }
    const std::string& text() const { return get<std::string>(); }
    const List& list() const { return get<List>(); }
    const Fields& fields() const { return get<Fields>(); }

    double number() const {
        const auto* whole = std::get_if<std::int64_t>(&held_);
        return whole ? static_cast<double>(*whole) : get<double>();
    }

    std::int64_t whole() const {
        const auto* real = std::get_if<double>(&held_);
        return real ? static_cast<std::int64_t>(*real) : get<std::int64_t>();
    }

    const Value& operator[](const std::string& name) const {
        static const Value nothing;
        const auto found = fields().find(name);
        return found == fields().end() ? nothing : found->second;
    }

    // As text; nothing if a number is not finite, which JSON cannot say.
    std::optional<std::string> json() const {
        std::ostringstream out;
        out.imbue(std::locale::classic());
        out.precision(17);
        if (!write(out)) return std::nullopt;
        return out.str();
    }

    // What a text says; nothing if it is no JSON.
    static std::optional<Value> parse(std::string_view text) {
        Value value;
        if (!read(text, value, 0)) return std::nullopt;
        return value;
    }

private:
    static constexpr int kMaxDepth = 64;
    std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Fields> held_;

    template <class T>
    const T& get() const {
        static const T nothing{};
        const T* found = std::get_if<T>(&held_);
        return found ? *found : nothing;
    }

    bool write(std::ostream& out) const {
        if (is_null()) out << "null";
        else if (std::holds_alternative<bool>(held_)) out << (flag() ? "true" : "false");
        else if (std::holds_alternative<std::int64_t>(held_)) out << whole();
        else if (std::holds_alternative<double>(held_)) {
            out << number();
            return std::isfinite(number());
        } else if (std::holds_alternative<std::string>(held_)) write_text(out, text());
        else return write_many(out);
        return true;
    }

    bool write_many(std::ostream& out) const {
        const bool is_list = std::holds_alternative<List>(held_);
        const char* separator = "";
        bool fine = true;
        out << (is_list ? '[' : '{');
        for (const Value& value : list()) {
            out << std::exchange(separator, ",");
            fine = value.write(out) && fine;
        }
        for (const auto& [name, value] : fields()) {
            out << std::exchange(separator, ",");
            write_text(out, name);
            out << ':';
            fine = value.write(out) && fine;
        }
        out << (is_list ? ']' : '}');
        return fine;
    }

    static void write_text(std::ostream& out, const std::string& text) {
        out << '"';
        for (const char letter : text) {
            char code[8];
            if (letter == '"' || letter == '\\') out << '\\' << letter;
            else if (static_cast<unsigned char>(letter) >= 0x20) out << letter;
            else {
                std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(letter));
                out << code;
            }
        }
        out << '"';
    }

    static char peek(std::string_view& text) {
        const auto start = text.find_first_not_of(" \t\r\n");
        text.remove_prefix(start == text.npos ? text.size() : start);
        return text.empty() ? '\0' : text.front();
    }

    static bool word(std::string_view& text, std::string_view wanted) {
        if (text.substr(0, wanted.size()) != wanted) return false;
        text.remove_prefix(wanted.size());
        return true;
    }

    static bool read(std::string_view& text, Value& value, int depth) {
        if (depth > kMaxDepth) return false;
        switch (peek(text)) {
            case '{': return read_fields(text, value, depth);
            case '[': return read_list(text, value, depth);
            case '"': return read_text(text, value.held_.emplace<std::string>());
            case 't': value = true; return word(text, "true");
            case 'f': value = false; return word(text, "false");
            case 'n': value = nullptr; return word(text, "null");
            default: return read_number(text, value);
        }
    }

    static bool read_fields(std::string_view& text, Value& value, int depth) {
        Fields fields;
        text.remove_prefix(1);
        while (peek(text) != '}') {
            std::string name;
            Value field;
            if (peek(text) != '"' || !read_text(text, name) || peek(text) != ':') return false;
            text.remove_prefix(1);
            if (!read(text, field, depth + 1)) return false;
            fields.insert_or_assign(std::move(name), std::move(field));
            if (peek(text) == ',') text.remove_prefix(1);
        }
        text.remove_prefix(1);
        value = std::move(fields);
        return true;
    }

    static bool read_list(std::string_view& text, Value& value, int depth) {
        List list;
        text.remove_prefix(1);
        while (peek(text) != ']') {
            if (!read(text, list.emplace_back(), depth + 1)) return false;
            if (peek(text) == ',') text.remove_prefix(1);
        }
        text.remove_prefix(1);
        value = std::move(list);
        return true;
    }

    static bool read_text(std::string_view& text, std::string& said) {
        for (text.remove_prefix(1); !text.empty() && text.front() != '"'; text.remove_prefix(1)) {
            if (text.front() != '\\') {
                said += text.front();
                continue;
            }
            text.remove_prefix(1);
            if (text.empty()) return false;
            static constexpr std::string_view kShort = "nrtbf", kMeant = "\n\r\t\b\f";
            const auto known = kShort.find(text.front());
            if (known != kShort.npos) said += kMeant[known];
            else if (text.front() != 'u') said += text.front();
            else if (!read_code(text, said)) return false;
        }
        return word(text, "\"");
    }

    // Four hexadecimal digits; the server writes letters beyond the first plane as UTF-8.
    static bool read_code(std::string_view& text, std::string& said) {
        unsigned code = 0;
        if (text.size() < 5) return false;
        const auto end = text.data() + 5;
        if (std::from_chars(text.data() + 1, end, code, 16).ptr != end) return false;
        text.remove_prefix(4);
        if (code < 0x80) said += static_cast<char>(code);
        else {
            if (code < 0x800) said += static_cast<char>(0xc0 | code >> 6);
            else {
                said += static_cast<char>(0xe0 | code >> 12);
                said += static_cast<char>(0x80 | (code >> 6 & 0x3f));
            }
            said += static_cast<char>(0x80 | (code & 0x3f));
        }
        return true;
    }

    static bool read_number(std::string_view& text, Value& value) {
        const std::string digits(text.substr(0, text.find_first_not_of("+-.eE0123456789")));
        const char* end = digits.data() + digits.size();
        std::int64_t whole = 0;
        double real = 0.0;
        text.remove_prefix(digits.size());
        const auto [stop, fault] = std::from_chars(digits.data(), end, whole);
        if (stop == end && fault == std::errc()) {
            value = whole;
            return !digits.empty();
        }
        std::istringstream in(digits);
        in.imbue(std::locale::classic());
        in >> real;
        value = real;
        return !in.fail();
    }
};

// ---------------------------------------------------------------------------------------- answers

// Why something was not done, for those who want it thrown.
struct Error : std::runtime_error {
    Error(std::string code, const std::string& message) : std::runtime_error(message), code(std::move(code)) {}
    std::string code;
};

// What a request was answered; `code` is of the protocol's table, or "lost", "timeout", "keys".
struct Reply {
    bool ok = false;
    Value content;
    std::string code, message;

    // The content; throws if it was refused.
    const Value& value() const {
        if (!ok) throw Error(code, message);
        return content;
    }
};

// What a request will be answered.
class Promise {
public:
    const std::string& id() const { return state_->id; }  // as in the events executed and dropped
    bool done() const { return state_->done; }
    const Reply& reply() const { return state_->reply; }

    Promise& then(std::function<void(const Reply&)> call) {
        if (done()) call(reply());
        else state_->calls.push_back(std::move(call));
        return *this;
    }

private:
    friend class Client;
    friend class Session;

    struct State {
        std::string id;
        bool done = false;
        double deadline = 0.0;
        Reply reply;
        std::vector<std::function<void(const Reply&)>> calls;
    };

    std::shared_ptr<State> state_ = std::make_shared<State>();

    explicit Promise(std::string id) { state_->id = std::move(id); }

    void finish(Reply reply) const {
        if (done()) return;
        state_->done = true;
        state_->reply = std::move(reply);
        for (const auto& call : std::exchange(state_->calls, {})) call(state_->reply);
    }
};

// What happens in the music; `data` has all fields.
struct Event {
    std::string type;
    std::int64_t sequence = 0, at_frame = 0;
    double beat = 0.0;
    int bar = 0;
    Value data;

    explicit Event(Value told)
        : type(told["type"].text()), sequence(told["sequence"].whole()), at_frame(told["at_frame"].whole()),
          beat(told["beat"].number()), bar(static_cast<int>(told["bar"].whole())), data(std::move(told)) {}
};

// ----------------------------------------------------------------------------------------- client

struct Options {
    std::string endpoint = "tcp://127.0.0.1:5570";
    std::string keys;  // file that `segue keys new NAME` wrote, for a server on another machine
    std::string name = "segue.hpp";  // as the server logs it
    double timeout_seconds = 5.0;
};

class Session;

// A connection to a Segue server, which is made in the background. It outlives its sessions.
class Client {
public:
    std::function<void()> on_connected = [] {}, on_lost = [] {};

    explicit Client(Options options = {}) : options_(std::move(options)) {
        std::random_device random;
        prefix_ = std::to_string(random()) + "-";
        read_keys();
    }

    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Music that was not closed plays on until its time-out.
    ~Client() {
        if (control_) control_.set(zmq::sockopt::linger, 300);  // what was said last should go out
    }

    bool connected() const { return connected_; }
    const Value& server() const { return server_; }  // what `welcome` told

    // Music, opened as soon as there is a server; options: the fields of `open` in the protocol.
    std::shared_ptr<Session> open(const std::string& cue, Fields options = {});

    // Any request that concerns no session: list, metrics, prepare, ...
    Promise ask(const std::string& type, Fields content = {}, double timeout_seconds = 0.0) {
        Promise promise(new_id());
        send(promise, type, content, "", timeout_seconds);
        return promise;
    }

    // Once a frame: everything that has come is told from here.
    void tick();

private:
    friend class Session;

    // Sees at once that the server is gone.
    struct Watch : zmq::monitor_t {
        bool lost = false;
        void on_event_disconnected(const zmq_event_t&, const char*) override { lost = true; }
    };

    Options options_;
    zmq::context_t context_{1};
    zmq::socket_t control_, events_;
    std::unique_ptr<Watch> watch_;  // of the control socket
    Value keys_, server_;
    std::string keys_fault_, prefix_;
    std::map<std::string, Promise> promises_;
    std::vector<std::shared_ptr<Session>> sessions_;
    std::deque<std::pair<Promise, Reply>> failed_;  // told by the next tick
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    bool connected_ = false;
    long count_ = 0;
    double dial_at_ = 0.0, ping_at_ = 0.0, offset_ = 0.0, best_trip_ = 0.0;

    double now() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }
    double server_seconds() const { return now() + offset_; }
    std::string new_id() { return prefix_ + std::to_string(++count_); }

    void read_keys() {
        if (options_.keys.empty()) return;
        std::ifstream file(options_.keys);
        std::stringstream text;
        text << file.rdbuf();
        keys_ = Value::parse(text.str()).value_or(nullptr);
        if (keys_["secret_key"].text().size() != 40)
            keys_fault_ = options_.keys + " holds no keys; give the file that `segue keys new NAME` wrote";
    }

    zmq::socket_t connect(zmq::socket_type kind, const std::string& endpoint) {
        zmq::socket_t socket(context_, kind);
        socket.set(zmq::sockopt::linger, 0);
        socket.set(zmq::sockopt::heartbeat_ivl, 1000);
        socket.set(zmq::sockopt::heartbeat_timeout, 3000);
        socket.set(zmq::sockopt::heartbeat_ttl, 3000);
        socket.set(zmq::sockopt::reconnect_ivl_max, 2000);
        if (!options_.keys.empty()) {
            socket.set(zmq::sockopt::curve_serverkey, keys_["server_key"].text());
            socket.set(zmq::sockopt::curve_publickey, keys_["public_key"].text());
            socket.set(zmq::sockopt::curve_secretkey, keys_["secret_key"].text());
        }
        socket.connect(endpoint);
        return socket;
    }

    void dial() {
        try {
            control_ = connect(zmq::socket_type::dealer, options_.endpoint);
            watch_ = std::make_unique<Watch>();
            watch_->init(control_, "inproc://" + new_id(), ZMQ_EVENT_DISCONNECTED);
        } catch (const zmq::error_t& error) {
            keys_fault_ = "cannot call " + options_.endpoint + ": " + error.what();
            return;
        }
        ask("hello", {{"protocol", kVersion}, {"client", options_.name}}).then([this](const Reply& reply) {
            if (reply.ok) greet(reply.content);
            else lose();
        });
    }

    void greet(const Value& welcome);
    void lose();

    void send(const Promise& promise, const std::string& type, const Fields& content, const std::string& session,
              double timeout_seconds) {
        Fields given;
        for (const auto& [name, value] : content)
            if (!value.is_null()) given.emplace(name, value);
        const Fields header{{"id", promise.id()}, {"type", type}, {"session", session}};
        const auto text = Value(Fields{{"header", header}, {"content", given}}).json();
        if (!keys_fault_.empty()) fail(promise, "keys", keys_fault_);
        else if (!connected_ && type != "hello") fail(promise, "lost", "no server at " + options_.endpoint);
        else if (!text) fail(promise, "out_of_range", "a number that is not finite");
        else if (!put(*text)) fail(promise, "lost", "no way to " + options_.endpoint);
        else {
            promise.state_->deadline = now() + std::max(timeout_seconds, options_.timeout_seconds);
            promises_.emplace(promise.id(), promise);
        }
    }

    bool put(const std::string& text) {
        try {
            return control_.send(zmq::buffer(text), zmq::send_flags::dontwait).has_value();
        } catch (const zmq::error_t&) {
            return false;
        }
    }

    void fail(const Promise& promise, std::string code, std::string message) {
        failed_.emplace_back(promise, Reply{false, nullptr, std::move(code), std::move(message)});
    }

    static bool receive(zmq::socket_t& socket, std::vector<std::string>& frames) {
        frames.clear();
        if (!socket) return false;
        try {
            zmq::message_t frame;
            do {
                if (!socket.recv(frame, zmq::recv_flags::dontwait)) return false;
                frames.push_back(frame.to_string());
            } while (frame.more());
        } catch (const zmq::error_t&) {
            return false;
        }
        return true;
    }

    bool is_cut_off() {
        try {
            while (watch_->check_event()) {}
        } catch (const zmq::error_t&) {
            return true;
        }
        return watch_->lost;
    }

    void take_reply(const Value& message) {
        const auto found = promises_.find(message["parent"]["id"].text());
        if (found == promises_.end()) return;
        const Promise promise = found->second;
        promises_.erase(found);
        const Value& content = message["content"];
        Reply reply{message["header"]["type"].text() != "error", content, "", ""};
        if (!reply.ok) {
            reply.code = content["code"].text();
            reply.message = content["message"].text();
            if (!content["remediation"].text().empty()) reply.message += "; " + content["remediation"].text();
        }
        promise.finish(std::move(reply));
    }

    void give_up_late() {
        std::vector<Promise> late;
        for (const auto& [id, promise] : promises_)
            if (now() > promise.state_->deadline) late.push_back(promise);
        for (const Promise& promise : late) {
            promises_.erase(promise.id());
            promise.finish({false, nullptr, "timeout", "no answer from " + options_.endpoint});
        }
    }

    void ping() {
        ping_at_ = now() + 1.0;
        const auto sent_ns = static_cast<std::int64_t>(now() * 1e9);
        ask("ping", {{"t0_ns", sent_ns}}).then([this](const Reply& pong) {
            if (pong.ok) set_clock(pong.content);
            else if (pong.code == "timeout") lose();
        });
    }

    // By the quickest of the last pings.
    void set_clock(const Value& pong) {
        const double sent = pong["t0_ns"].number() / 1e9, come = pong["t1_ns"].number() / 1e9;
        const double gone = pong["t2_ns"].number() / 1e9, trip = now() - sent - (gone - come);
        best_trip_ *= 1.1;
        if (trip > best_trip_) return;
        best_trip_ = trip;
        offset_ = (come - sent + gone - now()) / 2;
    }
};

// A piece of music that the server plays, with all verbs of the protocol.
class Session : public std::enable_shared_from_this<Session> {
public:
    using Listener = std::function<void(const Event&)>;
    using Maybe = std::optional<double>;

    std::function<void()> on_opened = [] {};
    std::function<void()> on_reopened = [] {};  // the server had forgotten it, and plays it from its start
    std::function<void(const std::string& reason)> on_closed = [](const std::string&) {};

    // Events of a type ("*": all), as they are told: up to a bar ahead of the sound.
    void on(const std::string& type, Listener listener) { told_[type].push_back(std::move(listener)); }
    // The same events, each in the tick in which it sounds.
    void on_sound(const std::string& type, Listener listener) { sounds_[type].push_back(std::move(listener)); }

    const std::string& id() const { return id_; }  // empty: not open
    const Value& cue() const { return cue_; }
    bool ended() const { return ended_; }  // for good

    Promise set(Fields parameters, Fields options = {}) {
        auto keep_them = [self = weak_from_this(), parameters](const Reply& reply) {
            if (const auto session = self.lock(); session && reply.ok) session->keep(parameters);
        };
        return command("set", {{"parameters", parameters}}, std::move(options)).then(keep_them);
    }
    Promise mood(Maybe valence, Maybe arousal, Maybe tension = {}, Fields options = {}) {
        return command("mood", {{"valence", valence}, {"arousal", arousal}, {"tension", tension}}, std::move(options));
    }
    Promise go(const std::string& section, Fields options = {}) {
        return command("go", {{"section", section}}, std::move(options));
    }
    Promise stinger(const std::string& name, Fields options = {}) {
        return command("stinger", {{"name", name}}, std::move(options));
    }
    Promise level(const std::string& layer, double value, Fields options = {}) {
        return command("level", {{"layer", layer}, {"value", value}}, std::move(options));
    }
    Promise control(const std::string& name, double value, Fields options = {}) {
        return command("control", {{"name", name}, {"value", value}}, std::move(options));
    }
    Promise direct(Fields changes, Fields options = {}) {
        return command("direct", {{"changes", std::move(changes)}}, std::move(options));
    }
    Promise release(List knobs = {}) { return ask("release", {{"names", std::move(knobs)}}); }
    Promise feedback(double value) { return ask("feedback", {{"value", value}}); }
    Promise game(Fields features) { return ask("game", {{"features", std::move(features)}}); }
    Promise duck(double depth_db = 9.0, double seconds = 1.0) {
        return ask("duck", {{"depth_db", depth_db}, {"seconds", seconds}});
    }
    Promise switch_director(const std::string& director) { return ask("switch", {{"director", director}}); }
    Promise tempo(Maybe bpm) { return ask("tempo", {{"bpm", bpm}}); }
    Promise loop(int bars, Fields options = {}) { return command("loop", {{"bars", bars}}, std::move(options)); }
    Promise cancel(const Promise& promise) { return ask("cancel", {{"command", promise.id()}}); }
    Promise pause() { return ask("pause"); }
    Promise resume() { return ask("resume"); }
    Promise position() { return ask("position"); }

    // End the music for good; it fades out first if told so.
    Promise close(double fade_seconds = 0.0) {
        ended_ = true;
        return ask("close", {{"fade_seconds", fade_seconds}}, 10.0 + fade_seconds);
    }

    // Any request that concerns this session; fields that are null take their defaults.
    Promise ask(const std::string& type, Fields content = {}, double timeout_seconds = 0.0) {
        Promise promise(client_.new_id());
        auto send = [=] { client_.send(promise, type, content, id_, timeout_seconds); };
        const bool later = id_.empty() && !ended_ && (client_.connected() || !was_open_);
        if (later) waiting_.push_back(send);  // in order, once it is open
        else send();
        return promise;
    }

    // How long it is until a frame sounds, in seconds; below zero once it has.
    double seconds_until(std::int64_t at_frame) const { return (static_cast<double>(at_frame) - frame_now()) / rate_; }
    // The frame that sounds now, by the server's clock.
    double frame_now() const {
        return moving_ ? frame_ + (client_.server_seconds() - frame_seconds_) * rate_ : frame_;
    }

private:
    friend class Client;

    Client& client_;
    Fields options_;
    std::string id_, topic_;
    Value cue_;
    std::map<std::string, std::vector<Listener>> told_, sounds_;
    std::vector<std::function<void()>> waiting_;
    std::deque<Event> ahead_;  // have not sounded
    std::map<std::int64_t, Event> early_;  // wait for those before them
    std::int64_t known_ = 0;
    double rate_ = 48000.0, frame_ = 0.0, frame_seconds_ = 0.0, ask_at_ = 0.0, open_at_ = kNever;
    bool opening_ = false, was_open_ = false, fetching_ = false, moving_ = false, ended_ = false;

    Session(Client& client, Fields options) : client_(client), options_(std::move(options)) {}

    Promise command(const std::string& type, Fields content, Fields options) {
        content.merge(options);
        return ask(type, std::move(content));
    }

    void keep(const Fields& parameters) {
        Fields kept = options_["parameters"].fields();
        for (const auto& [name, value] : parameters) kept.insert_or_assign(name, value);
        options_.insert_or_assign("parameters", kept);
    }

    // There is a server (again), the old one or another: open, or see what was missed.
    void renew(bool another) {
        fetching_ = opening_ = false;
        if (another) id_.clear();
        if (id_.empty()) {
            open();
        } else {
            client_.events_.set(zmq::sockopt::subscribe, topic_);
            fetch();
        }
    }

    void open() {
        if (opening_ || ended_ || !client_.connected()) return;
        opening_ = true;
        open_at_ = kNever;
        id_.clear();
        client_.ask("open", options_, 60.0).then([self = shared_from_this()](const Reply& reply) {
            self->opening_ = false;
            if (reply.ok) self->begin(reply.content);
            else if (reply.code != "lost") self->fail(reply.message);
        });
    }

    void begin(const Value& opened) {
        id_ = opened["session"].text();
        if (ended_) {  // closed while it was being opened
            ask("close");
            return;
        }
        cue_ = opened["cue"];
        rate_ = opened["sample_rate"].number();
        known_ = 0;
        early_.clear();
        ahead_.clear();
        place(opened["position"]);
        topic_ = opened["topic"].text();
        client_.events_.set(zmq::sockopt::subscribe, topic_);
        send_waiting();
        fetch();
        (std::exchange(was_open_, true) ? on_reopened : on_opened)();
    }

    void fail(const std::string& reason) {
        ended_ = true;
        send_waiting();  // they are told that there is no session
        on_closed(reason);
    }

    void send_waiting() {
        for (const auto& send : std::exchange(waiting_, {})) send();
    }

    void place(const Value& position) {
        frame_ = position["frame"].number();
        frame_seconds_ = position["ts_ns"].number() / 1e9;
        moving_ = !position["paused"].flag() && options_["clock"].text() != "manual";
    }

    // It is opened again, unless it turns out that someone closed it.
    void forgotten(const Reply& reply) {
        if (reply.code == "unknown_session") open_at_ = std::min(open_at_, client_.now() + 1.0);
    }

    void tick() {
        if (!id_.empty() && client_.connected() && client_.now() >= ask_at_) {
            ask_at_ = client_.now() + 2.0;  // keeps the session alive, and its clock right
            position().then([self = shared_from_this()](const Reply& reply) {
                if (reply.ok) self->place(reply.content["position"]);
                else self->forgotten(reply);
            });
        }
        if (client_.now() >= open_at_) {
            id_.clear();
            open();
        }
        while (!ahead_.empty() && static_cast<double>(ahead_.front().at_frame) <= frame_now()) {
            const Event next = std::move(ahead_.front());
            ahead_.pop_front();
            call(sounds_, next);
        }
    }

    void take(Event event) {
        if (event.sequence <= known_) return;
        early_.emplace(event.sequence, std::move(event));
        deliver();
        if (!early_.empty()) fetch();
    }

    void deliver() {
        for (auto next = early_.find(known_ + 1); next != early_.end(); next = early_.find(known_ + 1)) {
            const Event event = std::move(next->second);
            early_.erase(next);
            ++known_;
            tell(event);
        }
    }

    // Ask for the events that were missed.
    void fetch() {
        if (fetching_ || id_.empty()) return;
        fetching_ = true;
        ask("events", {{"after", known_}}).then([self = shared_from_this()](const Reply& reply) {
            self->fetching_ = false;
            if (reply.ok) self->fill(reply.content);
            else self->forgotten(reply);
        });
    }

    void fill(const Value& content) {
        known_ = std::max(known_, content["oldest"].whole() - 1);  // what is older is forgotten
        for (const Value& item : content["events"].list()) {
            Event event(item);
            if (event.sequence > known_) early_.emplace(event.sequence, std::move(event));
        }
        deliver();
        if (!early_.empty()) fetch();
    }

    void tell(const Event& event) {
        const auto later = [](std::int64_t frame, const Event& other) { return frame < other.at_frame; };
        ahead_.insert(std::upper_bound(ahead_.begin(), ahead_.end(), event.at_frame, later), event);
        call(told_, event);
        if (event.type == "paused" || event.type == "resumed") ask_at_ = 0.0;
        if (event.type != "closed") return;
        id_.clear();
        open_at_ = kNever;
        ended_ = ended_ || event.data["reason"].text() == "closed";  // by someone who meant it
        on_closed(event.data["reason"].text());
        open();
    }

    static void call(const std::map<std::string, std::vector<Listener>>& listeners, const Event& event) {
        for (const char* type : {event.type.c_str(), "*"})
            if (const auto found = listeners.find(type); found != listeners.end())
                for (const Listener& listener : found->second) listener(event);
    }
};

inline std::shared_ptr<Session> Client::open(const std::string& cue, Fields options) {
    options.insert_or_assign("cue", cue);
    std::shared_ptr<Session> session(new Session(*this, std::move(options)));
    sessions_.push_back(session);
    session->open();
    return session;
}

inline void Client::tick() {
    if (!control_ && keys_fault_.empty() && now() >= dial_at_) dial();
    std::vector<std::string> frames;
    while (receive(control_, frames))
        if (const auto message = Value::parse(frames[0])) take_reply(*message);
    while (receive(events_, frames))
        if (const auto told = frames.size() > 1 ? Value::parse(frames[1]) : std::nullopt)
            for (const auto& session : std::vector(sessions_))
                if (session->id() == (*told)["session"].text()) session->take(Event(*told));
    if (connected_ && is_cut_off()) lose();
    if (connected_ && now() >= ping_at_) ping();
    for (const auto& session : std::vector(sessions_)) session->tick();
    for (auto& [promise, reply] : std::exchange(failed_, {})) promise.finish(std::move(reply));
    give_up_late();
    sessions_.erase(std::remove_if(sessions_.begin(), sessions_.end(),
                        [](const auto& session) { return session->ended() && session->id().empty(); }),
                    sessions_.end());
}

inline void Client::greet(const Value& welcome) {
    try {
        events_ = connect(zmq::socket_type::sub, welcome["events"].text());
    } catch (const zmq::error_t&) {
        lose();
        return;
    }
    const bool another = server_["started_ns"].whole() != welcome["started_ns"].whole();
    server_ = welcome;
    connected_ = true;
    best_trip_ = kNever;
    ping_at_ = 0.0;
    on_connected();
    for (const auto& session : std::vector(sessions_)) session->renew(another);
}

// Nothing is heard of the server: it is called anew soon.
inline void Client::lose() {
    dial_at_ = now() + 0.5;
    watch_.reset();
    control_ = zmq::socket_t();
    events_ = zmq::socket_t();
    for (const auto& [id, promise] : std::exchange(promises_, {})) fail(promise, "lost", "the server was lost");
    if (std::exchange(connected_, false)) on_lost();
}

}  // namespace segue
