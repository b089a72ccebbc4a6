"""`make demo`: the main job on real footage, from a studio that starts to a movie that was checked."""
