// The C# client of Segue, for Unity and everything else that has sockets: one file, nothing else.
//
//     var music = new SegueClient();                    // tcp://127.0.0.1:5570; connects by itself
//     var session = music.Open("dungeon", new Map { { "output", "auto" } });
//     session.Beat += e => Flash(session.SecondsUntil(e.AtFrame));      // told ahead of the sound
//     session.Set("danger", 0.8);                       // every verb returns at once
//     session.Go("boss").Then(p => Debug.Log(p.Number("eta_seconds")));
//     ...
//     music.Update();                                   // once a frame: replies and events come here
//
// Speaks the protocol of docs/protocol.md over ZeroMQ's own (ZMTP 3.0, NULL), without a library.
// Threads of its own send and receive; promises and events are called from Update alone. A server
// that is lost is called again, and sessions that it does not know any more are opened again.

using System;
using System.Collections;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading;

namespace Segue
{
    /// <summary>A JSON object: names and their values.</summary>
    public sealed class Map : Dictionary<string, object>
    {
        public string Text(string name) { return Of(name) as string ?? ""; }
        public Map Maps(string name) { return Of(name) as Map ?? new Map(); }
        public List<object> List(string name) { return Of(name) as List<object> ?? new List<object>(); }
        public bool Flag(string name) { return Of(name) is bool flag && flag; }

        public double Number(string name)
        {
            object value = Of(name);
            return value is double number ? number : value is long whole ? whole : 0.0;
        }

        public long Whole(string name)
        {
            object value = Of(name);
            return value is long whole ? whole : value is double number ? (long)number : 0;
        }

        object Of(string name) { return TryGetValue(name, out object value) ? value : null; }
    }

    /// <summary>Why something was not done: `Code` of the protocol's table, or "lost", "timeout".</summary>
    public sealed class SegueException : Exception
    {
        public readonly string Code, Path;

        public SegueException(string code, string message, string path = "") : base(message)
        {
            Code = code;
            Path = path;
        }
    }

    /// <summary>
    /// What a request will be answered. Ask `IsDone`, give callbacks to `Then`, `await` it, or
    /// `yield return` it in a coroutine; all of them go on within `SegueClient.Update`.
    /// </summary>
    public sealed class Promise : IEnumerator, INotifyCompletion
    {
        public readonly string Id;
        public bool IsDone { get; private set; }
        public Map Content { get; private set; }
        public SegueException Error { get; private set; }
        internal double Deadline = double.PositiveInfinity;
        Action finished = delegate { };

        internal Promise(string id) { Id = id; }

        public Promise Then(Action<Map> done, Action<SegueException> failed = null)
        {
            OnCompleted(() =>
            {
                if (Error == null) done?.Invoke(Content);
                else failed?.Invoke(Error);
            });
            return this;
        }

        public Promise GetAwaiter() { return this; }
        public bool IsCompleted { get { return IsDone; } }

        public Map GetResult()
        {
            if (Error != null) throw Error;
            return Content;
        }

        public void OnCompleted(Action action)
        {
            if (IsDone) action();
            else finished += action;
        }

        public object Current { get { return null; } }
        public bool MoveNext() { return !IsDone; }
        public void Reset() { }

        internal void Finish(Map content, SegueException error)
        {
            if (IsDone) return;
            IsDone = true;
            Content = content ?? new Map();
            Error = error;
            finished();
            finished = null;
        }
    }

    /// <summary>What happens in the music; `Data` has all of its fields.</summary>
    public sealed class MusicEvent
    {
        public readonly Map Data;
        public readonly string Type;
        public readonly long Sequence, AtFrame;
        public readonly double Beat;
        public readonly int Bar;

        internal MusicEvent(Map data)
        {
            Data = data;
            Type = data.Text("type");
            Sequence = data.Whole("sequence");
            AtFrame = data.Whole("at_frame");
            Beat = data.Number("beat");
            Bar = (int)data.Number("bar");
        }
    }

