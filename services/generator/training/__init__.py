"""How `wan22-nano` is trained: a drawn world with captions, a VAE, a text encoder and five denoisers.

    python -m services.generator.training WORK [--stage STAGE] [--seconds N]

Runs in Triton's environment, offline, on a CPU or one GPU. Every stage goes on from its last checkpoint in WORK.
"""
