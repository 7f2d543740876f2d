"""A Stable-Baselines3 training as written for wandb: TensorBoard's metrics, videos, the model."""

import gymnasium
import wandb
from stable_baselines3 import PPO
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecVideoRecorder
from wandb.integration.sb3 import WandbCallback

run = wandb.init(project="poles", config={"steps": 256}, sync_tensorboard=True, monitor_gym=True)


def make():
    return Monitor(gymnasium.make("CartPole-v1", render_mode="rgb_array"))


env = VecVideoRecorder(
    DummyVecEnv([make]), f"videos/{run.id}", record_video_trigger=lambda step: step == 0, video_length=20
)
model = PPO("MlpPolicy", env, n_steps=64, batch_size=32, n_epochs=1, tensorboard_log=f"runs/{run.id}")
callback = WandbCallback(model_save_path=f"models/{run.id}", gradient_save_freq=1, log="all")
model.learn(total_timesteps=run.config.steps, callback=callback)
run.finish()