    /// <summary>A piece of music that the server plays, with all verbs of the protocol.</summary>
    public sealed class SegueSession
    {
        /// <summary>All events, as they are told: up to a bar ahead of the sound.</summary>
        public event Action<MusicEvent> Told = delegate { };
        /// <summary>The same events, each in the frame in which it sounds.</summary>
        public event Action<MusicEvent> Sounds = delegate { };
        public event Action<MusicEvent> Beat = delegate { }, Bar = delegate { }, Section = delegate { },
            Executed = delegate { }, Dropped = delegate { }, Closed = delegate { };
        /// <summary>The server had forgotten this session, and plays it again from its start.</summary>
        public event Action Reopened = delegate { };

        public string Id { get; private set; } = "";
        public Map Cue { get; private set; } = new Map();
        /// <summary>The first opening; its content is that of `opened`.</summary>
        public readonly Promise Opened;
        public bool IsOpen { get { return Id != ""; } }

        readonly SegueClient client;
        readonly Map options;
        readonly List<MusicEvent> ahead = new List<MusicEvent>();
        readonly SortedDictionary<long, MusicEvent> early = new SortedDictionary<long, MusicEvent>();
        readonly List<Action> waiting = new List<Action>();
        double sampleRate = 48000, frame, frameSeconds, askAt, openAt = double.PositiveInfinity;
        long known;
        bool opening, fetching, moving, ended;

        /// <summary>Closed for good: it is not opened again.</summary>
        public bool IsEnded { get { return ended; } }

        internal SegueSession(SegueClient client, Map options)
        {
            this.client = client;
            this.options = options;
            Opened = new Promise(client.NewId());
        }

        // ------------------------------------------------------------------ verbs

        public Promise Set(string name, double value, double? rampSeconds = null, string at = null)
        {
            return Set(new Map { { name, value } }, rampSeconds, at);
        }

        public Promise Set(Map parameters, double? rampSeconds = null, string at = null)
        {
            var content = new Map { { "parameters", parameters }, { "ramp_seconds", rampSeconds }, { "at", at } };
            return Ask("set", content).Then(accepted => Keep(parameters));
        }

        /// <summary>For a server that is started again.</summary>
        void Keep(Map parameters)
        {
            var kept = options.Maps("parameters");
            foreach (var pair in parameters) kept[pair.Key] = pair.Value;
            options["parameters"] = kept;
        }

        public Promise Mood(double? valence, double? arousal, double? tension = null, double? rampSeconds = null)
        {
            return Ask("mood", new Map
            {
                { "valence", valence }, { "arousal", arousal }, { "tension", tension }, { "ramp_seconds", rampSeconds },
            });
        }

        public Promise Go(string section, string at = null, bool? fill = null, double? fadeBeats = null)
        {
            return Ask("go", new Map
            {
                { "section", section }, { "at", at }, { "fill", fill }, { "fade_beats", fadeBeats },
            });
        }

        public Promise Stinger(string name, string at = null, double? duckDb = null)
        {
            return Ask("stinger", new Map { { "name", name }, { "at", at }, { "duck_db", duckDb } });
        }

        public Promise Feedback(double value) { return Ask("feedback", new Map { { "value", value } }); }
        public Promise Game(Map features) { return Ask("game", new Map { { "features", features } }); }
        public Promise Unlearn() { return Ask("unlearn"); }
        public Promise Learning(bool on) { return Ask("learning", new Map { { "on", on } }); }
        public Promise Direct(Map changes) { return Ask("direct", new Map { { "changes", changes } }); }
        public Promise Release(params string[] knobs) { return Ask("release", new Map { { "names", knobs } }); }

        public Promise Level(string layer, double value, double? rampSeconds = null, string at = null)
        {
            return Ask("level", new Map
            {
                { "layer", layer }, { "value", value }, { "ramp_seconds", rampSeconds }, { "at", at },
            });
        }

        public Promise Control(string name, double value, double? rampSeconds = null)
        {
            return Ask("control", new Map { { "name", name }, { "value", value }, { "ramp_seconds", rampSeconds } });
        }

        public Promise Duck(double depthDb = 9.0, double seconds = 1.0)
        {
            return Ask("duck", new Map { { "depth_db", depthDb }, { "seconds", seconds } });
        }

        public Promise Switch(string director) { return Ask("switch", new Map { { "director", director } }); }
        public Promise Tempo(double? bpm) { return Ask("tempo", new Map { { "bpm", bpm } }); }

        public Promise Loop(int bars, string at = null)
        {
            return Ask("loop", new Map { { "bars", bars }, { "at", at } });
        }

