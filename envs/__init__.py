"""The worlds agents learn in: Gymnasium environments over music state.

Importing this registers them, so `gym.make("segue.envs:segue/Arrange-v0")` works anywhere.
"""

from gymnasium.envs.registration import register, registry

ARRANGE = "segue/Arrange-v0"

if ARRANGE not in registry:
    register(
        id=ARRANGE,
        entry_point="segue.envs.arrange:ArrangeEnv",
        vector_entry_point="segue.envs.arrange:ArrangeVectorEnv",
    )
