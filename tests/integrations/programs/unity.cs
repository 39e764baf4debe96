// A game of sorts: plays, and prints what happens, one thing a line.

using System;
using System.Threading;
using Segue;

static class Game
{
    static void Main(string[] arguments)
    {
        var music = new SegueClient(arguments[0]);
        music.Connected += () => Print("connected", music.Server.Text("server"));
        music.Lost += () => Print("lost");
        var options = new Map { { "director", "table" }, { "parameters", new Map { { "danger", 0.1 } } } };
        var session = music.Open("dungeon", options);
        session.Beat += e => Print("beat", e.Beat, session.SecondsUntil(e.AtFrame));
        session.Sounds += e => Print("sounds", e.Type, session.SecondsUntil(e.AtFrame));
        session.Section += e => Print("section", e.Data.Text("name"));
        session.Executed += e => Print("executed", e.Data.Text("verb"), e.Data.Whole("late_frames"));
        session.Closed += e => Print("closed", e.Data.Text("reason"));
        session.Reopened += () => session.Position().Then(reply =>
            Print("reopened", session.Id, reply.Maps("position").Maps("parameters").Number("danger")));
        session.Opened.Then(opened => Print("opened", session.Id, session.Cue.Text("title")));
        // said before there is a session: done as soon as there is one
        session.Set("danger", 0.8).Then(promise => Print("set", promise.Text("id") != ""));
        session.Go("boss").Then(promise => Print("go", promise.Number("eta_seconds")));
        session.Set("dangr", 1.0).Then(null, error => Print("refused", error.Code, error.Message));
        session.Set("danger", double.NaN).Then(null, error => Print("refused", error.Code));
        session.Set("danger", 0.7);
        Wait(session);

        for (int i = 0; i < 10; i++) Frame(music);
        Print("frames go by");
        var asked = new Thread(() => { Console.ReadLine(); ending = true; }) { IsBackground = true };
        asked.Start();
        while (!ending) Frame(music);
        var closed = session.Close();
        closed.Then(reply => Print("files", reply.List("files").Count));
        while (!closed.IsDone) Frame(music);
        music.Dispose();
    }

    static volatile bool ending;

    static async void Wait(SegueSession session)
    {
        try
        {
            await session.Opened;
            Print("awaited", (await session.TimeTo("bar")).Number("seconds") > 0);
        }
        catch (SegueException error) { Print("refused", error.Code); }
    }

    static void Frame(SegueClient music)
    {
        music.Update();
        Thread.Sleep(5);
    }

    static void Print(params object[] words) { Console.WriteLine(string.Join(" ", words)); Console.Out.Flush(); }
}