        public Promise Cancel(Promise command) { return Ask("cancel", new Map { { "command", command.Id } }); }
        public Promise Pause() { return Ask("pause"); }
        public Promise Resume() { return Ask("resume"); }
        public Promise Seek(int bar) { return Ask("seek", new Map { { "bar", bar } }); }
        public Promise Position() { return Ask("position"); }
        public Promise Advance(double seconds) { return Ask("advance", new Map { { "seconds", seconds } }, 120.0); }
        public Promise Why() { return Ask("why"); }
        public Promise Meters() { return Ask("meters"); }
        public Promise Snapshot() { return Ask("snapshot"); }
        public Promise Restore(Map state) { return Ask("restore", new Map { { "state", state } }); }
        public Promise TimeTo(string at) { return Ask("time_to", new Map { { "at", at } }); }

        public Promise Explain(string verb, Map content)
        {
            return Ask("explain", new Map { { "verb", verb }, { "content", content } });
        }

        /// <summary>End the music for good; it fades out first if `fadeSeconds` says so.</summary>
        public Promise Close(double fadeSeconds = 0.0)
        {
            ended = true;
            return Ask("close", new Map { { "fade_seconds", fadeSeconds } }, 10.0 + fadeSeconds);
        }

        /// <summary>Any request that concerns this session; fields that are null take their defaults.</summary>
        public Promise Ask(string type, Map content = null, double timeoutSeconds = 0.0)
        {
            var promise = new Promise(client.NewId());
            Action send = () => client.Send(promise, type, content ?? new Map(), Id, timeoutSeconds);
            bool later = !IsOpen && !ended && (client.IsConnected || !Opened.IsDone);
            if (later) waiting.Add(send); // in order, once it is open
            else send();
            return promise;
        }

        /// <summary>How long it is until a frame sounds, in seconds; below zero once it has.</summary>
        public double SecondsUntil(long atFrame) { return (atFrame - FrameNow) / sampleRate; }

        /// <summary>The frame that sounds now, by the server's clock.</summary>
        public double FrameNow
        {
            get { return moving ? frame + (client.ServerSeconds - frameSeconds) * sampleRate : frame; }
        }

        // ------------------------------------------------------------------ of the client

        /// <summary>There is a server (again), the old one or another: open, or see what was missed.</summary>
        internal void Renew(bool another)
        {
            fetching = opening = false;
            if (another) Id = "";
            if (IsOpen) Fetch();
            else Open();
        }

        void Open()
        {
            if (opening || ended || !client.IsConnected) return;
            opening = true;
            openAt = double.PositiveInfinity;
            Id = "";
            ahead.Clear();
            client.Ask("open", options, 60.0).Then(Begin, error =>
            {
                opening = false;
                if (error.Code != "lost") Fail(error);
            });
        }

        void Begin(Map opened)
        {
            opening = fetching = false;
            Id = opened.Text("session");
            if (ended) // closed while it was being opened
            {
                Ask("close");
                return;
            }
            Cue = opened.Maps("cue");
            sampleRate = opened.Number("sample_rate");
            known = 0;
            early.Clear();
            TakePosition(opened);
            client.Subscribe(opened.Text("topic"));
            SendWaiting();
            Fetch();
            if (Opened.IsDone) Reopened();
            else Opened.Finish(opened, null);
        }

        void Fail(SegueException error)
        {
            ended = true;
            SendWaiting(); // they are told that there is no session
            Opened.Finish(null, error);
            Closed(new MusicEvent(new Map { { "type", "closed" }, { "reason", error.Message } }));
        }

        void SendWaiting()
        {
            var sends = waiting.ToArray();
            waiting.Clear();
            foreach (var send in sends) send();
        }

        internal void Update(double now)
        {
            if (IsOpen && now >= askAt) // keeps the session alive, and its clock right
            {
                askAt = now + 2.0;
                Ask("position").Then(TakePosition, Forgotten);
            }
            if (now >= openAt)
            {
                Id = "";
                Open();
            }
            while (ahead.Count > 0 && ahead[0].AtFrame <= FrameNow)
            {
                var next = ahead[0];
                ahead.RemoveAt(0);
                Sounds(next);
            }
        }

