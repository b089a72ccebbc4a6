"""Video generation on local models: jobs, their progress and results, and the Triton server that runs the models."""
