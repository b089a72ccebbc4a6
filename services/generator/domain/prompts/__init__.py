"""What a model is told of a spec: styles, the library of what to avoid, more words. `told.told` puts it together."""