        /// <summary>It is opened again, unless it turns out that someone closed it.</summary>
        void Forgotten(SegueException error)
        {
            if (error.Code == "unknown_session") openAt = Math.Min(openAt, client.Now + 1.0);
        }

        void TakePosition(Map reply)
        {
            var position = reply.Maps("position");
            frame = position.Number("frame");
            frameSeconds = position.Number("ts_ns") / 1e9;
            moving = !position.Flag("paused") && options.Text("clock") != "manual";
        }

        internal void Take(MusicEvent told)
        {
            if (told.Sequence <= known) return;
            early[told.Sequence] = told;
            Deliver();
            if (early.Count > 0) Fetch();
        }

        void Deliver()
        {
            while (early.TryGetValue(known + 1, out MusicEvent next))
            {
                early.Remove(++known);
                Tell(next);
            }
        }

        /// <summary>Ask for the events that were missed.</summary>
        void Fetch()
        {
            if (fetching || !IsOpen) return;
            fetching = true;
            Ask("events", new Map { { "after", known } }).Then(reply =>
            {
                fetching = false;
                known = Math.Max(known, reply.Whole("oldest") - 1); // what is older is forgotten
                foreach (object item in reply.List("events"))
                {
                    var found = new MusicEvent((Map)item);
                    if (found.Sequence > known) early[found.Sequence] = found;
                }
                Deliver();
                if (early.Count > 0) Fetch();
            }, error => { fetching = false; Forgotten(error); });
        }

        void Tell(MusicEvent told)
        {
            int place = ahead.Count;
            while (place > 0 && ahead[place - 1].AtFrame > told.AtFrame) place--;
            ahead.Insert(place, told);
            Told(told);
            switch (told.Type)
            {
                case "beat": Beat(told); break;
                case "bar": Bar(told); break;
                case "section": Section(told); break;
                case "executed": Executed(told); break;
                case "dropped": Dropped(told); break;
                case "paused": case "resumed": askAt = 0; break;
                case "closed": End(told); break;
            }
        }

        void End(MusicEvent told)
        {
            Id = "";
            openAt = double.PositiveInfinity;
            ended = ended || told.Data.Text("reason") == "closed"; // by someone who meant it
            Closed(told);
            Open();
        }
    }

    /// <summary>A connection to a Segue server, which is made in the background.</summary>
    public sealed class SegueClient : IDisposable
    {
        public event Action Connected = delegate { }, Lost = delegate { };
        public const string Version = "1.3"; // of the protocol
        public bool IsConnected { get; private set; }
        /// <summary>What `welcome` told.</summary>
        public Map Server { get; private set; } = new Map();
        public double TimeoutSeconds = 5.0;

        readonly string endpoint, name, prefix = Guid.NewGuid().ToString("N").Substring(0, 8);
        readonly ConcurrentQueue<Action> incoming = new ConcurrentQueue<Action>();
        readonly Dictionary<string, Promise> promises = new Dictionary<string, Promise>();
        readonly List<SegueSession> sessions = new List<SegueSession>();
        readonly Stopwatch clock = Stopwatch.StartNew();
        readonly Wire control;
        Wire events;
        double offset, bestTrip, pingAt, checkAt; // seconds
        long count;

        public SegueClient(string endpoint = "tcp://127.0.0.1:5570", string name = "Segue.cs")
        {
            this.endpoint = endpoint;
            this.name = name;
            control = new Wire(endpoint, "DEALER", Arrive(Read), up => incoming.Enqueue(() => Turn(up)));
        }

        /// <summary>Music, opened as soon as there is a server; options: the fields of `open`.</summary>
        public SegueSession Open(string cue, Map options = null)
        {
            var content = new Map { { "cue", cue } };
            foreach (var pair in options ?? new Map()) content[pair.Key] = pair.Value;
            var session = new SegueSession(this, content);
            sessions.Add(session);
            if (IsConnected) session.Renew(false);
            return session;
        }

        /// <summary>Any request that concerns no session: list, metrics, prepare, ...</summary>
        public Promise Ask(string type, Map content = null, double timeoutSeconds = 0.0)
        {
            var promise = new Promise(NewId());
            Send(promise, type, content ?? new Map(), "", timeoutSeconds);
            return promise;
        }

