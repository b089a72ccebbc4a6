"""The ports over SQL, the object store, NATS and Triton."""
