"""Simulated listeners lag, differ and stay within what anybody reports."""

import numpy as np

from segue.envs.arrange.listener import FELT_LIMIT, Listeners, ListenerSettings


def test_felt_mood_follows_with_the_lag() -> None:
    listeners = Listeners(1, ListenerSettings(memory_bars=4.0))
    for _ in range(4):
        felt = listeners.feel(np.array([[1.0, -1.0]]))
    np.testing.assert_allclose(felt, [[1 - np.exp(-1), -(1 - np.exp(-1))]])


def test_without_memory_it_is_felt_at_once_through_gain_and_bias() -> None:
    listeners = Listeners(1, ListenerSettings(memory_bars=0.0))
    listeners.meet(np.array([[0.5, 0.0]]), np.array([[2.0, 1.0]]))
    np.testing.assert_allclose(listeners.feel(np.array([[0.25, -0.3]])), [[1.0, -0.3]])


def test_traits_are_spread_as_set_and_felt_mood_is_bounded() -> None:
    settings = ListenerSettings(bias_sd=0.6, log_gain_sd=0.25)
    listeners = Listeners(4000, settings)
    bias, gain = listeners.draw(np.random.default_rng(0), 4000)
    assert abs(bias.std() - 0.6) < 0.02
    assert abs(np.log(gain).std() - 0.25) < 0.01
    of_another = ListenerSettings(bias_mean_valence=1.0, bias_mean_arousal=-0.5)
    shifted, _ = Listeners(1, of_another).draw(np.random.default_rng(0), 4000)
    np.testing.assert_allclose(shifted, bias + of_another.bias_mean)
    listeners.meet(10 * bias, gain)
    assert np.abs(listeners.felt).max() == FELT_LIMIT