        /// <summary>Once a frame: everything that has come is told from here.</summary>
        public void Update()
        {
            while (incoming.TryDequeue(out Action come)) come();
            double now = Now;
            if (IsConnected && now >= pingAt) Ping(now);
            for (int i = sessions.Count - 1; i >= 0; i--)
            {
                sessions[i].Update(now);
                if (sessions[i].IsEnded && !sessions[i].IsOpen) sessions.RemoveAt(i);
            }
            if (now < checkAt) return;
            checkAt = now + 0.1;
            foreach (var promise in new List<Promise>(promises.Values))
                if (now > promise.Deadline) Finish(promise, null, "timeout", "no answer from " + endpoint);
        }

        /// <summary>Let go of the server; music that was not closed plays on until its time-out.</summary>
        public void Dispose()
        {
            control.Close();
            events?.Close();
        }

        // ------------------------------------------------------------------ inside

        internal double Now { get { return clock.Elapsed.TotalSeconds; } }
        internal double ServerSeconds { get { return Now + offset; } }
        internal string NewId() { return prefix + "-" + ++count; }

        /// <summary>Brings what a thread has read, and when, to Update.</summary>
        Action<List<byte[]>> Arrive(Action<List<byte[]>, double> read)
        {
            return frames =>
            {
                double at = Now;
                incoming.Enqueue(() => read(frames, at));
            };
        }

        internal void Send(Promise promise, string type, Map content, string session, double seconds)
        {
            promises[promise.Id] = promise;
            promise.Deadline = Now + Math.Max(seconds, TimeoutSeconds);
            var given = new Map();
            foreach (var pair in content)
                if (pair.Value != null) given[pair.Key] = pair.Value;
            var header = new Map { { "id", promise.Id }, { "type", type }, { "session", session } };
            try
            {
                if (!IsConnected && type != "hello") throw new SegueException("lost", "no server at " + endpoint);
                string text = Json.Write(new Map { { "header", header }, { "content", given } });
                control.Send(Encoding.UTF8.GetBytes(text));
            }
            catch (SegueException error) { Finish(promise, null, error.Code, error.Message); }
        }

        void Finish(Promise promise, Map content, string code = "", string message = "", string path = "")
        {
            promises.Remove(promise.Id);
            promise.Finish(content, code == "" ? null : new SegueException(code, message, path));
        }

        void Read(List<byte[]> frames, double at)
        {
            var reply = Json.Read(frames[0]) as Map ?? new Map();
            if (!promises.TryGetValue(reply.Maps("parent").Text("id"), out Promise promise)) return;
            var content = reply.Maps("content");
            if (reply.Maps("header").Text("type") == "pong") TakePong(content, at);
            if (reply.Maps("header").Text("type") != "error") Finish(promise, content);
            else Finish(promise, null, content.Text("code"), Sentence(content), content.Text("path"));
        }

        static string Sentence(Map error)
        {
            string way = error.Text("remediation");
            return way == "" ? error.Text("message") : error.Text("message") + "; " + way;
        }

        void ReadEvent(List<byte[]> frames, double at)
        {
            if (frames.Count < 2 || !(Json.Read(frames[1]) is Map data)) return;
            foreach (var session in sessions.ToArray())
                if (session.Id == data.Text("session")) session.Take(new MusicEvent(data));
        }

        void Turn(bool up)
        {
            if (up)
            {
                var content = new Map { { "protocol", Version }, { "client", name } };
                Ask("hello", content).Then(Greet, error => control.Break());
                return;
            }
            bool was = IsConnected;
            IsConnected = false;
            foreach (var promise in new List<Promise>(promises.Values))
                Finish(promise, null, "lost", "the server at " + endpoint + " was lost");
            if (was) Lost();
        }

        void Greet(Map welcome)
        {
            if (events != null && Server.Text("events") != welcome.Text("events")) events.Close();
            if (Server.Text("events") != welcome.Text("events"))
                events = new Wire(welcome.Text("events"), "SUB", Arrive(ReadEvent), up => { });
            bool another = Server.Whole("started_ns") != welcome.Whole("started_ns");
            Server = welcome;
            IsConnected = true;
            bestTrip = double.PositiveInfinity;
            pingAt = 0;
            Connected();
            foreach (var session in sessions.ToArray()) session.Renew(another);
        }

