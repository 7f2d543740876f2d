"""`python -m wandb …` in a program that `tracker run` started."""

from tracker.compat.wandb_command import main

main()
