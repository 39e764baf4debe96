// An example for Unity: put it on an empty object, drag in the player and the enemies, press Play.
// The nearer the enemies, the more danger the music has; a light flashes on the beat that is heard.

#if UNITY_5_3_OR_NEWER
using Segue;
using UnityEngine;

public class SegueMusic : MonoBehaviour
{
    public string server = "tcp://127.0.0.1:5570";
    public string cue = "dungeon";
    public string output = "auto";
    public Transform player;
    public Transform[] enemies;
    public float sight = 20f;
    public Light flash;

    public SegueSession Session { get; private set; }
    SegueClient music;
    float reportAt, glow;

    void Awake()
    {
        music = new SegueClient(server, Application.productName);
        music.Lost += () => Debug.LogWarning("Segue: no server; the game goes on without music");
        Session = music.Open(cue, new Map { { "output", output } });
        Session.Opened.Then(opened => Debug.Log("Segue plays " + Session.Cue.Text("title")), Complain);
        Session.Sounds += e => { if (e.Type == "beat") glow = 1f; };
        Session.Section += e => Debug.Log("Segue: " + e.Data.Text("name"));
    }

    void Update()
    {
        music.Update();
        glow = Mathf.Max(0f, glow - 4f * Time.deltaTime);
        if (flash != null) flash.intensity = glow;
        if (Time.unscaledTime < reportAt) return;
        reportAt = Time.unscaledTime + 0.2f;
        Session.Set("danger", Danger(), 0.3);
    }

    float Danger()
    {
        float nearest = sight;
        if (player == null || enemies == null) return 0f;
        foreach (var enemy in enemies)
            if (enemy != null) nearest = Mathf.Min(nearest, Vector3.Distance(player.position, enemy.position));
        return 1f - nearest / sight;
    }

    /// <summary>From anywhere: GetComponent&lt;SegueMusic&gt;().Fight().</summary>
    public void Fight() { Session.Go("fight").Then(null, Complain); }
    public void Win() { Session.Stinger("victory").Then(null, Complain); }

    void Complain(SegueException error) { Debug.LogWarning("Segue: " + error.Message); }

    void OnDestroy()
    {
        Session.Close(1.0);
        music.Dispose();
    }
}
#endif