        internal void Subscribe(string topic) { events.Subscribe(topic); }

        void Ping(double now)
        {
            pingAt = now + 1.0;
            Ask("ping", new Map { { "t0_ns", (long)(now * 1e9) } }).Then(null, error => control.Break());
        }

        /// <summary>The clock is set by the quickest of the last pings.</summary>
        void TakePong(Map pong, double at)
        {
            double sent = pong.Number("t0_ns") / 1e9;
            double come = pong.Number("t1_ns") / 1e9, gone = pong.Number("t2_ns") / 1e9;
            double trip = at - sent - (gone - come);
            bestTrip *= 1.1;
            if (trip > bestTrip) return;
            bestTrip = trip;
            offset = (come - sent + (gone - at)) / 2;
        }
    }

    /// <summary>A ZeroMQ connection (ZMTP 3.0, NULL) on threads of its own, made again when lost.</summary>
    sealed class Wire
    {
        const int MaxBytes = 16 << 20, More = 1, Long = 2, Command = 4;
        static readonly byte[] Null = Encoding.ASCII.GetBytes("NULL");
        readonly string host, kind;
        readonly int port;
        readonly Action<List<byte[]>> read;
        readonly Action<bool> turn;
        readonly ManualResetEvent closed = new ManualResetEvent(false);
        readonly HashSet<string> topics = new HashSet<string>();
        readonly object key = new object(); // to what follows
        TcpClient tcp;
        Thread sender;
        BlockingCollection<byte[]> outbox; // null: not connected

        public Wire(string endpoint, string kind, Action<List<byte[]>> read, Action<bool> turn)
        {
            int colon = endpoint.LastIndexOf(':');
            host = endpoint.Substring(0, colon).Replace("tcp://", "").Trim('[', ']');
            port = int.Parse(endpoint.Substring(colon + 1), CultureInfo.InvariantCulture);
            this.kind = kind;
            this.read = read;
            this.turn = turn;
            new Thread(Run) { IsBackground = true, Name = "segue " + kind }.Start();
        }

        public void Send(byte[] message)
        {
            lock (key) outbox?.Add(Frame(message, 0));
        }

        public void Subscribe(string topic)
        {
            lock (key) if (topics.Add(topic)) outbox?.Add(Subscription(topic));
        }

        /// <summary>End this connection; another will be made.</summary>
        public void Break()
        {
            lock (key) tcp?.Close();
        }

        public void Close()
        {
            closed.Set();
            Thread last;
            lock (key)
            {
                outbox?.CompleteAdding();
                outbox = null;
                last = sender;
            }
            last?.Join(300); // what was said last should still go out
            Break();
        }

        void Run()
        {
            for (int wait = 100; !closed.WaitOne(wait); wait = Math.Min(2 * wait, 2000))
            {
                bool up = false;
                try
                {
                    var stream = Dial();
                    Greet(stream);
                    Begin(stream);
                    turn(up = true);
                    wait = 100;
                    while (true) read(ReadMessage(stream));
                }
                catch (Exception error) when (error is IOException || error is SocketException
                    || error is ObjectDisposedException || error is InvalidOperationException) { }
                End();
                if (up) turn(false);
            }
        }

        Stream Dial()
        {
            var made = new TcpClient { NoDelay = true, ReceiveTimeout = 3000, SendTimeout = 3000 };
            lock (key) tcp = made;
            var connecting = made.BeginConnect(host, port, null, null);
            if (!connecting.AsyncWaitHandle.WaitOne(3000)) throw new IOException("no connection");
            made.EndConnect(connecting);
            return made.GetStream();
        }

        /// <summary>Greeting, then the READY command, both ways.</summary>
        void Greet(Stream stream)
        {
            var greeting = new byte[64];
            greeting[0] = 0xff;
            greeting[9] = 0x7f;
            greeting[10] = 3;
            Null.CopyTo(greeting, 12);
            stream.Write(greeting, 0, 64);
            var theirs = ReadBytes(stream, 64);
            if (theirs[0] != 0xff || theirs[10] < 3 || theirs[12] != 'N') throw new IOException("it wants keys");
            var ready = new MemoryStream();
            Write(ready, "\x05READY\x0bSocket-Type");
            ready.Write(new byte[] { 0, 0, 0, (byte)kind.Length }, 0, 4);
            Write(ready, kind);
            var frame = Frame(ready.ToArray(), Command);
            stream.Write(frame, 0, frame.Length);
            ReadFrame(stream, out int flags);
            if ((flags & Command) == 0) throw new IOException("not ready");
        }

