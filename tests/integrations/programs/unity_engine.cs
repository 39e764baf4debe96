// As much of Unity as SegueMusic.cs needs to compile: signatures only.

using System;

namespace UnityEngine
{
    public class Component { public Transform transform; }
    public class MonoBehaviour : Component { }
    public class Transform : Component { public Vector3 position; }
    public class Light : Component { public float intensity; }
    public struct Vector3 { public static float Distance(Vector3 a, Vector3 b) { return 0f; } }
    public static class Application { public static string productName = ""; }
    public static class Time { public static float deltaTime = 0f, unscaledTime = 0f; }

    public static class Mathf
    {
        public static float Max(float a, float b) { return Math.Max(a, b); }
        public static float Min(float a, float b) { return Math.Min(a, b); }
    }

    public static class Debug
    {
        public static void Log(object text) { }
        public static void LogWarning(object text) { }
    }
}