        void Begin(Stream stream)
        {
            var box = new BlockingCollection<byte[]>();
            lock (key)
            {
                tcp.ReceiveTimeout = 0;
                foreach (string topic in topics) box.Add(Subscription(topic));
                outbox = box;
                sender = new Thread(() => Write(stream, box)) { IsBackground = true, Name = "segue sender" };
                sender.Start();
            }
        }

        void End()
        {
            lock (key)
            {
                tcp?.Close();
                outbox?.CompleteAdding();
                outbox = null;
            }
        }

        void Write(Stream stream, BlockingCollection<byte[]> box)
        {
            try
            {
                foreach (var bytes in box.GetConsumingEnumerable()) stream.Write(bytes, 0, bytes.Length);
            }
            catch (Exception error) when (error is IOException || error is ObjectDisposedException) { Break(); }
        }

        List<byte[]> ReadMessage(Stream stream)
        {
            var frames = new List<byte[]>();
            while (true)
            {
                var body = ReadFrame(stream, out int flags);
                if ((flags & Command) != 0) Answer(body);
                else frames.Add(body);
                if ((flags & (Command | More)) == 0) return frames;
            }
        }

        /// <summary>A PING (name, time to live, context) is answered by a PONG with its context.</summary>
        void Answer(byte[] command)
        {
            if (command.Length < 7 || command[1] != 'P' || command[2] != 'I') return;
            var pong = new MemoryStream();
            Write(pong, "\x04PONG");
            pong.Write(command, 7, command.Length - 7);
            lock (key) outbox?.Add(Frame(pong.ToArray(), Command));
        }

        static byte[] ReadFrame(Stream stream, out int flags)
        {
            flags = ReadBytes(stream, 1)[0];
            long size = 0;
            foreach (byte digit in ReadBytes(stream, (flags & Long) != 0 ? 8 : 1)) size = size << 8 | digit;
            if (size < 0 || size > MaxBytes) throw new IOException("a frame of " + size + " bytes");
            return ReadBytes(stream, (int)size);
        }

        static byte[] ReadBytes(Stream stream, int count)
        {
            var bytes = new byte[count];
            for (int got = 0, now; got < count; got += now)
                if ((now = stream.Read(bytes, got, count - got)) == 0) throw new IOException("the connection ended");
            return bytes;
        }

        static byte[] Frame(byte[] body, int flags)
        {
            bool isLong = body.Length > 255;
            var frame = new byte[(isLong ? 9 : 2) + body.Length];
            frame[0] = (byte)(flags | (isLong ? Long : 0));
            int last = isLong ? 8 : 1;
            for (int i = 0, size = body.Length; i < last; i++, size >>= 8) frame[last - i] = (byte)size;
            body.CopyTo(frame, frame.Length - body.Length);
            return frame;
        }

        static byte[] Subscription(string topic) { return Frame(Encoding.UTF8.GetBytes("\x01" + topic), 0); }

        static void Write(Stream stream, string text)
        {
            var bytes = Encoding.ASCII.GetBytes(text);
            stream.Write(bytes, 0, bytes.Length);
        }
    }

    /// <summary>JSON to Map, List&lt;object&gt;, string, double, long, bool and null, and back.</summary>
    static class Json
    {
        const int MaxDepth = 64;

        public static string Write(object value)
        {
            var text = new StringBuilder();
            Write(text, value);
            return text.ToString();
        }

        static void Write(StringBuilder text, object value)
        {
            if (value == null) text.Append("null");
            else if (value is string said) WriteText(text, said);
            else if (value is bool flag) text.Append(flag ? "true" : "false");
            else if (value is Map map) WriteMap(text, map);
            else if (value is IEnumerable items) WriteList(text, items);
            else WriteNumber(text, value);
        }

        static void WriteNumber(StringBuilder text, object value)
        {
            if (value is int || value is long)
            {
                text.Append(Convert.ToInt64(value).ToString(CultureInfo.InvariantCulture));
                return;
            }
            double number = Convert.ToDouble(value, CultureInfo.InvariantCulture);
            if (double.IsNaN(number) || double.IsInfinity(number))
                throw new SegueException("out_of_range", "a number that is not finite");
            text.Append(number.ToString("R", CultureInfo.InvariantCulture));
        }

        static void WriteMap(StringBuilder text, Map map)
        {
            string separator = "{";
            foreach (var pair in map)
            {
                text.Append(separator);
                WriteText(text, pair.Key);
                text.Append(':');
                Write(text, pair.Value);
                separator = ",";
            }
            text.Append(map.Count == 0 ? "{}" : "}");
        }

        static void WriteList(StringBuilder text, IEnumerable items)
        {
            text.Append('[');
            int count = 0;
            foreach (object item in items)
            {
                if (count++ > 0) text.Append(',');
                Write(text, item);
            }
            text.Append(']');
        }

        static void WriteText(StringBuilder text, string said)
        {
            text.Append('"');
            foreach (char letter in said)
            {
                if (letter == '"' || letter == '\\') text.Append('\\').Append(letter);
                else if (letter < ' ') text.Append("\\u").Append(((int)letter).ToString("x4"));
                else text.Append(letter);
            }
            text.Append('"');
        }

        /// <summary>What UTF-8 bytes say; null if they are no JSON.</summary>
        public static object Read(byte[] bytes)
        {
            try
            {
                int at = 0;
                return ReadValue(Encoding.UTF8.GetString(bytes), ref at, 0);
            }
            catch (Exception error) when (error is FormatException || error is IndexOutOfRangeException
                || error is OverflowException || error is ArgumentException) { return null; }
        }

        static object ReadValue(string text, ref int at, int depth)
        {
            if (depth > MaxDepth) throw new FormatException("too deep");
            switch (Peek(text, ref at))
            {
                case '{': return ReadMap(text, ref at, depth);
                case '[': return ReadList(text, ref at, depth);
                case '"': return ReadText(text, ref at);
                case 't': at += 4; return true;
                case 'f': at += 5; return false;
                case 'n': at += 4; return null;
                default: return ReadNumber(text, ref at);
            }
        }

        static char Peek(string text, ref int at)
        {
            while (char.IsWhiteSpace(text[at])) at++;
            return text[at];
        }

        static Map ReadMap(string text, ref int at, int depth)
        {
            var map = new Map();
            at++;
            while (Peek(text, ref at) != '}')
            {
                string name = ReadText(text, ref at);
                if (Peek(text, ref at) != ':') throw new FormatException("no colon");
                at++;
                map[name] = ReadValue(text, ref at, depth + 1);
                if (Peek(text, ref at) == ',') at++;
            }
            at++;
            return map;
        }

        static List<object> ReadList(string text, ref int at, int depth)
        {
            var list = new List<object>();
            at++;
            while (Peek(text, ref at) != ']')
            {
                list.Add(ReadValue(text, ref at, depth + 1));
                if (Peek(text, ref at) == ',') at++;
            }
            at++;
            return list;
        }

        static string ReadText(string text, ref int at)
        {
            if (Peek(text, ref at) != '"') throw new FormatException("no text");
            var said = new StringBuilder();
            for (at++; text[at] != '"'; at++)
            {
                if (text[at] != '\\') { said.Append(text[at]); continue; }
                int known = "nrtbf".IndexOf(text[++at]);
                if (known >= 0) said.Append("\n\r\t\b\f"[known]);
                else if (text[at] != 'u') said.Append(text[at]);
                else
                {
                    said.Append((char)int.Parse(text.Substring(at + 1, 4), NumberStyles.HexNumber));
                    at += 4;
                }
            }
            at++;
            return said.ToString();
        }

        static object ReadNumber(string text, ref int at)
        {
            int start = at;
            while (at < text.Length && "+-.eE0123456789".IndexOf(text[at]) >= 0) at++;
            string digits = text.Substring(start, at - start);
            var culture = CultureInfo.InvariantCulture;
            if (long.TryParse(digits, NumberStyles.AllowLeadingSign, culture, out long whole)) return whole;
            return double.Parse(digits, NumberStyles.Float, culture);
        }
    }
}
